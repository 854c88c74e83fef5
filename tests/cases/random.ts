// random.ts: rows for random numbers: counts that are no multiple of a hash's four words, seeds and steps with high bits.

import { randomAffine, randomNormal, randomUniform } from '../../src/engine/ops/index.ts';
import type { Case } from './types.ts';

const step = (value: number): Pick<Case, 'inputs' | 'data' | 'wrt'> => ({
  inputs: [[]],
  data: { 0: [value] },
  wrt: [],
});

/** Lucid's standard list. */
const lucid = [
  { jitter: 8 },
  { scale: Array.from({ length: 11 }, (_, i) => 1 + (i - 5) / 50) },
  { rotate: [...Array.from({ length: 21 }, (_, i) => i - 10), 0, 0, 0, 0, 0] },
  { jitter: 4 },
];

export const randomCases: readonly Case[] = [
  { op: 'randomUniform', name: 'odd count', ...step(3), build: ([s]) => randomUniform(s, [3, 7, 5], { seed: 7 }) },
  {
    op: 'randomUniform',
    name: 'large key',
    ...step(2 ** 24 - 1),
    build: ([s]) => randomUniform(s, [64], { seed: 0xffffffff, stream: 0x9e3779b9 }),
  },
  {
    op: 'randomNormal',
    name: 'odd count',
    ...step(5),
    build: ([s]) => randomNormal(s, [3, 7, 5], { seed: 7 }),
  },
  {
    op: 'randomNormal',
    name: 'many, tails included',
    ...step(0),
    build: ([s]) => randomNormal(s, [10000], { seed: 1, stream: 2 }),
  },
  {
    op: 'randomAffine',
    name: 'all kinds of steps',
    ...step(11),
    build: ([s]) =>
      randomAffine(s, {
        batch: 5,
        seed: 3,
        inputSize: [20, 24],
        outputSize: [16, 16],
        moves: [...lucid, { flip: true }],
      }),
  },
  {
    op: 'randomAffine',
    name: 'jitter alone',
    ...step(2),
    build: ([s]) => randomAffine(s, { batch: 9, inputSize: [15, 15], moves: [{ jitter: 3 }] }),
  },
];
