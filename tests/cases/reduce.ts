// reduce.ts: rows for reductions.

import { mean, reduceMax, sum } from '../../src/engine/ops/index.ts';
import type { Case } from './types.ts';

export const reduceCases: readonly Case[] = [
  { op: 'sum', name: 'all axes', inputs: [[2, 3, 5, 4]], build: ([x]) => sum(x) },
  { op: 'sum', name: 'all axes, many terms', inputs: [[1, 24, 24, 3]], build: ([x]) => sum(x) },
  { op: 'sum', name: 'spatial axes', inputs: [[2, 6, 5, 7]], build: ([x]) => sum(x, [1, 2]) },
  { op: 'sum', name: 'last axis kept', inputs: [[3, 4, 9]], build: ([x]) => sum(x, [-1], { keepDims: true }) },
  { op: 'sum', name: 'alternating axes', inputs: [[3, 4, 5, 6]], build: ([x]) => sum(x, [0, 2]) },
  { op: 'sum', name: 'mean of a long middle axis', inputs: [[2, 300, 3]], build: ([x]) => mean(x, [1]) },
  { op: 'reduceMax', name: 'last axis', inputs: [[4, 6]], distinct: true, build: ([x]) => reduceMax(x, [1]) },
  { op: 'reduceMax', name: 'all of many', inputs: [[1, 17, 17, 2]], distinct: true, build: ([x]) => reduceMax(x) },
];
