// ranking.ts: from an attribution to one number a pixel, and to the order in which pixels count.

import { uniformNumbers } from '../../kernels/random.ts';
import type { Attribution } from '../attribution/result.ts';
import { attributionMap } from '../render/attributionMap.ts';
import { resizeBilinear } from '../render/maps.ts';

/**
 * One number a pixel of the picture, [H*W]: channels summed, features spread over their pixels, maps of other sizes resized
 * bilinearly. Signs are kept: evidence against the class ranks below no evidence.
 */
export function pixelMap(attribution: Attribution, [H, W]: readonly [number, number]): Float32Array {
  const { data, size } = attributionMap(attribution, [H, W]);
  return size[0] === H && size[1] === W ? data : resizeBilinear(data, size, [H, W]);
}

const TIE_STREAM = 78;

/**
 * Pixels from the most relevant to the least. Pixels of equal value (all of a superpixel, all that a rectified map calls 0)
 * come in an order drawn by the seed: the order of rows would say that the top of the picture counts more.
 */
export function rankPixels(map: ArrayLike<number>, seed = 0): Int32Array {
  const lots = uniformNumbers(map.length, { seed, stream: TIE_STREAM });
  return Int32Array.from({ length: map.length }, (_, i) => i).sort((a, b) => map[b] - map[a] || lots[a] - lots[b]);
}

/** Copies the pixels order[from..to-1] of one picture [H*W,C] into another. */
export function copyPixels(
  from: Float32Array,
  to: Float32Array,
  order: Int32Array,
  [start, end]: readonly [number, number],
  channels: number,
): void {
  for (let k = start; k < end; k++) {
    const at = order[k] * channels;
    for (let c = at; c < at + channels; c++) to[c] = from[c];
  }
}

/** Largest less smallest of the input: the unit in which noise is measured, whatever the preprocessing. */
export function spreadOf(input: Float32Array): number {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of input) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return high - low;
}
