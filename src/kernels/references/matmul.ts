// matmul.ts: the meaning of matrix products, in float64.

import type { CostsOf, ReferencesOf } from '../index.ts';
import { matmulSizes } from '../matmul.ts';
import { sizeOf } from '../shape.ts';

export const references = {
  matmul: ([a, b], attrs, output) => {
    const { batch, M, N, K, sharedB } = matmulSizes([a.shape, b.shape], attrs);
    const { transposeA, transposeB } = attrs;
    const y = new Float64Array(sizeOf(output));
    for (let i = 0; i < batch; i++) {
      const firstA = i * M * K;
      const firstB = sharedB ? 0 : i * K * N;
      for (let m = 0; m < M; m++) {
        for (let n = 0; n < N; n++) {
          let acc = 0;
          for (let k = 0; k < K; k++) {
            const left = a.data[firstA + (transposeA ? k * M + m : m * K + k)];
            const right = b.data[firstB + (transposeB ? n * K + k : k * N + n)];
            acc += left * right;
          }
          y[(i * M + m) * N + n] = acc;
        }
      }
    }
    return y;
  },
} satisfies ReferencesOf<'matmul'>;

export const costs = {
  matmul: (inputs, attrs, output) => {
    const { batch, M, N, K } = matmulSizes(inputs, attrs);
    return {
      flops: 2 * batch * M * N * K,
      bytes: 4 * (sizeOf(inputs[0]) + sizeOf(inputs[1]) + sizeOf(output)),
      terms: K,
    };
  },
} satisfies CostsOf<'matmul'>;
