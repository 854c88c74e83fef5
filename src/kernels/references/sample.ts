// sample.ts: the meaning of pictures read through an affine map, in float64.

import type { CostsOf, ReferencesOf } from '../index.ts';
import { SINGULAR } from '../sample.ts';
import { sizeOf } from '../shape.ts';
import type { NdArray } from '../types.ts';

/** The six numbers of picture n. */
const matrixOf = (matrix: NdArray, n: number): readonly number[] => {
  const at = matrix.shape[0] === 1 ? 0 : 6 * n;
  return Array.from(matrix.data.subarray(at, at + 6));
};

/** Visits each output pixel with the position it reads. */
function eachPosition(
  matrix: NdArray,
  [batch, height, width]: readonly number[],
  visit: (n: number, pixel: number, row: number, column: number) => void,
): void {
  for (let n = 0; n < batch; n++) {
    const m = matrixOf(matrix, n);
    for (let p = 0; p < height; p++) {
      for (let q = 0; q < width; q++) {
        visit(n, (n * height + p) * width + q, m[0] * p + m[1] * q + m[2], m[3] * p + m[4] * q + m[5]);
      }
    }
  }
}

/** Visits the four pixels around a position with their weights; `at` is -1 outside the picture. */
function eachTap(row: number, column: number, h: number, w: number, visit: (at: number, weight: number) => void): void {
  const top = Math.floor(row);
  const left = Math.floor(column);
  for (const r of [top, top + 1]) {
    for (const c of [left, left + 1]) {
      const inside = r >= 0 && r < h && c >= 0 && c < w;
      visit(inside ? r * w + c : -1, (1 - Math.abs(row - r)) * (1 - Math.abs(column - c)));
    }
  }
}

const isSingular = ([a, b, , c, d]: readonly number[]): boolean =>
  !(Math.abs(a * d - b * c) > SINGULAR * (Math.abs(a * d) + Math.abs(b * c)));

export const references = {
  affineSample: ([x, matrix], { fill }, output) => {
    const [, h, w, channels] = x.shape;
    const y = new Float64Array(sizeOf(output));
    eachPosition(matrix, output, (n, pixel, row, column) => {
      eachTap(row, column, h, w, (at, weight) => {
        for (let c = 0; c < channels; c++) {
          y[pixel * channels + c] += weight * (at < 0 ? fill : x.data[(n * h * w + at) * channels + c]);
        }
      });
    });
    return y;
  },

  affineSampleInput: ([dy, matrix], _, output) => {
    const [, h, w, channels] = output;
    const dx = new Float64Array(sizeOf(output));
    eachPosition(matrix, dy.shape, (n, pixel, row, column) => {
      if (isSingular(matrixOf(matrix, n))) return;
      eachTap(row, column, h, w, (at, weight) => {
        if (at < 0) return;
        for (let c = 0; c < channels; c++) {
          dx[(n * h * w + at) * channels + c] += weight * dy.data[pixel * channels + c];
        }
      });
    });
    return dx;
  },
} satisfies ReferencesOf<'affineSample' | 'affineSampleInput'>;

export const costs = {
  affineSample: ([x, matrix], _, output) => ({
    flops: 10 * sizeOf(output),
    bytes: 4 * (sizeOf(x) + sizeOf(matrix) + sizeOf(output)),
    // A position carries the rounding of numbers as large as the picture, and the result that of the position.
    terms: 4 * (x[1] + x[2] + output[1] + output[2]),
  }),

  affineSampleInput: ([dy, matrix], _, output) => ({
    flops: 10 * sizeOf(dy) + 10 * sizeOf(output),
    bytes: 4 * (sizeOf(dy) + sizeOf(matrix) + sizeOf(output)),
    terms: 4 * (dy[1] + dy[2] + output[1] + output[2]),
  }),
} satisfies CostsOf<'affineSample' | 'affineSampleInput'>;
