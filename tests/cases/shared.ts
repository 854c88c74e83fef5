// shared.ts: rows large enough for the kernels that multiply blocks in workgroup memory on real GPUs, with edges that
// block sizes do not divide and terms that no vector or step divides. tests/gpu/shared.test.ts runs every such variant.

import { apply } from '../../src/engine/graph.ts';
import { add, conv2d, conv2dInput, type ConvOptions, matmul, relu } from '../../src/engine/ops/index.ts';
import { convOutputSize } from '../../src/kernels/conv.ts';
import type { Shape } from '../../src/kernels/types.ts';
import type { Case } from './types.ts';

/**
 * A row, and what the device is to claim of workgroup memory: 16 KiB, the least there is, for the blocks as GPUs see them;
 * less for steps of fewer terms. Software adapters take 3 s to compile a kernel with 16 KiB, as they clear them word by word.
 */
export type SharedCase = Case & { readonly storageBytes?: number };

interface Setting {
  readonly name: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly batch?: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly storageBytes?: number;
}

const products: readonly Setting[] = [
  { name: 'as on a GPU', M: 130, N: 132, K: 20, storageBytes: 16384 },
  { name: 'fewer terms than a step', M: 63, N: 32, K: 4 },
  { name: 'batch 3', M: 36, N: 20, K: 36, batch: 3 },
  { name: 'batch 3, one matrix', M: 17, N: 20, K: 20, batch: 3 },
  { name: 'no vectors', M: 65, N: 31, K: 17 },
  { name: 'b transposed', M: 32, N: 68, K: 40, transposeB: true },
  { name: 'a transposed', M: 68, N: 20, K: 33, transposeA: true },
  { name: 'both transposed, no vectors', M: 30, N: 33, K: 18, transposeA: true, transposeB: true },
];

interface ConvSetting {
  readonly name: string;
  readonly x: Shape;
  readonly w: Shape;
  readonly options?: ConvOptions;
}

const forward: readonly ConvSetting[] = [
  { name: '64 pixels and filters', x: [1, 9, 9, 12], w: [3, 3, 12, 36], options: { pads: [1, 1, 1, 1] } },
  {
    name: '3 channels, stride 2',
    x: [1, 13, 13, 3],
    w: [7, 7, 3, 20],
    options: { strides: [2, 2], pads: [3, 3, 3, 3] },
  },
  { name: 'batch 3', x: [3, 5, 7, 4], w: [3, 2, 4, 20], options: { pads: [0, 1, 2, 3] } },
  {
    name: 'strides and dilations',
    x: [2, 9, 17, 8],
    w: [2, 3, 8, 20],
    options: { strides: [1, 3], dilations: [3, 1] },
  },
  { name: 'no vectors', x: [1, 6, 7, 5], w: [3, 3, 5, 19], options: { pads: [1, 1, 1, 1] } },
  { name: 'pointwise', x: [2, 5, 4, 12], w: [1, 1, 12, 20] },
];

const input: readonly ConvSetting[] = [
  { name: 'stride 1', x: [1, 9, 9, 32], w: [3, 3, 32, 12], options: { pads: [1, 1, 1, 1] } },
  { name: 'stride 2', x: [3, 13, 12, 20], w: [3, 3, 20, 8], options: { strides: [2, 2], pads: [1, 1, 1, 1] } },
  { name: 'phases without taps', x: [1, 14, 17, 20], w: [2, 2, 20, 4], options: { strides: [3, 3] } },
  {
    name: 'strides and dilations',
    x: [1, 18, 19, 20],
    w: [3, 3, 20, 4],
    options: { strides: [4, 3], dilations: [2, 2], pads: [3, 1, 0, 2] },
  },
  { name: 'no vectors', x: [1, 13, 13, 19], w: [3, 3, 19, 5], options: { strides: [2, 2], pads: [2, 2, 1, 1] } },
  { name: 'pointwise', x: [2, 5, 4, 20], w: [1, 1, 20, 12] },
];

const outputOf = ({ x, w, options = {} }: ConvSetting): Shape => {
  const attrs = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], groups: 1, ...options } as const;
  return [x[0], ...convOutputSize([x[1], x[2]], [w[0], w[1]], attrs), w[3]];
};

export const sharedCases: readonly SharedCase[] = [
  ...products.map(({ name, M, N, K, batch, transposeA = false, transposeB = false, storageBytes }): SharedCase => {
    const lead = batch ? [batch] : [];
    return {
      op: 'matmul',
      name: `blocks, ${name}`,
      inputs: [
        [...lead, ...(transposeA ? [K, M] : [M, K])],
        [...lead, ...(transposeB ? [N, K] : [K, N])],
      ],
      build: ([a, b]) => matmul(a, b, { transposeA, transposeB }),
      storageBytes,
    };
  }),
  {
    op: 'matmul',
    name: 'blocks, bias and relu',
    inputs: [[40, 24], [24, 20], [20]],
    distinct: true,
    build: ([a, b, bias]) => relu(add(matmul(a, b), bias)),
  },
  {
    op: 'splitMatmul',
    name: 'blocks, parts of 12 terms, b transposed',
    inputs: [
      [34, 36],
      [20, 36],
    ],
    build: ([a, b]) => apply('splitMatmul', [a, b], { parts: 3, transposeA: false, transposeB: true }),
  },
  ...forward.map(
    ({ name, x, w, options }): SharedCase => ({
      op: 'conv2d',
      name: `blocks, ${name}`,
      inputs: [x, w],
      build: ([a, b]) => conv2d(a, b, options),
    }),
  ),
  ...input.map(
    (setting): SharedCase => ({
      op: 'conv2dInput',
      name: `blocks, ${setting.name}`,
      inputs: [outputOf(setting), setting.w],
      build: ([dy, b]) => conv2dInput(dy, b, { ...setting.options, inputSize: [setting.x[1], setting.x[2]] }),
    }),
  ),
  {
    op: 'conv2d',
    name: 'blocks, bias and relu',
    inputs: [[1, 5, 9, 8], [3, 3, 8, 20], [20]],
    distinct: true,
    build: ([x, w, bias]) => relu(add(conv2d(x, w, { pads: [1, 1, 1, 1] }), bias)),
  },
  {
    op: 'conv2dInput',
    name: 'blocks, a strided gradient added to another',
    inputs: [
      [1, 6, 7, 4],
      [3, 3, 20, 4],
      [1, 13, 15, 20],
    ],
    build: ([dy, w, other]) => add(conv2dInput(dy, w, { strides: [2, 2], inputSize: [13, 15] }), other),
  },
];
