// layout.ts: rows for ops that move elements about: every path of vectors and scalars, merged and separate axes.

import {
  broadcastTo,
  flatten,
  flip,
  mul,
  pad,
  padSpatial,
  reshape,
  select,
  slice,
  transpose,
} from '../../src/engine/ops/index.ts';
import type { Case } from './types.ts';

const transposeRow = (name: string, shape: readonly number[], permutation?: readonly number[]): Case => ({
  op: 'transpose',
  name,
  inputs: [shape],
  build: ([x]) => transpose(x, permutation),
});
const sliceRow = (name: string, shape: readonly number[], options: Parameters<typeof slice>[1]): Case => ({
  op: 'slice',
  name,
  inputs: [shape],
  build: ([x]) => slice(x, options),
});
const padRow = (name: string, shape: readonly number[], options: Parameters<typeof pad>[1]): Case => ({
  op: 'pad',
  name,
  inputs: [shape],
  build: ([x]) => pad(x, options),
});

export const layoutCases: readonly Case[] = [
  { op: 'reshape', name: 'flatten', inputs: [[2, 3, 4]], build: ([x]) => mul(reshape(x, [2, 12]), 2) },
  { op: 'reshape', name: 'flatten from axis 2', inputs: [[2, 3, 4, 2]], build: ([x]) => mul(flatten(x, 2), 2) },
  { op: 'broadcastTo', name: 'spatial axes', inputs: [[2, 1, 1, 5]], build: ([x]) => broadcastTo(x, [2, 3, 4, 5]) },
  { op: 'broadcastTo', name: 'leading axis', inputs: [[4]], build: ([x]) => broadcastTo(x, [3, 4]) },

  transposeRow('matrix', [5, 7]),
  transposeRow('matrix of vectors', [3, 5, 8], [1, 0, 2]),
  transposeRow('NHWC to NCHW', [2, 3, 5, 4], [0, 3, 1, 2]),
  transposeRow('NCHW to NHWC, odd', [2, 3, 5, 7], [0, 2, 3, 1]),
  transposeRow('last axis kept, odd', [2, 3, 4, 5], [2, 0, 1, 3]),
  transposeRow('all of five axes', [2, 3, 2, 4, 3], [4, 2, 0, 3, 1]),
  transposeRow('axes of size 1', [1, 4, 1, 3], [3, 0, 1, 2]),

  sliceRow('channels, vec4', [2, 3, 3, 12], { starts: [4], ends: [8], axes: [3] }),
  sliceRow('channels, odd', [2, 3, 3, 7], { starts: [2], ends: [5], axes: [-1] }),
  sliceRow('crop, vec4', [2, 7, 6, 4], { starts: [1, 2], ends: [6, 5], axes: [1, 2] }),
  sliceRow('negative indices', [4, 9], { starts: [-3, -7], ends: [-1, 100] }),
  sliceRow('steps of 2 and 3', [2, 7, 9, 3], { starts: [1, 0], ends: [7, 9], steps: [2, 3], axes: [1, 2] }),
  sliceRow('steps of 2, vec4', [2, 8, 6, 4], { starts: [1, 0], steps: [2, 2], axes: [1, 2] }),
  sliceRow('backwards by 2', [2, 9], { starts: [-2], ends: [-100], steps: [-2], axes: [1] }),
  { op: 'slice', name: 'flipped rows and columns', inputs: [[2, 3, 4, 4]], build: ([x]) => flip(x, [1, 2]) },
  { op: 'slice', name: 'flipped channels', inputs: [[2, 3, 4]], build: ([x]) => flip(x, [-1]) },
  { op: 'slice', name: 'one channel', inputs: [[2, 3, 4, 5]], build: ([x]) => select(x, 3, -2) },

  padRow('channels', [2, 3, 3, 5], { pads: [0, 0, 0, 1, 0, 0, 0, 2] }),
  padRow('all axes, a value', [2, 3, 4], { pads: [1, 0, 2, 0, 3, 1], value: 0.5 }),
  padRow('channels, vec4', [2, 3, 8], { pads: [1, 0, 4, 0, 0, 8], value: -1 }),
  padRow('negative ones cut', [4, 5, 3], { pads: [-1, 2, 0, 1, -3, -1], value: 0.5 }),
  {
    op: 'pad',
    name: 'spatial, odd channels',
    inputs: [[2, 3, 4, 3]],
    build: ([x]) => padSpatial(x, [1, 2, 3, 0], { value: 0.25 }),
  },
  { op: 'pad', name: 'spatial, vec4', inputs: [[1, 4, 5, 4]], build: ([x]) => padSpatial(x, [2, 1, 0, 1]) },
];
