// winograd.ts: 3x3 convolutions of stride 1 by Winograd's minimal filtering: F(m x m, 3x3) computes a tile of m x m outputs
// from m+2 squared inputs with (m+2)² multiplications a channel instead of 9 m² (Lavin & Gray, arXiv:1509.09308).
// Four ops, made by passes/winograd.ts: transforms of filters and of tiles of the picture, one matrix product for each of
// the (m+2)² places of a tile, and the transform back. Their dispatches are in winograd_kernels.ts.
//
// Letters as in conv.ts; T tiles of all pictures, F = (m+2)² places of a tile. Operands of the products lie in blocks, as
// the product reads them: [F, blocks, C, block], and the last block is filled up with zeros.

import { showShape, sizeOf } from './shape.ts';
import { defineOp, type NdArray, OpError } from './types.ts';
import {
  winogradFilterKernels,
  winogradInputKernels,
  winogradOutputKernels,
  winogradProductKernels,
} from './winograd_kernels.ts';
import {
  filterChannels,
  type Matrix,
  nonZeros,
  tileCounts,
  type WinogradTile,
  winogradPlaces,
  winogradTransforms,
} from './winograd_transforms.ts';

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

// --- filters ---------------------------------------------------------------------------------------------------------

export interface WinogradFilterAttrs {
  readonly tile: WinogradTile;
  /** Of the input gradient: the filter turned by half a turn, and its inputs and outputs exchanged. */
  readonly rotated: boolean;
  /** Filters side by side. */
  readonly block: number;
}

/** U[f, k, c] = (G w[:,:,c,k] Gᵀ)[f], in blocks of filters. */
export const winogradFilter = defineOp<WinogradFilterAttrs>({
  shape: ([w], attrs) => {
    if (w?.length !== 4 || w[0] !== 3 || w[1] !== 3) {
      throw new OpError(`winogradFilter: w must be [3,3,C,K], got ${w ? showShape(w) : 'nothing'}.`);
    }
    const { sums, filters } = filterChannels(w, attrs);
    return [winogradPlaces(attrs.tile), Math.ceil(filters / attrs.block), sums, attrs.block];
  },
  reference: ([w]: readonly NdArray[], attrs, output) => {
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
  cost: ([w], { tile }, output) => ({
    flops: w[2] * w[3] * 2 * 3 * (tile + 2) * (tile + 5),
    bytes: 4 * (sizeOf(w) + sizeOf(output)),
    terms: 9,
  }),
  kernels: (context) => winogradFilterKernels(context),
});

// --- pictures --------------------------------------------------------------------------------------------------------

export interface WinogradInputAttrs {
  readonly tile: WinogradTile;
  /** Rows above and columns left of the picture that the first tile covers; negative where it begins inside. */
  readonly pads: readonly [number, number];
  /** [P, Q] of the convolution. */
  readonly outputSize: readonly [number, number];
  /** Tiles side by side. */
  readonly block: number;
}

/** V[f, t, c] = (Bᵀ d Bᵀᵀ)[f] for the (m+2)² inputs d of tile t in channel c, in blocks of tiles. */
export const winogradInput = defineOp<WinogradInputAttrs>({
  shape: ([x], { tile, outputSize, block }) => {
    if (x?.length !== 4) throw new OpError(`winogradInput: x must be [N,H,W,C], got ${x ? showShape(x) : 'nothing'}.`);
    const { tiles } = tileCounts(x[0], tile, outputSize);
    return [winogradPlaces(tile), Math.ceil(tiles / block), x[3], block];
  },
  reference: ([x]: readonly NdArray[], { tile, pads, outputSize, block }, output) => {
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
  cost: (inputs, { tile }, output) => ({
    flops: (sizeOf(output) / winogradPlaces(tile)) * 2 * (tile + 2) * nonZeros(tile).input,
    bytes: 4 * (sizeOf(inputs[0]) + sizeOf(output)),
    terms: 8,
  }),
  kernels: (context) => winogradInputKernels(context),
});

// --- products --------------------------------------------------------------------------------------------------------

/** y[f, m, n] = sum over c of a[f, m, c] b[f, n, c], with a and b in blocks of rows and columns of y. */
export const winogradProduct = defineOp<Record<string, never>>({
  shape: ([a, b]) => {
    if (a?.length !== 4 || b?.length !== 4 || a[0] !== b[0] || a[2] !== b[2]) {
      const shown = [a, b].map((shape) => (shape ? showShape(shape) : 'nothing')).join(' and ');
      throw new OpError(`winogradProduct: operands must be [F,blocks,C,block] of equal F and C, got ${shown}.`);
    }
    return [a[0], a[1] * a[3], b[1] * b[3]];
  },
  reference: ([a, b], _, output) => {
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
  cost: (inputs, _, output) => ({
    flops: 2 * sizeOf(output) * inputs[0][2],
    bytes: 4 * [...inputs, output].reduce((sum, shape) => sum + sizeOf(shape), 0),
    terms: inputs[0][2],
  }),
  kernels: (context) => winogradProductKernels(context),
  readsHalves: () => [0, 1],
});

// --- back to pictures ------------------------------------------------------------------------------------------------

export interface WinogradOutputAttrs {
  readonly tile: WinogradTile;
  /** [N, P, Q, K] of the convolution. */
  readonly output: readonly [number, number, number, number];
  /** Whether the products are [F, filters, tiles] instead of [F, tiles, filters]. */
  readonly tilesLast: boolean;
}

/** y = Aᵀ M[:,t,k] A at the outputs of tile t, filter k. */
export const winogradOutput = defineOp<WinogradOutputAttrs>({
  epilogue: true,
  shape: ([products], { tile, output, tilesLast }) => {
    const [N, P, Q, K] = output;
    const { tiles } = tileCounts(N, tile, [P, Q]);
    const [rows, columns] = tilesLast ? [K, tiles] : [tiles, K];
    if (products?.length !== 3 || products[0] !== winogradPlaces(tile) || products[1] < rows || products[2] < columns) {
      throw new OpError(
        `winogradOutput: products must be [${winogradPlaces(tile)},≥${rows},≥${columns}] for ${showShape(output)}, ` +
          `got ${products ? showShape(products) : 'nothing'}.`,
      );
    }
    return output;
  },
  reference: ([products]: readonly NdArray[], { tile, output, tilesLast }) => {
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
  cost: (inputs, { tile, output }) => {
    const [N, P, Q, K] = output;
    const { tiles } = tileCounts(N, tile, [P, Q]);
    return {
      flops: tiles * K * 2 * (2 * tile + 2) * nonZeros(tile).output,
      bytes: 4 * (sizeOf(inputs[0]) + sizeOf(output)),
      terms: 10,
    };
  },
  kernels: (context) => winogradOutputKernels(context),
  writesSlices: () => true,
});
