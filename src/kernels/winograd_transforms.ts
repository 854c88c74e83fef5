// winograd_transforms.ts: the matrices of Winograd's minimal filtering, and the sizes that follow from them.

import type { Shape } from './types.ts';

/** m of F(m x m, 3x3). */
export type WinogradTile = 2 | 4;

export type Matrix = readonly (readonly number[])[];

interface Transforms {
  /** Bᵀ, on the inputs of a tile: [m+2, m+2]. */
  readonly input: Matrix;
  /** G, on the taps: [m+2, 3]. */
  readonly filter: Matrix;
  /** Aᵀ, on the products: [m, m+2]. */
  readonly output: Matrix;
}

/** Of the interpolation points 0, 1, -1 and infinity, and of these with 2 and -2: Lavin & Gray, section 4. */
export const winogradTransforms: Readonly<Record<WinogradTile, Transforms>> = {
  2: {
    input: [
      [1, 0, -1, 0],
      [0, 1, 1, 0],
      [0, -1, 1, 0],
      [0, 1, 0, -1],
    ],
    filter: [
      [1, 0, 0],
      [1 / 2, 1 / 2, 1 / 2],
      [1 / 2, -1 / 2, 1 / 2],
      [0, 0, 1],
    ],
    output: [
      [1, 1, 1, 0],
      [0, 1, -1, -1],
    ],
  },
  4: {
    input: [
      [4, 0, -5, 0, 1, 0],
      [0, -4, -4, 1, 1, 0],
      [0, 4, -4, -1, 1, 0],
      [0, -2, -1, 2, 1, 0],
      [0, 2, -1, -2, 1, 0],
      [0, 4, 0, -5, 0, 1],
    ],
    filter: [
      [1 / 4, 0, 0],
      [-1 / 6, -1 / 6, -1 / 6],
      [-1 / 6, 1 / 6, -1 / 6],
      [1 / 24, 1 / 12, 1 / 6],
      [1 / 24, -1 / 12, 1 / 6],
      [0, 0, 1],
    ],
    output: [
      [1, 1, 1, 1, 1, 0],
      [0, 1, -1, 2, -2, 0],
      [0, 1, 1, 4, 4, 0],
      [0, 1, -1, 8, -8, 1],
    ],
  },
};

/**
 * The root mean square of an output's rounding error at the worst place of a tile, over inputs and filters drawn
 * independently with mean 0 and variance 1, for a sum over C channels in float32.
 *
 * Place f of a tile sums products of variance |B[f]|² |G[f]|², where B[f] and G[f] are rows of the transforms (in two
 * dimensions: products of two such rows). A rounding is off by u = 2^-24 / √3 of what is rounded, as a root mean square.
 * Partial sums grow evenly, so C additions spend as many roundings as C / 2 of the whole sum; each product is one, and the
 * transforms spend at most one for each factor and each addition of a row, once for each of two dimensions. The output
 * weighs place f by A[i,f].
 */
export function winogradError(tile: WinogradTile, channels: number): number {
  const { input, filter, output } = winogradTransforms[tile];
  const square = (row: readonly number[]) => row.reduce((sum, x) => sum + x * x, 0);
  const variances = output.map((row) =>
    row.reduce((sum, a, f) => sum + a * a * square(input[f]) * square(filter[f]), 0),
  );
  const spent = (m: Matrix) => Math.max(...m.map((row) => 2 * row.filter((x) => x !== 0).length));
  const roundings = channels / 2 + 1 + 2 * (spent(input) + spent(filter) + spent(output));
  return (2 ** -24 / Math.sqrt(3)) * Math.sqrt(roundings * channels) * Math.max(...variances);
}

/** Places of a tile: F. */
export const winogradPlaces = (tile: WinogradTile): number => (tile + 2) ** 2;

interface TileCounts {
  readonly down: number;
  readonly across: number;
  /** Of all pictures. */
  readonly tiles: number;
}

export function tileCounts(batch: number, tile: WinogradTile, [P, Q]: readonly [number, number]): TileCounts {
  const down = Math.ceil(P / tile);
  const across = Math.ceil(Q / tile);
  return { down, across, tiles: batch * down * across };
}

/** Channels summed over and filters computed, of w: [3,3,C,K]. */
export function filterChannels(
  w: Shape,
  { rotated }: { readonly rotated: boolean },
): { sums: number; filters: number } {
  return rotated ? { sums: w[3], filters: w[2] } : { sums: w[2], filters: w[3] };
}

/** Entries of the transforms that are not 0: what a transform of one column takes. */
export function nonZeros(tile: WinogradTile): { input: number; output: number } {
  const count = (m: Matrix) => m.flat().filter((x) => x !== 0).length;
  const { input, output } = winogradTransforms[tile];
  return { input: count(input), output: count(output) };
}
