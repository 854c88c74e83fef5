// concat.ts: the meaning of joining values and taking elements, in float64.

import { around } from '../concat.ts';
import type { CostsOf, ReferencesOf } from '../index.ts';
import { sizeOf } from '../shape.ts';

export const references = {
  concat: (inputs, { axis }, output) => {
    const y = new Float64Array(sizeOf(output));
    const rowLength = sizeOf(output.slice(axis));
    let start = 0;
    for (const { shape, data } of inputs) {
      const length = sizeOf(shape.slice(axis));
      data.forEach((value, i) => {
        y[Math.floor(i / length) * rowLength + start + (i % length)] = value;
      });
      start += length;
    }
    return y;
  },

  take: ([x, indices], { axis }, output) => {
    const y = new Float64Array(sizeOf(output));
    const [outer, size, inner] = around(x.shape, axis);
    const taken = output[axis];
    for (let o = 0; o < outer; o++) {
      for (let k = 0; k < taken; k++) {
        for (let i = 0; i < inner; i++) {
          y[(o * taken + k) * inner + i] = x.data[(o * size + indices.data[k]) * inner + i];
        }
      }
    }
    return y;
  },

  takeInput: ([dy, offsets, positions], { axis, size }, output) => {
    const dx = new Float64Array(sizeOf(output));
    const [outer, taken, inner] = around(dy.shape, axis);
    for (let o = 0; o < outer; o++) {
      for (let j = 0; j < size; j++) {
        for (let k = offsets.data[j]; k < offsets.data[j + 1]; k++) {
          for (let i = 0; i < inner; i++) {
            dx[(o * size + j) * inner + i] += dy.data[(o * taken + positions.data[k]) * inner + i];
          }
        }
      }
    }
    return dx;
  },
} satisfies ReferencesOf<'concat' | 'take' | 'takeInput'>;

export const costs = {
  concat: (_, __, output) => ({ flops: 0, bytes: 8 * sizeOf(output), terms: 1 }),
  take: (_, __, output) => ({ flops: 0, bytes: 8 * sizeOf(output), terms: 1 }),

  takeInput: ([dy], { axis }, output) => ({
    flops: sizeOf(dy),
    bytes: 4 * (sizeOf(dy) + sizeOf(output)),
    // All of dy may have been taken from one element.
    terms: dy[axis],
  }),
} satisfies CostsOf<'concat' | 'take' | 'takeInput'>;
