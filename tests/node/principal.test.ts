// principal.test.ts: the first principal direction, and interpolation along an axis.

import * as assert from 'uvu/assert';
import { principalDirection } from '../../src/viz/attribution/principal.ts';
import { interpolationMatrix } from '../../src/viz/attribution/upsample.ts';
import { resizeBilinear } from '../../src/viz/render/maps.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const test = suite('principal direction and interpolation');

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  range(a.length).reduce((sum, i) => sum + a[i] * b[i], 0);

/** A drawn at random, with numbers of both signs or none below 0. */
const matrix = (n: number, K: number, seed: number, low = -1): Float32Array => {
  const next = randomNumbers(seed);
  return Float32Array.from({ length: n * K }, () => Math.max(low, 2 * next() - 1));
};
const apply = (rows: Float32Array, K: number, v: ArrayLike<number>): number[] =>
  range(rows.length / K).map((row) => dot(rows.subarray(row * K, (row + 1) * K), v));
const applyBack = (rows: Float32Array, K: number, u: ArrayLike<number>): number[] =>
  range(K).map((k) => range(rows.length / K).reduce((sum, row) => sum + rows[row * K + k] * u[row], 0));

/** All squared singular values by Jacobi rotations of the Gram matrix of the columns. */
function squaredSingularValues(rows: Float32Array, K: number): number[] {
  const g = range(K).map((a) =>
    range(K).map((b) => range(rows.length / K).reduce((sum, i) => sum + rows[i * K + a] * rows[i * K + b], 0)),
  );
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < K; p++) {
      for (let q = p + 1; q < K; q++) {
        if (g[p][q] === 0) continue;
        const angle = 0.5 * Math.atan2(2 * g[p][q], g[q][q] - g[p][p]);
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        for (const row of g) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
        const [up, uq] = [g[p].slice(), g[q].slice()];
        for (let k = 0; k < K; k++) [g[p][k], g[q][k]] = [c * up[k] - s * uq[k], s * up[k] + c * uq[k]];
      }
    }
  }
  return range(K).map((k) => g[k][k]);
}

for (const [n, K, low] of [
  [40, 7, -1],
  [9, 12, -1],
  [25, 10, 0],
  [6, 6, -1],
]) {
  test(`[${n}, ${K}] from ${low}: the longest projections there are, and a singular vector`, () => {
    const rows = matrix(n, K, n + K, low);
    const v = principalDirection(rows, K);
    close([dot(v, v)], [1], { absolute: 1e-12 }, 'length');
    const projections = apply(rows, K, v);
    const largest = Math.max(...squaredSingularValues(rows, K));
    close([dot(projections, projections)], [largest], { relative: 1e-12 }, 'squared length of the projections');
    close(
      applyBack(rows, K, projections),
      v.map((value) => value * largest),
      { relative: 1e-9 },
      "A'A v",
    );
    assert.ok(projections.reduce((a, b) => a + b) >= 0);
  });
}

test('rows that cancel in what they have most of still show it', () => {
  const v = principalDirection(Float32Array.of(10, 0, -10, 0, 0, 1), 2);
  close([Math.abs(v[0]), Math.abs(v[1])], [1, 0], { absolute: 1e-12 }, 'direction');
});

test('directions nearly as long as each other are told apart', () => {
  const v = principalDirection(Float32Array.of(1, 0, 0, 0, 0.998, 0, 0, 0, 0.5), 3);
  close(v, [1, 0, 0], { absolute: 1e-9 }, 'direction');
});

test('one row is its own direction; zeros have none; nothing is NaN', () => {
  close(principalDirection(Float32Array.of(3, 4), 2), [0.6, 0.8], { absolute: 1e-12 }, 'one row');
  assert.equal([...principalDirection(new Float32Array(12), 3)], [0, 0, 0]);
});

test('interpolation matrices: rows sum to 1, and two of them are resizeBilinear', () => {
  const [h, w, H, W] = [3, 5, 8, 4];
  const map = matrix(h, w, 3);
  const [tall, wide] = [interpolationMatrix(h, H, 'bilinear').data, interpolationMatrix(w, W, 'bilinear').data];
  for (const row of range(H)) {
    const weights = tall.slice(row * h, (row + 1) * h);
    close([weights.reduce((a, b) => a + b)], [1], { absolute: 1e-7 }, 'row');
  }
  const found = range(H * W).map((at) => {
    const [i, j] = [Math.floor(at / W), at % W];
    return range(h * w).reduce((sum, k) => sum + tall[i * h + Math.floor(k / w)] * wide[j * w + (k % w)] * map[k], 0);
  });
  close(found, resizeBilinear(map, [h, w], [H, W]), { relative: 3e-7 }, 'resized');
  assert.equal([...interpolationMatrix(2, 4, 'nearest').data], [1, 0, 1, 0, 0, 1, 0, 1]);
});
