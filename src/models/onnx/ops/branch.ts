// branch.ts: If, which exporters write around what depends on a size (an axis that goes only where it is 1). Sizes are
// known while tracing, so one branch is traced and the other left out.

import type { Converter } from '../context.ts';
import { Traced } from '../operand.ts';

const choose: Converter = (context) => {
  const condition = context.fixed(0, 'condition');
  return context
    .inside(condition.data[0] !== 0 ? 'then_branch' : 'else_branch')
    .map((output) =>
      output instanceof Traced ? new Traced(output.value, output.layout, output.isInteger ?? false) : output,
    );
};

export const branch: Record<string, Converter> = { If: choose };
