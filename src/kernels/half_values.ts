// half_values.ts: which numbers have a place in halves, and what becomes of them. Needed where a network is stored in halves, and for
// the meaning of `toHalf`.

import { halfBits, SIGN } from './half.ts';

/** The largest half. What rounds beyond it has no place in halves. */
export const LARGEST_HALF = 65504;

/** Halves from here on are within 2^-11 of the number itself; smaller ones are multiples of 2^-24. */
export const SMALLEST_NORMAL_HALF = 2 ** -14;

/** The number that a half's bits stand for. */
export function halfValue(bits: number): number {
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  const sign = bits & SIGN ? -1 : 1;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (fraction + 1024) * 2 ** (exponent - 25));
}

/** The nearest half of each number. */
export function roundToHalf(data: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const rounded = Float32Array.from(data);
  const bits = new Int32Array(rounded.buffer);
  for (let i = 0; i < rounded.length; i++) rounded[i] = halfValue(halfBits(bits[i]));
  return rounded;
}
