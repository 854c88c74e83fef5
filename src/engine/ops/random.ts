// random.ts: random numbers and random picture transformations, drawn anew in each step of a replay. The same seed gives
// the same sequence; give each use in a computation a stream of its own.

import { CHOICE_NUMBERS, type RandomKey } from '../../kernels/random.ts';
import { OpError, type Shape } from '../../kernels/types.ts';
import type { Tensor, Value } from '../graph.ts';
import * as definitions from '../../kernels/random.ts';
import { applying } from '../extra.ts';
import { randomRules } from '../rules/random.ts';

const apply = /* @__PURE__ */ applying({
  ops: {
    randomUniform: definitions.randomUniform,
    randomNormal: definitions.randomNormal,
    randomAffine: definitions.randomAffine,
  },
  rules: () => randomRules,
});

export interface RandomOptions extends Partial<RandomKey> {
  readonly label?: string;
}

/** Numbers in [0, 1). `step` is a scalar that holds a whole number below 2^24, such as `stepCounter`'s. */
export const randomUniform = (step: Value, shape: Shape, { seed = 0, stream = 0, label }: RandomOptions = {}): Value =>
  apply('randomUniform', [step], { shape, seed, stream }, label);

/** Standard normal numbers. */
export const randomNormal = (step: Value, shape: Shape, { seed = 0, stream = 0, label }: RandomOptions = {}): Value =>
  apply('randomNormal', [step], { shape, seed, stream }, label);

/** One move of the picture; choices from lists are drawn evenly. */
export type AffineMove =
  /** Cuts a window that is d pixels smaller both ways, at a random whole offset 0..d down and across. */
  | { readonly jitter: number }
  /** Magnifies about the centre by a factor from the list. */
  | { readonly scale: readonly number[] }
  /** Turns about the centre by an angle from the list, in degrees, counter-clockwise as seen on the screen. */
  | { readonly rotate: readonly number[] }
  /** Mirrors left and right, or does not. */
  | { readonly flip: true };

export interface RandomAffineOptions extends RandomOptions {
  /** Number of pictures; each gets its own draw. */
  readonly batch: number;
  /** [H, W] of the picture that will be read. */
  readonly inputSize: readonly [number, number];
  /** [P, Q] of the result, cut from the centre of what the steps leave; inputSize by default. */
  readonly outputSize?: readonly [number, number];
  readonly moves: readonly AffineMove[];
}

/**
 * Matrices [batch, 2, 3] for `affineSample`: each maps a pixel of the transformed picture to where it comes from. Steps apply
 * to the picture in order. Nothing is cut off before the end, so padding needs no step of its own: what lies outside the
 * picture is the sampler's `fill`. Without scales and angles the matrices are whole translations, the positions of random
 * crops; with steps that change nothing they are the identity. One dispatch.
 */
export function randomAffine(step: Value, options: RandomAffineOptions): Value {
  const { batch, seed = 0, stream = 0, label } = options;
  const table = step.graph.constant(transformTable(options));
  return apply('randomAffine', [step, table], { batch, seed, stream }, label);
}

/** A map of positions: [a, b, t, c, d, u] takes (r, s) to (a r + b s + t, c r + d s + u). */
type AffineMap = readonly [number, number, number, number, number, number];

const translation = (rows: number, columns: number): AffineMap => [1, 0, rows, 0, 1, columns];

/** The linear map [[a, b], [c, d]] about a point. */
const about = (a: number, b: number, c: number, d: number, [r, s]: readonly [number, number]): AffineMap => [
  a,
  b,
  r - (a * r + b * s),
  c,
  d,
  s - (c * r + d * s),
];

/**
 * The choices of every step, as `randomAffine` of the kernels reads them: maps from positions after a step to positions
 * before it. Sines and cosines are taken here, where they are exact.
 */
export function transformTable({ inputSize, outputSize = inputSize, moves }: RandomAffineOptions): Tensor {
  const groups: AffineMap[][] = [];
  const nonEmpty = (what: string, list: readonly number[], isFine: (value: number) => boolean) => {
    if (list.length > 0 && list.every(isFine)) return list;
    throw new OpError(`randomAffine: ${what} is [${list}]. Give at least one number, and scales above 0.`);
  };
  // Size of the picture after the steps so far; magnifying keeps the frame.
  let [height, width] = inputSize;
  for (const move of moves) {
    const center = [(height - 1) / 2, (width - 1) / 2] as const;
    if ('jitter' in move) {
      const d = move.jitter;
      if (!Number.isInteger(d) || d < 0)
        throw new OpError(`randomAffine: jitter is ${d}; give a whole number of pixels.`);
      const offsets = Array.from({ length: d + 1 }, (_, i) => i);
      groups.push(
        offsets.map((i) => translation(i, 0)),
        offsets.map((i) => translation(0, i)),
      );
      height -= d;
      width -= d;
    } else if ('scale' in move) {
      const scales = nonEmpty('scale', move.scale, (s) => s > 0 && Number.isFinite(s));
      groups.push(scales.map((s) => about(1 / s, 0, 0, 1 / s, center)));
    } else if ('rotate' in move) {
      const radians = nonEmpty('rotate', move.rotate, Number.isFinite).map((angle) => (angle * Math.PI) / 180);
      groups.push(radians.map((t) => about(Math.cos(t), Math.sin(t), -Math.sin(t), Math.cos(t), center)));
    } else groups.push([about(1, 0, 0, 1, center), about(1, 0, 0, -1, center)]);
  }
  groups.push([translation(Math.floor((height - outputSize[0]) / 2), Math.floor((width - outputSize[1]) / 2))]);
  const rows = groups.flatMap((group) => group.map((map) => [group.length, ...map]));
  return { shape: [rows.length, CHOICE_NUMBERS], data: Float32Array.from(rows.flat()) };
}
