// random.ts: random numbers as a function of a counter, equal on the CPU and on the GPU.
//
// Word i of (seed, stream, step) is component i mod 4 of pcg4d(i div 4, step, stream, seed), a hash of four 32-bit words:
// M. Jarzynski and M. Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020. Nothing is stored between runs but the
// step, a scalar that counts up; `stream` tells the uses within one computation apart.

import { areWhole, showShape, sizeOf } from './shape.ts';
import { defineOp, type OpDef, OpError, type Shape } from './types.ts';

/** Whole numbers below 2^32. */
export interface RandomKey {
  readonly seed: number;
  readonly stream: number;
}
export interface RandomAttrs extends RandomKey {
  readonly shape: Shape;
}
export interface RandomAffineAttrs extends RandomKey {
  /** Number of matrices. */
  readonly batch: number;
}

const add = (a: number, b: number): number => (a + b) >>> 0;
const scramble = (v: number): number => add(Math.imul(v, 1664525), 1013904223);

function pcg4d(a: number, b: number, c: number, d: number): [number, number, number, number] {
  let [x, y, z, w] = [scramble(a), scramble(b), scramble(c), scramble(d)];
  const mix = () => {
    x = add(x, Math.imul(y, w));
    y = add(y, Math.imul(z, x));
    z = add(z, Math.imul(x, y));
    w = add(w, Math.imul(y, z));
  };
  mix();
  [x, y, z, w] = [x ^ (x >>> 16), y ^ (y >>> 16), z ^ (z >>> 16), w ^ (w >>> 16)];
  mix();
  return [x, y, z, w];
}

/** Word `index` of the sequence of (seed, stream, step). */
export const randomWord = (index: number, step: number, { seed, stream }: RandomKey): number =>
  pcg4d(index >>> 2, step >>> 0, stream, seed)[index & 3];

/** The upper 24 bits as a number in [0, 1): exact in float32. */
export const unitInterval = (word: number): number => (word >>> 8) / 2 ** 24;

/**
 * Coefficients of w - 2.5 and sqrt(w) - 3, highest power first: M. Giles, "Approximating the erfinv function", GPU Computing
 * Gems 2, 2011, table 5 (single precision).
 */
const CENTRAL = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
];
const TAIL = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682,
];

/** The standard normal number of a word: sqrt(2) erfinv(x), x the upper 23 bits as an odd multiple of 2^-23 in (-1, 1). */
export function normal(word: number): number {
  const x = ((word >>> 9) * 2 + 1) / 2 ** 23 - 1;
  const w = -Math.log((1 - x) * (1 + x));
  const [t, coefficients] = w < 5 ? [w - 2.5, CENTRAL] : [Math.sqrt(w) - 3, TAIL];
  return Math.SQRT2 * x * coefficients.reduce((sum, c) => sum * t + c, 0);
}

/** Random numbers on the host, the same as the ops give: for initial states. */
export const uniformNumbers = (count: number, key: RandomKey, step = 0): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => unitInterval(randomWord(i, step, key)));
export const normalNumbers = (count: number, key: RandomKey, step = 0): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => normal(randomWord(i, step, key)));

const isWord = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 2 ** 32;

function checkKey(op: string, step: Shape, { seed, stream }: RandomKey): void {
  if (sizeOf(step) !== 1)
    throw new OpError(`${op}: step is ${showShape(step)}, expected a scalar, such as stepCounter's.`);
  if (!isWord(seed) || !isWord(stream)) {
    throw new OpError(`${op}: seed ${seed} and stream ${stream} must be whole numbers from 0 to 2^32 - 1.`);
  }
}

const randomOp = (op: 'randomUniform' | 'randomNormal') =>
  defineOp<RandomAttrs>({
    shape: ([step], attrs) => {
      checkKey(op, step, attrs);
      if (!areWhole(attrs.shape, 1)) {
        throw new OpError(`${op}: the shape ${showShape(attrs.shape)} must hold positive whole numbers.`);
      }
      return attrs.shape;
    },
  });

/** step [] -> numbers in [0, 1), multiples of 2^-24. */
export const randomUniform = /* @__PURE__ */ randomOp('randomUniform');
/** step [] -> standard normal numbers, within about 5.3 of 0. */
export const randomNormal = /* @__PURE__ */ randomOp('randomNormal');

/** Numbers of a row of the table: how many choices its group has, then the affine map [2, 3]. */
export const CHOICE_NUMBERS = 7;

/**
 * Composes random affine maps of the plane. table [rows, 7] holds groups of rows, one after the other: [size of the group,
 * a, b, t, c, d, u] stands for (r, s) -> (a r + b s + t, c r + d s + u). From each group one row is drawn evenly, for each
 * picture anew, and the result is first(second(... last(p, q))).
 * step [], table [rows, 7] -> [batch, 2, 3].
 */
export const randomAffine: OpDef<RandomAffineAttrs> = {
  shape: ([step, table], attrs) => {
    checkKey('randomAffine', step, attrs);
    if (table.length !== 2 || table[1] !== CHOICE_NUMBERS) {
      throw new OpError(
        `randomAffine: the table of choices is ${showShape(table)}, expected [rows,${CHOICE_NUMBERS}].`,
      );
    }
    if (!areWhole([attrs.batch], 1)) {
      throw new OpError(`randomAffine: batch is ${attrs.batch}; give the number of pictures.`);
    }
    return [attrs.batch, 2, 3];
  },
};
