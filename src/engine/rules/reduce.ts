// reduce.ts: derivatives of reductions.

import type { Shape } from '../../kernels/types.ts';
import type { Value } from '../graph.ts';
import { broadcastTo, equal, mul, reshape } from '../ops/index.ts';
import type { Rule } from './types.ts';

/** A reduced value stretched back over the axes it was reduced along. */
function stretch(value: Value, axes: readonly number[], shape: Shape): Value {
  const kept = shape.map((d, axis) => (axes.includes(axis) ? 1 : d));
  return broadcastTo(reshape(value, kept), shape);
}

export const reduceRules: { sum: Rule<'sum'>; reduceMax: Rule<'reduceMax'> } = {
  sum: ({ x: [x], dy, attrs }) => [stretch(dy, attrs.axes, x.shape)],
  // Every element equal to the maximum gets the whole gradient.
  reduceMax: ({ x: [x], y, dy, attrs }) => [
    mul(stretch(dy, attrs.axes, x.shape), equal(x, stretch(y, attrs.axes, x.shape))),
  ],
};
