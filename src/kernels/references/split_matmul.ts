// split_matmul.ts: the meaning of matrix products in parts, in float64.

import type { CostsOf, ReferencesOf } from '../index.ts';
import { sizeOf } from '../shape.ts';
import { partSizes } from '../split_matmul.ts';
import { costs as matmulCosts } from './matmul.ts';

export const references = {
  splitMatmul: ([a, b], attrs, output) => {
    const { sizes, lines } = partSizes([a.shape, b.shape], attrs);
    const { M, N, K } = sizes;
    const y = new Float64Array(sizeOf(output));
    for (let i = 0; i < sizes.batch; i++) {
      for (let m = 0; m < M; m++) {
        for (let n = 0; n < N; n++) {
          let acc = 0;
          for (let k = 0; k < K; k++) {
            const left = a.data[i * lines.aBatch + (attrs.transposeA ? k * lines.aLine + m : m * lines.aLine + k)];
            const right = b.data[i * lines.bBatch + (attrs.transposeB ? n * lines.bLine + k : k * lines.bLine + n)];
            acc += left * right;
          }
          y[(i * M + m) * N + n] = acc;
        }
      }
    }
    return y;
  },

  sumParts: ([x], { axis }, output) => {
    const parts = x.shape[axis];
    const inner = sizeOf(x.shape.slice(axis + 1));
    const y = new Float64Array(sizeOf(output));
    for (let i = 0; i < y.length; i++) {
      for (let p = 0; p < parts; p++) y[i] += x.data[(Math.floor(i / inner) * parts + p) * inner + (i % inner)];
    }
    return y;
  },
} satisfies ReferencesOf<'splitMatmul' | 'sumParts'>;

const { matmul } = matmulCosts;

export const costs = {
  splitMatmul: (inputs, attrs, output) => {
    const { K } = partSizes(inputs, attrs).sizes;
    return {
      ...matmul(inputs, attrs, output),
      bytes: 4 * [...inputs, output].reduce((sum, s) => sum + sizeOf(s), 0),
      terms: K,
    };
  },

  sumParts: ([x], { axis }, output) => ({ flops: sizeOf(x), bytes: 4 * (sizeOf(x) + sizeOf(output)), terms: x[axis] }),
} satisfies CostsOf<'splitMatmul' | 'sumParts'>;
