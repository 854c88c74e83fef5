// matmul.ts: rows for matrix products: transposes, batches, ragged tiles, every load width.

import { add, matmul } from '../../src/engine/ops/index.ts';
import type { Case } from './types.ts';

const sizes = [
  { name: 'one row', M: 1, N: 12, K: 16 },
  { name: 'few rows', M: 3, N: 20, K: 8 },
  { name: 'many rows', M: 37, N: 12, K: 8 },
  { name: 'odd sizes', M: 11, N: 7, K: 5 },
  { name: 'odd terms', M: 33, N: 8, K: 7 },
  { name: 'blocks of a quad, one short', M: 31, N: 60, K: 6 },
  { name: 'blocks of a quad, four short', M: 28, N: 28, K: 6 },
  { name: 'blocks of a quad, terms in fours', M: 31, N: 60, K: 36 },
  { name: 'small blocks of a quad, terms in fours', M: 15, N: 28, K: 32 },
  { name: 'large blocks of a quad, odd terms', M: 60, N: 28, K: 7 },
];
const transposes = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const;

export const matmulCases: readonly Case[] = [
  ...sizes.flatMap(({ name, M, N, K }) =>
    transposes.map(
      ([transposeA, transposeB]): Case => ({
        op: 'matmul',
        name: `${name}${transposeA ? ', a transposed' : ''}${transposeB ? ', b transposed' : ''}`,
        inputs: [transposeA ? [K, M] : [M, K], transposeB ? [N, K] : [K, N]],
        build: ([a, b]) => matmul(a, b, { transposeA, transposeB }),
      }),
    ),
  ),
  {
    op: 'matmul',
    name: 'batch',
    inputs: [
      [2, 3, 5, 4],
      [2, 3, 4, 8],
    ],
    build: ([a, b]) => matmul(a, b),
  },
  {
    op: 'matmul',
    name: 'batch, terms in fours',
    inputs: [
      [3, 31, 36],
      [3, 36, 28],
    ],
    build: ([a, b]) => matmul(a, b),
  },
  {
    op: 'matmul',
    name: 'batch, both transposed',
    inputs: [
      [3, 4, 5],
      [3, 8, 4],
    ],
    build: ([a, b]) => matmul(a, b, { transposeA: true, transposeB: true }),
  },
  {
    op: 'matmul',
    name: 'batch, a transposed',
    inputs: [
      [3, 5, 28],
      [3, 5, 12],
    ],
    build: ([a, b]) => matmul(a, b, { transposeA: true }),
  },
  {
    op: 'matmul',
    name: 'batch, one matrix',
    inputs: [
      [3, 5, 4],
      [4, 8],
    ],
    build: ([a, b]) => matmul(a, b),
  },
  {
    op: 'matmul',
    name: 'batch transposed, one matrix',
    inputs: [
      [3, 4, 5],
      [8, 4],
    ],
    build: ([a, b]) => matmul(a, b, { transposeA: true, transposeB: true }),
  },
  { op: 'matmul', name: 'bias', inputs: [[2, 8], [8, 12], [12]], build: ([a, b, bias]) => add(matmul(a, b), bias) },
  {
    op: 'matmul',
    name: 'bias, a transposed',
    inputs: [[5, 20], [5, 28], [28]],
    build: ([a, b, bias]) => add(matmul(a, b, { transposeA: true }), bias),
  },
];
