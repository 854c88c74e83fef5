// half.ts: rows for numbers stored in halves, read by a product with the identity, which changes none of them.

import { apply, type Value } from '../../src/engine/graph.ts';
import { matmul } from '../../src/engine/ops/index.ts';
import type { Case } from './types.ts';

function unpacked(x: Value): Value {
  const [rows] = x.shape;
  const identity = Float32Array.from({ length: rows * rows }, (_, i) => Number(i % (rows + 1) === 0));
  return matmul(x.graph.constant({ shape: [rows, rows], data: identity }), apply('toHalf', [x], {}));
}

export const halfCases: readonly Case[] = [
  { op: 'toHalf', name: 'any numbers', inputs: [[6, 8]], range: [-100, 100], build: ([x]) => unpacked(x), wrt: [] },
  { op: 'toHalf', name: 'an odd number of them', inputs: [[1, 7]], build: ([x]) => unpacked(x), wrt: [] },
];
