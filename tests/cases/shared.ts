// shared.ts: rows large enough for the kernels that multiply blocks in workgroup memory on real GPUs, with edges that
// block sizes do not divide and terms that no vector or step divides. tests/gpu/shared.test.ts runs every such variant.

import { add, matmul, relu } from '../../src/engine/ops/index.ts';
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
  { name: '64 rows and columns', M: 65, N: 36, K: 12 },
  { name: 'fewer terms than a step', M: 63, N: 32, K: 4 },
  { name: 'batch 3', M: 36, N: 20, K: 36, batch: 3 },
  { name: 'batch 3, one matrix', M: 17, N: 20, K: 20, batch: 3 },
  { name: 'no vectors', M: 65, N: 31, K: 17 },
  { name: 'b transposed', M: 32, N: 68, K: 40, transposeB: true },
  { name: 'a transposed', M: 68, N: 20, K: 33, transposeA: true },
  { name: 'both transposed, no vectors', M: 30, N: 33, K: 18, transposeA: true, transposeB: true },
];

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
];
