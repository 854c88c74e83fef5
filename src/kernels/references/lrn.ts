// lrn.ts: the meaning of local response normalization, in float64.

import type { CostsOf, ReferencesOf } from '../index.ts';
import { type LrnAttrs, reach } from '../lrn.ts';
import { sizeOf } from '../shape.ts';

/** scale = bias + alpha / size * (sum of x² over the window), for every element of x. */
function scalesOf(x: ArrayLike<number>, C: number, { size, alpha, bias }: LrnAttrs): Float64Array {
  const { before, after } = reach(size);
  const scales = new Float64Array(x.length);
  for (let pixel = 0; pixel < x.length; pixel += C) {
    for (let c = 0; c < C; c++) {
      let squares = 0;
      for (let k = Math.max(0, c - before); k <= Math.min(C - 1, c + after); k++) squares += x[pixel + k] ** 2;
      scales[pixel + c] = bias + (alpha / size) * squares;
    }
  }
  return scales;
}

export const references = {
  lrn: ([x], attrs, output) => {
    const scales = scalesOf(x.data, output[output.length - 1], attrs);
    return x.data.map((value, i) => value * scales[i] ** -attrs.beta);
  },

  lrnInput: ([x, dy], attrs, output) => {
    const { size, alpha, beta } = attrs;
    const { before, after } = reach(size);
    const C = output[output.length - 1];
    const scales = scalesOf(x.data, C, attrs);
    const dx = new Float64Array(x.data.length);
    for (let pixel = 0; pixel < dx.length; pixel += C) {
      for (let j = 0; j < C; j++) {
        let sum = 0;
        for (let c = Math.max(0, j - after); c <= Math.min(C - 1, j + before); c++) {
          sum += dy.data[pixel + c] * x.data[pixel + c] * scales[pixel + c] ** (-beta - 1);
        }
        const at = pixel + j;
        dx[at] = dy.data[at] * scales[at] ** -beta - ((2 * alpha) / size) * beta * x.data[at] * sum;
      }
    }
    return dx;
  },
} satisfies ReferencesOf<'lrn' | 'lrnInput'>;

/** Flops of a power: two transcendental functions. */
const POWER = 30;

export const costs = {
  lrn: ([x], { size }) => ({ flops: sizeOf(x) * (2 * size + POWER), bytes: 8 * sizeOf(x), terms: size }),

  lrnInput: ([x], { size }) => ({
    flops: sizeOf(x) * (6 * size + POWER),
    bytes: 12 * sizeOf(x),
    terms: 2 * size,
  }),
} satisfies CostsOf<'lrn' | 'lrnInput'>;
