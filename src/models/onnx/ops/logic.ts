// logic.ts: comparisons and choices. A truth value is 1 or 0.

import * as ops from '../../../engine/ops/index.ts';
import type { Converter } from '../context.ts';
import { Traced } from '../operand.ts';
import { aligned, combined, unary } from './elementwise.ts';

const where: Converter = (context) => {
  const { values, layout } = aligned(
    context,
    [0, 1, 2].map((i) => context.operand(i)),
  );
  const [condition, a, b] = values;
  return new Traced(ops.where(condition, a, b), layout);
};

export const logic: Record<string, Converter> = {
  Greater: combined(ops.greater),
  GreaterOrEqual: combined(ops.greaterEqual),
  Less: combined((a, b) => ops.greater(b, a)),
  LessOrEqual: combined((a, b) => ops.greaterEqual(b, a)),
  Equal: combined(ops.equal),
  And: combined(ops.mul),
  Or: combined(ops.max),
  Not: unary((x) => ops.equal(x, 0)),
  Where: where,
};
