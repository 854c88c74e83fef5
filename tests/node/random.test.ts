// Random numbers: distribution, independence of neighbours, seeds, streams and steps; random moves of pictures.
// Everything is seeded, so a bound either holds for good or does not; bounds are about four standard errors.

import * as assert from 'uvu/assert';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { type AffineMove, randomAffine } from '../../src/engine/ops/index.ts';
import { normalNumbers, type RandomKey, randomWord, uniformNumbers } from '../../src/kernels/random.ts';
import { suite } from '../support/suite.ts';

const COUNT = 40000;
const SIGMAS = 4;
const key: RandomKey = { seed: 7, stream: 1 };

const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
const moment = (values: ArrayLike<number>, power: number): number => mean(Array.from(values, (v) => v ** power));

/** Correlation of two equally long lists. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [ma, mb] = [mean(a), mean(b)];
  const product = mean(Array.from(a, (v, i) => (v - ma) * (b[i] - mb)));
  return product / Math.sqrt((moment(a, 2) - ma * ma) * (moment(b, 2) - mb * mb));
}

const near = (actual: number, expected: number, deviation: number, what: string) =>
  assert.ok(
    Math.abs(actual - expected) <= SIGMAS * deviation,
    `${what}: ${actual}, expected ${expected} +- ${deviation}`,
  );

const test = suite('random numbers');

test('the hash gives the numbers of its definition', () => {
  // pcg4d in exact integer arithmetic, written out once more.
  const wide = (words: number[]): bigint[] => {
    const cut = (v: bigint) => v & 0xffffffffn;
    let [x, y, z, w] = words.map((v) => cut(BigInt(v) * 1664525n + 1013904223n));
    const mix = () => {
      x = cut(x + y * w);
      y = cut(y + z * x);
      z = cut(z + x * y);
      w = cut(w + y * z);
    };
    mix();
    [x, y, z, w] = [x, y, z, w].map((v) => v ^ (v >> 16n));
    mix();
    return [x, y, z, w];
  };
  for (let i = 0; i < 64; i++) {
    const expected = wide([i >> 2, 1e7 + i, 0xdeadbeef, 0xffffffff - i])[i & 3];
    assert.is(BigInt(randomWord(i, 1e7 + i, { seed: 0xffffffff - i, stream: 0xdeadbeef })), expected);
  }
});

test('uniform numbers fill [0, 1) evenly', () => {
  const u = uniformNumbers(COUNT, key);
  assert.ok(u.every((v) => v >= 0 && v < 1));
  near(mean(u), 1 / 2, Math.sqrt(1 / 12 / COUNT), 'mean');
  near(moment(u, 2), 1 / 3, Math.sqrt(4 / 45 / COUNT), 'second moment');
  const bins = new Array<number>(100).fill(0);
  for (const v of u) bins[Math.floor(v * 100)]++;
  const chiSquare = bins.reduce((total, n) => total + (n - COUNT / 100) ** 2 / (COUNT / 100), 0);
  near(chiSquare, 99, Math.sqrt(2 * 99), 'chi square');
});

test('every bit of a word is one half of the time', () => {
  for (let bit = 0; bit < 32; bit++) {
    const ones = mean(Array.from({ length: COUNT }, (_, i) => (randomWord(i, 3, key) >>> bit) & 1));
    near(ones, 1 / 2, 0.5 / Math.sqrt(COUNT), `bit ${bit}`);
  }
});

test('normal numbers have the moments of the normal distribution', () => {
  const z = normalNumbers(COUNT, key);
  near(mean(z), 0, 1 / Math.sqrt(COUNT), 'mean');
  near(moment(z, 2), 1, Math.sqrt(2 / COUNT), 'variance');
  near(moment(z, 3), 0, Math.sqrt(15 / COUNT), 'skewness');
  near(moment(z, 4), 3, Math.sqrt(96 / COUNT), 'kurtosis');
  near(mean(Array.from(z, (v) => (v < 1.6448536 ? 1 : 0))), 0.95, Math.sqrt((0.95 * 0.05) / COUNT), '95th percentile');
});

test('neighbours are uncorrelated: along the counter, and between steps, streams and seeds', () => {
  const u = uniformNumbers(COUNT, key);
  const deviation = 1 / Math.sqrt(COUNT);
  for (const lag of [1, 2, 3, 4, 8, 224, 1024]) {
    near(correlation(u.subarray(lag), u.subarray(0, COUNT - lag)), 0, deviation, `lag ${lag}`);
  }
  near(correlation(u, uniformNumbers(COUNT, key, 1)), 0, deviation, 'next step');
  near(correlation(u, uniformNumbers(COUNT, { ...key, stream: 2 })), 0, deviation, 'next stream');
  near(correlation(u, uniformNumbers(COUNT, { ...key, seed: 8 })), 0, deviation, 'next seed');
  // The first number alone, as steps and seeds count up: what a draw a step sees.
  const bySteps = Array.from({ length: COUNT }, (_, step) => uniformNumbers(1, key, step)[0]);
  const bySeeds = Array.from({ length: COUNT }, (_, seed) => uniformNumbers(1, { seed, stream: 0 })[0]);
  for (const [name, list] of Object.entries({ bySteps, bySeeds })) {
    near(mean(list), 1 / 2, Math.sqrt(1 / 12 / COUNT), name);
    near(correlation(list.slice(1), list.slice(0, -1)), 0, deviation, name);
  }
});

test('the same key gives the same numbers, another key others', () => {
  assert.equal(uniformNumbers(50, key, 9), uniformNumbers(50, key, 9));
  const others = [
    uniformNumbers(50, key, 10),
    uniformNumbers(50, { ...key, seed: 8 }),
    uniformNumbers(50, { ...key, stream: 0 }),
  ];
  for (const other of others) assert.not.equal(uniformNumbers(50, key, 9), other);
});

/** The matrices of one step, as rows of six numbers. */
function draw(step: number, moves: readonly AffineMove[], size: readonly [number, number], seed = 0, batch = 1) {
  const graph = new Graph();
  const y = randomAffine(graph.input('step', []), { batch, seed, inputSize: size, moves });
  const { data } = interpret(computation({ y }), { step: [step] }).outputs.y;
  return Array.from({ length: batch }, (_, n) => [...data.subarray(6 * n, 6 * n + 6)]);
}

