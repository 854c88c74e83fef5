// logic.ts: comparisons and choices. A truth value is 1 or 0.

import type { Operand as EngineOperand, Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import type { Converter } from '../context.ts';
import { type Operand, Traced } from '../operand.ts';
import { aligned, combined, unary } from './elementwise.ts';

const where: Converter = (context) => {
  const { values, layout } = aligned(
    context,
    [0, 1, 2].map((i) => context.operand(i)),
  );
  const [condition, a, b] = values;
  return new Traced(ops.where(condition, a, b), layout, context.operand(1).isInteger ?? false);
};

/** What a converter makes are truth values. */
const truth =
  (converter: Converter): Converter =>
  (context) => {
    const y = converter(context) as Operand;
    return y instanceof Traced ? new Traced(y.value, y.layout, true) : y;
  };
const compared = (f: (a: EngineOperand, b: EngineOperand) => Value): Converter => truth(combined(f));

export const logic: Record<string, Converter> = {
  Greater: compared(ops.greater),
  GreaterOrEqual: compared(ops.greaterEqual),
  Less: compared((a, b) => ops.greater(b, a)),
  LessOrEqual: compared((a, b) => ops.greaterEqual(b, a)),
  Equal: compared(ops.equal),
  And: compared(ops.mul),
  Or: compared(ops.max),
  Xor: compared((a, b) => ops.sub(1, ops.equal(a, b))),
  Not: truth(unary((x) => ops.equal(x, 0))),
  Where: where,
};
