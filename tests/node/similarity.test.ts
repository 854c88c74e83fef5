// similarity.test.ts: how alike two maps are, against closed forms.

import * as assert from 'uvu/assert';
import { hog, hogSimilarity, pearson, ranks, spearman, ssim } from '../../src/viz/metrics/similarity.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const test = suite('similarity of maps');

const draw = (count: number, seed: number): number[] => {
  const next = randomNumbers(seed);
  return Array.from({ length: count }, () => 2 * next() - 1);
};
const near = (value: number, expected: number, tolerance = 1e-12): void =>
  close([value], [expected], { absolute: tolerance }, 'similarity');

test('ranks share the mean where values are equal', () => {
  assert.equal([...ranks([10, -3, 10, 7])], [3.5, 1, 3.5, 2]);
  assert.equal([...ranks([5, 5, 5])], [2, 2, 2]);
});

test("Spearman's correlation looks at the order alone", () => {
  const a = draw(200, 1);
  near(spearman(a, a), 1);
  near(
    spearman(
      a,
      a.map((v) => Math.exp(5 * v)),
    ),
    1,
  );
  near(
    spearman(
      a,
      a.map((v) => -v),
    ),
    -1,
  );
});

test("Spearman's correlation of a known table, without and with ties", () => {
  // 1 - 6 Σd² / (n (n² - 1)), d = (1, -1, 0, 1, -1): 1 - 24/120
  near(spearman([1, 2, 3, 4, 5], [2, 1, 3, 5, 4]), 0.8);
  // Ranks (1, 2.5, 2.5, 4) and (1, 2, 3, 4): 4.5 / sqrt(4.5 * 5)
  near(spearman([1, 2, 2, 3], [1, 2, 3, 4]), 4.5 / Math.sqrt(22.5));
});

test('a constant map has no correlation', () => {
  assert.ok(Number.isNaN(spearman([1, 1, 1], [1, 2, 3])));
  assert.ok(Number.isNaN(pearson([0, 0], [1, 2])));
  assert.throws(() => spearman([1, 2], [1, 2, 3]), /2 and 3 values/);
});

test('SSIM of a map with itself is 1, and does not see shift and scale', () => {
  const a = draw(32 * 24, 2);
  near(ssim(a, a, [32, 24]), 1);
  // Powers of two keep the 256 levels as they are.
  const scaled = a.map((v) => 4 * v);
  near(ssim(a, scaled, [32, 24]), 1);
});

test('SSIM of a window and its negative is the formula', () => {
  // Columns of 0 and 1 against their negative. One window: means m and 1-m, variance v = m (1-m), covariance -v.
  const side = 11;
  const a = Array.from({ length: side * side }, (_, i) => (i % side) % 2);
  const b = a.map((v) => 1 - v);
  const weights = Array.from({ length: side }, (_, i) => Math.exp(-((i - 5) ** 2) / (2 * 1.5 ** 2)));
  const total = weights.reduce((sum, w) => sum + w, 0);
  const m = weights.reduce((sum, w, i) => sum + w * (i % 2), 0) / total;
  const v = m * (1 - m);
  const [c1, c2] = [0.01 ** 2, 0.03 ** 2];
  const expected = ((2 * v + c1) * (-2 * v + c2)) / ((m * m + (1 - m) ** 2 + c1) * (2 * v + c2));
  near(ssim(a, b, [side, side]), expected, 1e-3);
});

test('SSIM takes maps smaller than its window', () => {
  const a = draw(36, 3);
  near(ssim(a, a, [6, 6]), 1);
  assert.ok(ssim(a, draw(36, 4), [6, 6]) < 0.5);
});

test('HOG: an edge falls into the bin across it', () => {
  const size = [24, 24] as const;
  const ramp = (along: (h: number, w: number) => number) =>
    Array.from({ length: 576 }, (_, i) => along(Math.floor(i / 24), i % 24));
  const full = (bins: Float64Array) => new Set([...bins.keys()].filter((i) => bins[i] > 0).map((i) => i % 9));
  const across = hog(
    ramp((_, w) => w),
    size,
  );
  const down = hog(
    ramp((h) => h),
    size,
  );
  assert.is(across.length, 81);
  assert.equal([...full(across)], [0]);
  assert.equal([...full(down)], [4]);
});

test('HOG does not see the scale, nor the sign', () => {
  const a = draw(32 * 40, 5);
  const size = [32, 40] as const;
  assert.is(hog(a, size).length, 2 * 3 * 81);
  for (const factor of [1000, -3]) {
    const scaled = a.map((v) => factor * v);
    close(hog(scaled, size), hog(a, size), { absolute: 1e-9 }, `times ${factor}`);
    near(hogSimilarity(a, scaled, size), 1, 1e-9);
  }
  assert.ok(hogSimilarity(a, draw(32 * 40, 6), size) < 0.6);
});
