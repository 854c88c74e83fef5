// lrn.ts: rows for local response normalization: odd and even windows, channels in vectors or not.

import { type LrnOptions, lrn, lrnInput, relu } from '../../src/engine/ops/index.ts';
import type { Case } from './types.ts';

/** Accuracy of pow, exp2(y * log2(x)), near 1: WGSL allows log2 an absolute error of 2^-21. */
const POW_ULPS = 16;

/** Strong enough that every term of the gradient shows. */
const strong: LrnOptions = { size: 5, alpha: 2, beta: 0.75, bias: 1.5 };

const row = (name: string, shape: readonly number[], options: LrnOptions): Case => ({
  op: 'lrn',
  name,
  inputs: [shape],
  ulps: POW_ULPS,
  build: ([x]) => lrn(x, options),
});
const inputRow = (name: string, shape: readonly number[], options: Required<Omit<LrnOptions, 'label'>>): Case => ({
  op: 'lrnInput',
  name,
  inputs: [shape, shape],
  wrt: [],
  ulps: POW_ULPS,
  build: ([x, dy]) => lrnInput(x, dy, options),
});

export const lrnCases: readonly Case[] = [
  ...[8, 6].map(
    (channels): Case => ({
      ...row(`of a ReLU, ${channels} channels`, [3, channels], strong),
      distinct: true,
      build: ([x]) => lrn(relu(x), strong),
    }),
  ),
  row('five channels, vec4', [2, 3, 3, 16], strong),
  row('five of twenty channels', [1, 2, 3, 20], strong),
  row('odd channels', [2, 2, 3, 7], strong),
  row('even size: longer side after', [1, 2, 2, 12], { ...strong, size: 4 }),
  row('even size, odd channels', [1, 2, 2, 9], { ...strong, size: 2 }),
  row('window wider than the channels', [2, 3, 4], { ...strong, size: 11 }),
  row('defaults, size 1', [1, 3, 3, 4], { size: 1 }),
  inputRow('five channels, vec4', [2, 3, 3, 16], { size: 5, alpha: 2, beta: 0.75, bias: 1.5 }),
  inputRow('even size', [1, 2, 3, 12], { size: 6, alpha: 2, beta: 0.5, bias: 1 }),
  inputRow('odd channels', [1, 2, 3, 7], { size: 3, alpha: 2, beta: 0.75, bias: 1 }),
];
