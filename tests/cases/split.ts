// split.ts: rows for the two halves of a split matrix product: transposes, load widths, bias on the sum.

import { apply } from '../../src/engine/graph.ts';
import { add, relu } from '../../src/engine/ops/index.ts';
import type { Case } from './types.ts';

const product = (name: string, [M, N, K]: readonly number[], parts: number, transposeA: boolean, transposeB: boolean) =>
  ({
    op: 'splitMatmul',
    name,
    inputs: [transposeA ? [K, M] : [M, K], transposeB ? [N, K] : [K, N]],
    build: ([a, b]) => apply('splitMatmul', [a, b], { parts, transposeA, transposeB }),
    wrt: [],
  }) satisfies Case;

export const splitCases: readonly Case[] = [
  product('one row', [1, 12, 16], 2, false, false),
  product('parts of 3 terms', [9, 8, 12], 4, false, false),
  product('b transposed', [5, 8, 24], 3, false, true),
  product('a transposed', [8, 7, 10], 2, true, false),
  product('both transposed', [8, 6, 10], 5, true, true),
  {
    op: 'sumParts',
    name: 'vectors, bias and relu',
    inputs: [[3, 2, 5, 8], [8]],
    distinct: true,
    build: ([x, bias]) => relu(add(apply('sumParts', [x], { axis: 0 }), bias)),
    wrt: [],
  },
  {
    op: 'sumParts',
    name: 'scalars',
    inputs: [[4, 3, 7]],
    build: ([x]) => apply('sumParts', [x], { axis: 0 }),
    wrt: [],
  },
  {
    op: 'sumParts',
    name: 'parts in the middle, bias and relu',
    inputs: [[3, 2, 5, 8], [8]],
    distinct: true,
    build: ([x, bias]) => relu(add(apply('sumParts', [x], { axis: 2 }), bias)),
    wrt: [],
  },
  {
    op: 'sumParts',
    name: 'parts in the middle, scalars',
    inputs: [[4, 3, 7]],
    build: ([x]) => apply('sumParts', [x], { axis: 1 }),
    wrt: [],
  },
];
