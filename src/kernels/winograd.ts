// winograd.ts: 3x3 convolutions of stride 1 by Winograd's minimal filtering: F(m x m, 3x3) computes a tile of m x m outputs
// from m+2 squared inputs with (m+2)² multiplications a channel instead of 9 m² (Lavin & Gray, arXiv:1509.09308).
// Four ops, made by passes/winograd.ts: transforms of filters and of tiles of the picture, one matrix product for each of
// the (m+2)² places of a tile, and the transform back. Their dispatches are in winograd_kernels.ts.
//
// Letters as in conv.ts; T tiles of all pictures, F = (m+2)² places of a tile. Operands of the products lie in blocks, as
// the product reads them: [F, blocks, C, block], and the last block is filled up with zeros.

import { showShape } from './shape.ts';
import { defineOp, OpError } from './types.ts';
import { filterChannels, tileCounts, winogradPlaces, type WinogradTile } from './winograd_transforms.ts';

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
      throw new OpError(`winogradFilter: w must be [3,3,C,K], got ${showShape(w)}.`);
    }
    const { sums, filters } = filterChannels(w, attrs);
    return [winogradPlaces(attrs.tile), Math.ceil(filters / attrs.block), sums, attrs.block];
  },
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
    if (x?.length !== 4) throw new OpError(`winogradInput: x must be [N,H,W,C], got ${showShape(x)}.`);
    const { tiles } = tileCounts(x[0], tile, outputSize);
    return [winogradPlaces(tile), Math.ceil(tiles / block), x[3], block];
  },
});

// --- products --------------------------------------------------------------------------------------------------------

/** Rows and columns of y that four invocations of a quad compute together. */
export const PRODUCT_ROWS = 16;
export const PRODUCT_COLUMNS = 32;

/** y[f, m, n] = sum over c of a[f, m, c] b[f, n, c], with a and b in blocks of rows and columns of y. */
export const winogradProduct = defineOp<Record<string, never>>({
  shape: ([a, b]) => {
    if (a?.length !== 4 || b?.length !== 4 || a[0] !== b[0] || a[2] !== b[2]) {
      const shown = [a, b].map(showShape).join(' and ');
      throw new OpError(`winogradProduct: operands must be [F,blocks,C,block] of equal F and C, got ${shown}.`);
    }
    return [a[0], a[1] * a[3], b[1] * b[3]];
  },
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
          `got ${showShape(products)}.`,
      );
    }
    return output;
  },
  writesSlices: () => true,
});
