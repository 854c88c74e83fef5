// reduce.ts: sums, means and maxima over axes.

import { normalizeAxes } from '../../kernels/reduce.ts';
import { apply, type Value } from '../graph.ts';
import { mul } from './elementwise.ts';

export interface ReduceOptions {
  readonly keepDims?: boolean;
  readonly label?: string;
}

const allAxes = (x: Value): number[] => x.shape.map((_, axis) => axis);

/** Sum over the axes (all of them by default; negative ones count from the end). */
export function sum(
  x: Value,
  axes: readonly number[] = allAxes(x),
  { keepDims = false, label }: ReduceOptions = {},
): Value {
  return apply('sum', [x], { axes: normalizeAxes('sum', axes, x.shape.length), keepDims }, label);
}

export function reduceMax(x: Value, axes: readonly number[] = allAxes(x), options: ReduceOptions = {}): Value {
  const { keepDims = false, label } = options;
  return apply('reduceMax', [x], { axes: normalizeAxes('reduceMax', axes, x.shape.length), keepDims }, label);
}

export function mean(x: Value, axes: readonly number[] = allAxes(x), options: ReduceOptions = {}): Value {
  const count = normalizeAxes('mean', axes, x.shape.length).reduce((product, axis) => product * x.shape[axis], 1);
  return mul(sum(x, axes, options), 1 / count, options.label);
}
