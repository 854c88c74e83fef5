// half.ts: numbers stored in 16 bits (IEEE 754 binary16, "halves"), two to a word: their rounding, and how a shader reads them.
// Sums stay in float32. WGSL unpacks halves on every device; `shader-f16`, which computes in them, is not needed.

import { grid1d, sizeOf } from './shape.ts';
import { defineOp, type KernelContext } from './types.ts';

/** The largest half. What rounds beyond it has no place in halves. */
export const LARGEST_HALF = 65504;

/** Halves from here on are within 2^-11 of the number itself; smaller ones are multiples of 2^-24. */
export const SMALLEST_NORMAL_HALF = 2 ** -14;

const SIGN = 0x8000;
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

/** Bytes of so many halves: whole words. */
export const halvesBytes = (count: number): number => 4 * Math.ceil(count / 2);

/** The halves of `data` as a shader reads them: two to a word, the first in the lower bits. */
export function packHalves(data: Float32Array, words: Uint32Array): void {
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length);
  for (let i = 0; i < data.length; i++) words[i >> 1] |= halfBits(bits[i]) << (16 * (i & 1));
}

/** By numbers read at once: how they are stored, and read as element i of the binding `name`. */
const ofFloats = {
  1: { stored: 'f32', read: (name: string) => `${name}[i]` },
  2: { stored: 'vec2f', read: (name: string) => `${name}[i]` },
  4: { stored: 'vec4f', read: (name: string) => `${name}[i]` },
} as const;
const ofHalves = {
  1: { stored: 'u32', read: (name: string) => `unpack2x16float(${name}[i / 2u])[i % 2u]` },
  2: { stored: 'u32', read: (name: string) => `unpack2x16float(${name}[i])` },
  4: { stored: 'vec2u', read: (name: string) => `four_halves(${name}[i])` },
} as const;

/**
 * Whether input `position` of an op comes in halves, for a shader that declares its binding `name` as array<{{STORED}}> and
 * reads `unit` numbers at a time by {{READ}}, element i of it.
 */
export function storedText(context: KernelContext<unknown>, position: number, name: string, unit: 1 | 2 | 4) {
  const { stored, read } = (context.halves?.includes(position) ? ofHalves : ofFloats)[unit];
  return { STORED: stored, READ: read(name) };
}

const WORKGROUP = 64;

/** The nearest halves, stored as such: made by the pass that stores filters in halves (engine/passes/halves.ts). */
export const toHalf = defineOp<Record<string, never>>({
  inHalves: true,
  shape: ([x]) => x,
  reference: ([x]) => Float64Array.from(roundToHalf(x.data)),
  cost: ([x]) => ({ flops: 0, bytes: 4 * sizeOf(x) + halvesBytes(sizeOf(x)), terms: 1 }),
  kernels: ({ inputs: [x], device }) => {
    const count = sizeOf(x);
    const words = Math.ceil(count / 2);
    return [
      {
        variant: 'naive',
        shader: 'to_half',
        text: { WORKGROUP },
        uniforms: { count, words },
        workgroups: grid1d(words, WORKGROUP, device.maxWorkgroupsPerDimension),
      },
    ];
  },
});
