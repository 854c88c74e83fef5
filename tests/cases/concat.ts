// concat.ts: rows for joining and for taking by index, mirrored and repeated frames among them.

import { concat, padSpatial, pad, take, takeInput } from '../../src/engine/ops/index.ts';
import type { Case } from './types.ts';

const concatRow = (name: string, inputs: Case['inputs'], axis?: number): Case => ({
  op: 'concat',
  name,
  inputs,
  build: (values) => concat(values, axis),
});

export const concatCases: readonly Case[] = [
  concatRow('two, vec4 channels', [
    [2, 3, 3, 4],
    [2, 3, 3, 8],
  ]),
  concatRow('three, odd channels', [
    [2, 2, 3, 3],
    [2, 2, 3, 5],
    [2, 2, 3, 4],
  ]),
  concatRow(
    'seven along channels',
    [1, 2, 3, 4, 5, 6, 7].map((channels) => [2, 3, channels]),
  ),
  concatRow(
    'seven along the batch, odd',
    [1, 2, 1, 3, 1, 2, 1].map((batch) => [batch, 5, 3]),
    0,
  ),
  concatRow(
    'two along the batch, vec4',
    [
      [1, 3, 4],
      [2, 3, 4],
    ],
    0,
  ),
  concatRow(
    'along a middle axis',
    [
      [2, 1, 3],
      [2, 4, 3],
    ],
    1,
  ),
  { op: 'concat', name: 'a value with itself', inputs: [[3, 4]], build: ([x]) => concat([x, x], 0) },

  { op: 'take', name: 'channels, some twice', inputs: [[2, 3, 6]], build: ([x]) => take(x, [4, 0, 4, -1, 4]) },
  { op: 'take', name: 'rows, vec4', inputs: [[2, 4, 3, 4]], build: ([x]) => take(x, [3, 1], 1) },
  {
    op: 'take',
    name: 'reflected frame',
    inputs: [[2, 3, 4, 3]],
    build: ([x]) => padSpatial(x, [2, 3, 1, 2], { mode: 'reflect' }),
  },
  {
    op: 'take',
    name: 'repeated edge, vec4',
    inputs: [[1, 3, 2, 4]],
    build: ([x]) => padSpatial(x, [2, 3, 0, 4], { mode: 'edge' }),
  },
  {
    op: 'take',
    name: 'repeated padding, more than the axis has',
    inputs: [[1, 3, 2, 4]],
    build: ([x]) => padSpatial(x, [2, 5, 4, 1], { mode: 'wrap' }),
  },
  { op: 'take', name: 'reflected vector', inputs: [[5]], build: ([x]) => pad(x, { pads: [4, 2], mode: 'reflect' }) },
  {
    op: 'take',
    name: 'indices as an input',
    inputs: [[3, 5], [4]],
    data: { 1: [2, 2, 0, 4] },
    wrt: [],
    build: ([x, indices]) => take(x, indices),
  },
  {
    op: 'takeInput',
    name: 'sums, one element unused',
    inputs: [[2, 5, 3]],
    build: ([dy]) => takeInput(dy, [3, 0, 3, 1, 3], 1, 4),
  },
  { op: 'takeInput', name: 'vec4', inputs: [[5, 8]], build: ([dy]) => takeInput(dy, [1, 0, 1, 0, 1], 0, 2) },
];
