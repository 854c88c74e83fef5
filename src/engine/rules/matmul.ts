// matmul.ts: derivatives of the matrix product: with A, B the operands as multiplied, dA = dy Bᵀ and dB = Aᵀ dy.

import { broadcastTo, matmul, reshape } from '../ops/index.ts';
import type { Value } from '../graph.ts';
import type { Rule } from './types.ts';

/** All leading axes joined into the rows. */
const flatten = (value: Value): Value => {
  const columns = value.shape[value.shape.length - 1];
  const rows = value.shape.slice(0, -1).reduce((product, d) => product * d, 1);
  return reshape(value, [rows, columns]);
};

export const matmulRules: { matmul: Rule<'matmul'> } = {
  matmul: ({ x: [a, b], dy, attrs: { transposeA, transposeB }, needs }) => {
    const da = (): Value => {
      if (!transposeA) return matmul(dy, b, { transposeB: !transposeB });
      const batched = broadcastTo(b, [...a.shape.slice(0, -2), ...b.shape.slice(-2)]);
      return matmul(batched, dy, { transposeA: transposeB, transposeB: true });
    };
    const db = (): Value => {
      // One matrix for all rows of a batch: the rows can be summed in one product. Stored transposed they cannot, and
      // `gradient` sums the batch axes of the result.
      const join = b.shape.length === 2 && !transposeA;
      const [left, g] = join ? [flatten(a), flatten(dy)] : [a, dy];
      return transposeB
        ? matmul(g, left, { transposeA: true, transposeB: transposeA })
        : matmul(left, g, { transposeA: !transposeA });
    };
    return [needs[0] ? da() : undefined, needs[1] ? db() : undefined];
  },
};
