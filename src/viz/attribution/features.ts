// features.ts: how a picture is cut into the features that perturbation methods switch on and off.

import { ModelError } from '../../models/error.ts';
import { count, type Option, optional } from './options.ts';
import { segmentPicture } from './slic.ts';
import type { Context } from './subject.ts';

export interface FeatureMap {
  /** Feature of each pixel, [H*W], 0..count-1, none of them empty. */
  readonly ids: Int32Array;
  readonly count: number;
  /** Where the features are the cells of a regular grid, numbered row by row: its rows and columns. */
  readonly cells?: readonly [rows: number, columns: number];
}

type Size = readonly [height: number, width: number];

/** Every pixel by itself. */
export const pixelFeatures = ([H, W]: Size): FeatureMap => ({
  ids: Int32Array.from({ length: H * W }, (_, i) => i),
  count: H * W,
  cells: [H, W],
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
  return { ids, count: n * n, cells: [n, n] };
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

export interface FeatureChoice {
  readonly grid?: number | 'pixels';
  readonly segments?: number;
  readonly mask?: Float32Array;
}
const KINDS = ['grid', 'segments', 'mask'] as const;

const sides = count(0, '');

/** The options of a method that works on features; at most one of them is given, else `fallback` holds. */
export const featureOptions = ({ grid, segments }: FeatureChoice) => ({
  grid: {
    fallback: grid,
    description: 'features are the cells of an n x n grid, or the single pixels',
    placeholder: 'n|pixels',
    words: ['pixels'],
    parse: (text: string) => (text.trim() === 'pixels' ? ('pixels' as const) : sides.parse(text)),
  } satisfies Option<FeatureChoice['grid']> as Option<FeatureChoice['grid']>,
  segments: {
    ...optional(count(0, 'features are about n superpixels (SLIC) of the picture')),
    fallback: segments,
  } satisfies Option<number | undefined> as Option<number | undefined>,
  mask: {
    fallback: undefined,
    description: 'features are the regions of equal numbers of an array [H,W]',
    placeholder: 'file.npy',
    takesArray: 'pixels',
    parse: (text: string): Float32Array => {
      throw new ModelError(`"${text}" is no .npy file. Give an array [H,W] with the number of each pixel's region.`);
    },
  } satisfies Option<Float32Array | undefined> as Option<Float32Array | undefined>,
});

/** What was asked for, or the method's own choice, cut to what a small picture allows. */
export function chooseFeatures(given: FeatureChoice, fallback: FeatureChoice, [H, W]: Size): FeatureChoice {
  const named = KINDS.filter((kind) => given[kind] !== undefined);
  if (named.length > 1)
    throw new ModelError(`${named.join(' and ')} both say what the features are. Give one of them.`);
  if (named.length === 1) return { [named[0]]: given[named[0]] };
  return typeof fallback.grid === 'number' ? { grid: Math.min(fallback.grid, H, W) } : fallback;
}

/** The features that are the same for every picture; undefined where they are superpixels. */
export function fixedFeatures({ size }: Pick<Context, 'size'>, { grid, mask }: FeatureChoice): FeatureMap | undefined {
  if (mask) return maskFeatures(mask, size);
  if (grid === 'pixels') return pixelFeatures(size);
  return grid === undefined ? undefined : gridFeatures(size, grid);
}

/** The features of one picture [H,W,C]. */
export function featuresOf(context: Context, choice: FeatureChoice, input: Float32Array): FeatureMap {
  const { model, size } = context;
  return fixedFeatures(context, choice) ?? segmentPicture(input, size, model.preprocess, choice.segments ?? 1);
}
