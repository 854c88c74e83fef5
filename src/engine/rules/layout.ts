// layout.ts: derivatives of ops that move elements about: the transposed move.

import { flip, reshape, slice, transpose } from '../ops/index.ts';
import { apply } from '../graph.ts';
import type { Rule } from './types.ts';

export const layoutRules: {
  reshape: Rule<'reshape'>;
  broadcastTo: Rule<'broadcastTo'>;
  transpose: Rule<'transpose'>;
  slice: Rule<'slice'>;
  pad: Rule<'pad'>;
} = {
  reshape: ({ x: [x], dy }) => [reshape(dy, x.shape)],
  // `gradient` sums the stretched axes.
  broadcastTo: ({ dy }) => [dy],
  transpose: ({ dy, attrs: { permutation } }) => [
    transpose(
      dy,
      permutation.map((_, axis) => permutation.indexOf(axis)),
    ),
  ],
  slice: ({ x: [x], dy, attrs: { starts, sizes, steps } }) => {
    // Walked backwards is walked forwards from the last element, turned around.
    const backwards = steps.flatMap((step, axis) => (step < 0 ? [axis] : []));
    const before = starts.map((start, axis) => (steps[axis] < 0 ? start + (sizes[axis] - 1) * steps[axis] : start));
    const dilation = steps.map((step) => Math.abs(step));
    const after = x.shape.map((d, axis) => d - before[axis] - (sizes[axis] - 1) * dilation[axis] - 1);
    return [apply('pad', [flip(dy, backwards)], { before, after, dilation, value: 0 })];
  },
  pad: ({ x: [x], dy, attrs: { before, dilation } }) => [
    slice(dy, {
      starts: before,
      ends: before.map((start, axis) => start + (x.shape[axis] - 1) * dilation[axis] + 1),
      steps: dilation,
    }),
  ],
};
