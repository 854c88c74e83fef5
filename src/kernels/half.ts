// half.ts: numbers stored in 16 bits (IEEE 754 binary16, "halves"), two to a word.

import { defineOp } from './types.ts';

export const SIGN = 0x8000;
const INFINITY = 0x7c00;
const NAN = 0x7e00;

/** The nearest half of a float32, given and returned as bits; of two the even one (IEEE 754, roundTiesToEven). */
export function halfBits(float: number): number {
  const sign = (float >>> 16) & SIGN;
  const magnitude = float & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | NAN;
  // Halves below 2^-14 are multiples of 2^-24: fewer bits of the float remain the smaller it is.
  const exponent = magnitude >>> 23;
  const dropped = exponent > 112 ? 13 : Math.min(126 - exponent, 25);
  const digits = exponent > 112 ? magnitude - 0x38000000 : (magnitude & 0x7fffff) | 0x800000;
  const isOdd = (digits >>> dropped) & 1;
  const rounded = (digits + (1 << (dropped - 1)) - 1 + isOdd) >>> dropped;
  return sign | Math.min(rounded, INFINITY);
}

/** Bytes of so many halves: whole words. */
export const halvesBytes = (count: number): number => 4 * Math.ceil(count / 2);

/** The halves of `data` as a shader reads them: two to a word, the first in the lower bits. */
export function packHalves(data: Float32Array, words: Uint32Array): void {
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length);
  for (let i = 0; i < data.length; i++) words[i >> 1] |= halfBits(bits[i]) << (16 * (i & 1));
}

/** The nearest halves, stored as such: made by the pass that stores filters in halves (engine/passes/halves.ts). */
export const toHalf = defineOp<Record<string, never>>({
  inHalves: true,
  shape: ([x]) => x,
});
