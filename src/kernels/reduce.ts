// reduce.ts: sums and maxima over axes.

import { normalizeAxis } from './shape.ts';
import { defineOp, type Shape } from './types.ts';

export interface ReduceAttrs {
  /** Axes counted from the front, ascending. */
  readonly axes: readonly number[];
  /** Keep reduced axes with size 1. */
  readonly keepDims: boolean;
}

/** Axes sorted, counted from the front, each once. */
export function normalizeAxes(op: string, axes: readonly number[], rank: number): number[] {
  return [...new Set(axes.map((axis) => normalizeAxis(op, axis, rank)))].sort((a, b) => a - b);
}

function reducedShape(op: string, shape: Shape, { axes, keepDims }: ReduceAttrs): Shape {
  for (const axis of axes) normalizeAxis(op, axis, shape.length);
  return shape.flatMap((d, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [d]));
}

const reduceOp = (op: 'sum' | 'reduceMax') =>
  defineOp<ReduceAttrs>({
    shape: ([x], attrs) => reducedShape(op, x, attrs),
  });

export const sum = reduceOp('sum');
export const reduceMax = reduceOp('reduceMax');
