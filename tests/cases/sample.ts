// sample.ts: rows for affine sampling: copies, shifts over the border, turned, magnified, shrunk, singular.

import { affineSample, affineSampleInput } from '../../src/engine/ops/index.ts';
import type { Case } from './types.ts';

const IDENTITY = [1, 0, 0, 0, 1, 0];
const SHIFT = [1, 0, -2, 0, 1, 3];
const HALF_PIXEL = [1, 0, 0.5, 0, 1, -0.5];
const TURNED = [0.8, 0.6, -1.25, -0.6, 0.8, 2.125];
const MAGNIFIED = [0.3, 0.05, 0.7, -0.1, 0.4, 1.3];
const SHRUNK = [2.3, -0.4, -1.1, 0.7, 1.9, -2.6];
const SINGULAR = [0.5, 1, 0, 1, 2, 0];

const sampled = (
  name: string,
  matrix: readonly number[],
  shape: readonly number[],
  size: [number, number],
  fill = 0,
): Case => ({
  op: 'affineSample',
  name,
  inputs: [shape, [matrix.length / 6, 2, 3]],
  data: { 1: matrix },
  // The gradient of a singular map is zero by definition.
  wrt: matrix === SINGULAR ? [] : [0],
  build: ([x, m]) => affineSample(x, m, { size, fill }),
});
const written = (name: string, matrix: readonly number[], shape: readonly number[], size: [number, number]): Case => ({
  op: 'affineSampleInput',
  name,
  inputs: [shape, [matrix.length / 6, 2, 3]],
  data: { 1: matrix },
  wrt: matrix === SINGULAR ? [] : [0],
  build: ([dy, m]) => affineSampleInput(dy, m, { inputSize: size }),
});

export const sampleCases: readonly Case[] = [
  sampled('identity', IDENTITY, [2, 5, 4, 3], [5, 4]),
  sampled('shift over the border', SHIFT, [1, 6, 5, 3], [7, 4], 0.5),
  sampled('half a pixel, one channel', HALF_PIXEL, [1, 5, 5, 1], [5, 5], 0.5),
  sampled('turned, a matrix for each picture', [...TURNED, ...SHRUNK], [2, 6, 7, 3], [6, 5], 0.5),
  sampled('magnified, five channels', MAGNIFIED, [2, 4, 5, 5], [9, 8]),
  sampled('shrunk, eight channels', SHRUNK, [1, 9, 8, 8], [5, 6]),
  sampled('singular', SINGULAR, [1, 5, 5, 3], [4, 4], 0.5),
  written('identity', IDENTITY, [2, 5, 4, 3], [5, 4]),
  written('shift over the border', SHIFT, [1, 7, 4, 3], [6, 5]),
  written('turned, a matrix for each picture', [...TURNED, ...SHRUNK], [2, 6, 5, 3], [6, 7]),
  written('magnified, five channels', MAGNIFIED, [2, 9, 8, 5], [4, 5]),
  written('shrunk, eight channels', SHRUNK, [1, 5, 6, 8], [9, 8]),
  written('singular', SINGULAR, [1, 4, 4, 3], [5, 5]),
];
