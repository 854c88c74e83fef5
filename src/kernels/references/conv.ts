// conv.ts: the meaning of convolutions and their gradients, in float64.

import { type ConvAttrs, type ConvSizes, filterSizes, forwardSizes, inputSizes } from '../conv.ts';
import type { CostsOf, ReferencesOf } from '../index.ts';
import { sizeOf } from '../shape.ts';
import type { Cost, NdArray, Shape } from '../types.ts';

/**
 * Visits every multiply-add of the convolution: flat indices of x, w and y with y += x * w. Taps on the padding are
 * left out. This one loop is the meaning of all three ops.
 */
function forEachTerm(sizes: ConvSizes, attrs: ConvAttrs, visit: (x: number, w: number, y: number) => void): void {
  const { N, H, W, C, P, Q, K, R, S, groupC, groupK } = sizes;
  const { strides, pads, dilations } = attrs;
  for (let n = 0; n < N; n++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        for (let r = 0; r < R; r++) {
          const h = p * strides[0] + r * dilations[0] - pads[0];
          if (h < 0 || h >= H) continue;
          for (let s = 0; s < S; s++) {
            const v = q * strides[1] + s * dilations[1] - pads[1];
            if (v < 0 || v >= W) continue;
            for (let c = 0; c < groupC; c++) {
              for (let k = 0; k < K; k++) {
                const channel = Math.floor(k / groupK) * groupC + c;
                visit(
                  ((n * H + h) * W + v) * C + channel,
                  ((r * S + s) * groupC + c) * K + k,
                  ((n * P + p) * Q + q) * K + k,
                );
              }
            }
          }
        }
      }
    }
  }
}

export const references = {
  conv2d: ([x, w]: readonly NdArray[], attrs, output) => {
    const y = new Float64Array(sizeOf(output));
    forEachTerm(forwardSizes([x.shape, w.shape], attrs), attrs, (i, j, at) => {
      y[at] += x.data[i] * w.data[j];
    });
    return y;
  },

  conv2dInput: ([dy, w]: readonly NdArray[], attrs, output) => {
    const dx = new Float64Array(sizeOf(output));
    forEachTerm(inputSizes([dy.shape, w.shape], attrs), attrs, (at, j, i) => {
      dx[at] += dy.data[i] * w.data[j];
    });
    return dx;
  },

  conv2dFilter: ([x, dy]: readonly NdArray[], attrs, output) => {
    const dw = new Float64Array(sizeOf(output));
    forEachTerm(filterSizes([x.shape, dy.shape], attrs), attrs, (i, at, j) => {
      dw[at] += x.data[i] * dy.data[j];
    });
    return dw;
  },
} satisfies ReferencesOf<'conv2d' | 'conv2dInput' | 'conv2dFilter'>;

/** Multiply-adds are counted for every tap, those on the padding too. */
const convCost = ({ N, P, Q, K, R, S, groupC }: ConvSizes, terms: number, shapes: readonly Shape[]): Cost => ({
  flops: 2 * N * P * Q * K * R * S * groupC,
  bytes: 4 * shapes.reduce((sum, shape) => sum + sizeOf(shape), 0),
  terms,
});

export const costs = {
  conv2d: (inputs, attrs, output) => {
    const sizes = forwardSizes(inputs, attrs);
    return convCost(sizes, sizes.R * sizes.S * sizes.groupC, [...inputs, output]);
  },

  conv2dInput: (inputs, attrs, output) => {
    const sizes = inputSizes(inputs, attrs);
    return convCost(sizes, sizes.R * sizes.S * sizes.groupK, [...inputs, output]);
  },

  conv2dFilter: (inputs, attrs, output) => {
    const sizes = filterSizes(inputs, attrs);
    return convCost(sizes, sizes.N * sizes.P * sizes.Q, [...inputs, output]);
  },
} satisfies CostsOf<'conv2d' | 'conv2dInput' | 'conv2dFilter'>;
