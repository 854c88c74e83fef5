// features.ts: how a picture is cut into the features that perturbation methods switch on and off.

import { ModelError } from '../../models/error.ts';

export interface FeatureMap {
  /** Feature of each pixel, [H*W], 0..count-1, none of them empty. */
  readonly ids: Int32Array;
  readonly count: number;
}

type Size = readonly [height: number, width: number];

/** Every pixel by itself. */
export const pixelFeatures = ([H, W]: Size): FeatureMap => ({
  ids: Int32Array.from({ length: H * W }, (_, i) => i),
  count: H * W,
});

/** n x n cells: row i, column j lies in cell floor(i n/H) n + floor(j n/W). */
export function gridFeatures([H, W]: Size, n: number): FeatureMap {
  if (!Number.isInteger(n) || n < 1 || n > Math.min(H, W)) {
    throw new ModelError(`a grid of ${n} does not cut ${H} x ${W} pixels. Give a number from 1 to ${Math.min(H, W)}.`);
  }
  const ids = Int32Array.from(
    { length: H * W },
    (_, i) => Math.floor((Math.floor(i / W) * n) / H) * n + Math.floor(((i % W) * n) / W),
  );
  return { ids, count: n * n };
}

/** Regions of equal numbers of a mask [H*W]; numbered in rising order of them. */
export function maskFeatures(mask: ArrayLike<number>, [H, W]: Size): FeatureMap {
  if (mask.length !== H * W) {
    throw new ModelError(`the mask holds ${mask.length} numbers, the picture ${H} x ${W} pixels. Give one a pixel.`);
  }
  const numbers = [...new Set(Array.from(mask))].sort((a, b) => a - b);
  if (!numbers.every(Number.isFinite)) throw new ModelError('the mask holds numbers that are not finite.');
  const idOf = new Map(numbers.map((value, id) => [value, id]));
  return { ids: Int32Array.from(mask, (value) => idOf.get(value) as number), count: numbers.length };
}

/** The map [H*W] that shows one value a feature. */
export const spread = (values: ArrayLike<number>, { ids }: Pick<FeatureMap, 'ids'>): Float32Array =>
  Float32Array.from(ids, (id) => values[id]);