test('moves that change nothing give the identity', () => {
  const still: AffineMove[] = [{ jitter: 0 }, { scale: [1] }, { rotate: [0] }, { jitter: 0 }];
  assert.equal(draw(4, still, [224, 113], 3, 3), Array(3).fill([1, 0, 0, 0, 1, 0]));
  assert.equal(draw(0, [], [8, 8]), [[1, 0, 0, 0, 1, 0]]);
});

test('jitter is a whole shift, even over its range and unbiased', () => {
  const counts = new Array<number>(9).fill(0);
  const draws = 3600;
  for (let step = 0; step < draws; step++) {
    const [a, b, row, c, d, column] = draw(step, [{ jitter: 8 }], [20, 30], 5)[0];
    assert.equal([a, b, c, d], [1, 0, 0, 1]);
    assert.ok(Number.isInteger(row) && Number.isInteger(column) && Math.abs(row) <= 4 && Math.abs(column) <= 4);
    counts[row + 4]++;
  }
  const chiSquare = counts.reduce((total, n) => total + (n - draws / 9) ** 2 / (draws / 9), 0);
  near(chiSquare, 8, Math.sqrt(16), 'chi square');
  const shifts = Array.from({ length: draws }, (_, seed) => draw(0, [{ jitter: 8 }], [20, 30], seed)[0][5]);
  near(mean(shifts), 0, Math.sqrt(60 / 9 / draws), 'mean over seeds');
});

test('magnifying reads a smaller region, turning moves the right edge up; both keep the centre', () => {
  const [m] = draw(0, [{ scale: [2] }], [5, 5]);
  assert.equal(m, [0.5, 0, 1, 0, 0.5, 1]);
  // A quarter turn counter-clockwise: what was in the middle of the right edge is now in the middle of the top.
  const [a, b, row, c, d, column] = draw(0, [{ rotate: [90] }], [5, 5])[0];
  const source = [a * 0 + b * 2 + row, c * 0 + d * 2 + column];
  assert.ok(Math.abs(source[0] - 2) < 1e-6 && Math.abs(source[1] - 4) < 1e-6, `${source}`);
});

test('pictures of a batch, steps and seeds are drawn apart', () => {
  const moves: AffineMove[] = [{ jitter: 16 }, { scale: [0.9, 1, 1.1] }, { rotate: [-5, 0, 5] }];
  const seen = [
    ...draw(0, moves, [64, 64], 0, 4),
    ...draw(1, moves, [64, 64], 0, 4),
    ...draw(0, moves, [64, 64], 1, 4),
  ];
  assert.is(new Set(seen.map((m) => m.join())).size, seen.length);
  assert.equal(draw(0, moves, [64, 64], 0, 4), draw(0, moves, [64, 64], 0, 4));
});
