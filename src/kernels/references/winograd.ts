// winograd.ts: the meaning of Winograd's transforms and products, in float64.

import type { CostsOf, ReferencesOf } from '../index.ts';
import { sizeOf } from '../shape.ts';
import type { NdArray } from '../types.ts';
import {
  filterChannels,
  type Matrix,
  nonZeros,
  tileCounts,
  winogradPlaces,
  winogradTransforms,
} from '../winograd_transforms.ts';

/** m x x mᵀ for a square x. */
function onBothSides(m: Matrix, x: Float64Array, size: number): Float64Array {
  const rows = m.length;
  const half = new Float64Array(rows * size);
  const result = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++)
    for (let b = 0; b < size; b++) for (let a = 0; a < size; a++) half[i * size + b] += m[i][a] * x[a * size + b];
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++) for (let b = 0; b < size; b++) result[i * rows + j] += half[i * size + b] * m[j][b];
  return result;
}

/** Index of channel c and element t in a blocked array [F, blocks, C, block], without the place. */
const inBlocks = (t: number, c: number, channels: number, block: number): number =>
  (Math.floor(t / block) * channels + c) * block + (t % block);

export const references = {
  winogradFilter: ([w]: readonly NdArray[], attrs, output) => {
    const { sums, filters } = filterChannels(w.shape, attrs);
    const [, , C, K] = w.shape;
    const y = new Float64Array(sizeOf(output));
    const plane = sizeOf(output.slice(1));
    for (let c = 0; c < sums; c++) {
      for (let k = 0; k < filters; k++) {
        const taps = Float64Array.from({ length: 9 }, (_, tap) =>
          attrs.rotated ? w.data[((8 - tap) * C + k) * K + c] : w.data[(tap * C + c) * K + k],
        );
        const u = onBothSides(winogradTransforms[attrs.tile].filter, taps, 3);
        for (const [f, value] of u.entries()) y[f * plane + inBlocks(k, c, sums, attrs.block)] = value;
      }
    }
    return y;
  },

  winogradInput: ([x]: readonly NdArray[], { tile, pads, outputSize, block }, output) => {
    const [N, H, W, C] = x.shape;
    const { down, across, tiles } = tileCounts(N, tile, outputSize);
    const size = tile + 2;
    const y = new Float64Array(sizeOf(output));
    const plane = sizeOf(output.slice(1));
    for (let t = 0; t < tiles; t++) {
      const n = Math.floor(t / (down * across));
      const top = (Math.floor(t / across) % down) * tile - pads[0];
      const left = (t % across) * tile - pads[1];
      for (let c = 0; c < C; c++) {
        const d = Float64Array.from({ length: size * size }, (_, i) => {
          const h = top + Math.floor(i / size);
          const v = left + (i % size);
          return h >= 0 && h < H && v >= 0 && v < W ? x.data[((n * H + h) * W + v) * C + c] : 0;
        });
        const transformed = onBothSides(winogradTransforms[tile].input, d, size);
        for (const [f, value] of transformed.entries()) y[f * plane + inBlocks(t, c, C, block)] = value;
      }
    }
    return y;
  },

  winogradProduct: ([a, b], _, output) => {
    const [F, M, N] = output;
    const C = a.shape[2];
    const y = new Float64Array(sizeOf(output));
    for (let f = 0; f < F; f++) {
      for (let m = 0; m < M; m++) {
        for (let n = 0; n < N; n++) {
          let acc = 0;
          for (let c = 0; c < C; c++) {
            acc +=
              a.data[f * M * C + inBlocks(m, c, C, a.shape[3])] * b.data[f * N * C + inBlocks(n, c, C, b.shape[3])];
          }
          y[(f * M + m) * N + n] = acc;
        }
      }
    }
    return y;
  },

  winogradOutput: ([products]: readonly NdArray[], { tile, output, tilesLast }) => {
    const [N, P, Q, K] = output;
    const [F, rows, columns] = products.shape;
    const { down, across, tiles } = tileCounts(N, tile, [P, Q]);
    const y = new Float64Array(sizeOf(output));
    for (let t = 0; t < tiles; t++) {
      const n = Math.floor(t / (down * across));
      const top = (Math.floor(t / across) % down) * tile;
      const left = (t % across) * tile;
      for (let k = 0; k < K; k++) {
        const at = tilesLast ? k * columns + t : t * columns + k;
        const m = Float64Array.from({ length: F }, (_, f) => products.data[f * rows * columns + at]);
        const block = onBothSides(winogradTransforms[tile].output, m, tile + 2);
        for (const [i, value] of block.entries()) {
          const p = top + Math.floor(i / tile);
          const q = left + (i % tile);
          if (p < P && q < Q) y[((n * P + p) * Q + q) * K + k] = value;
        }
      }
    }
    return y;
  },
} satisfies ReferencesOf<'winogradFilter' | 'winogradInput' | 'winogradProduct' | 'winogradOutput'>;

export const costs = {
  winogradFilter: ([w], { tile }, output) => ({
    flops: w[2] * w[3] * 2 * 3 * (tile + 2) * (tile + 5),
    bytes: 4 * (sizeOf(w) + sizeOf(output)),
    terms: 9,
  }),

  winogradInput: (inputs, { tile }, output) => ({
    flops: (sizeOf(output) / winogradPlaces(tile)) * 2 * (tile + 2) * nonZeros(tile).input,
    bytes: 4 * (sizeOf(inputs[0]) + sizeOf(output)),
    terms: 8,
  }),

  winogradProduct: (inputs, _, output) => ({
    flops: 2 * sizeOf(output) * inputs[0][2],
    bytes: 4 * [...inputs, output].reduce((sum, shape) => sum + sizeOf(shape), 0),
    terms: inputs[0][2],
  }),

  winogradOutput: (inputs, { tile, output }) => {
    const [N, P, Q, K] = output;
    const { tiles } = tileCounts(N, tile, [P, Q]);
    return {
      flops: tiles * K * 2 * (2 * tile + 2) * nonZeros(tile).output,
      bytes: 4 * (sizeOf(inputs[0]) + sizeOf(output)),
      terms: 10,
    };
  },
} satisfies CostsOf<'winogradFilter' | 'winogradInput' | 'winogradProduct' | 'winogradOutput'>;
