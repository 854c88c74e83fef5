// The parts of perturbation methods that need no network: windows, hierarchies, Owen values, the local fit, solving.

import * as assert from 'uvu/assert';
import { addOuter, Cholesky } from '../../src/viz/attribution/cholesky.ts';
import { gridFeatures } from '../../src/viz/attribution/features.ts';
import { fitLime, limeWeight } from '../../src/viz/attribution/lime.ts';
import { slidingWindows, spreadWindows } from '../../src/viz/attribution/occlusion.ts';
import { exactShapley } from '../../src/viz/attribution/shapley/exact.ts';
import { type Estimate, gameOf } from '../../src/viz/attribution/shapley/game.ts';
import {
  type Group,
  halvedGrid,
  type Hierarchy,
  layOut,
  mergedRegions,
} from '../../src/viz/attribution/shapley/hierarchy.ts';
import { partitionShapley } from '../../src/viz/attribution/shapley/partition.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);

const windows = suite('occlusion windows');

windows('one each stride until the edge is covered, the last cut at the edge', () => {
  assert.equal(slidingWindows([5, 4], [4, 4], [2, 2]), [
    [0, 4, 0, 4],
    [2, 5, 0, 4],
  ]);
  assert.is(slidingWindows([28, 28], [4, 4], [2, 2]).length, 13 * 13);
  assert.is(slidingWindows([32, 32], [15, 15], [8, 8]).length, 4 * 4);
  assert.equal(slidingWindows([3, 3], [15, 15], [8, 8]), [[0, 3, 0, 3]]);
});

windows('leave no pixel uncovered: a small window takes small steps, a longer stride is refused', () => {
  assert.equal(slidingWindows([28, 28], [15, 15]), slidingWindows([28, 28], [15, 15], [8, 8]));
  assert.equal(slidingWindows([28, 28], [5, 12]), slidingWindows([28, 28], [5, 12], [5, 8]));
  for (const stride of [[3, 2] as const, [2, 3] as const]) {
    assert.throws(() => slidingWindows([5, 5], [2, 2], stride), /stride of \dx\d passes over .* window of 2x2/);
  }
});

windows('overlaps are averaged or summed', () => {
  const all = slidingWindows([1, 5], [1, 2], [1, 1]);
  assert.equal([...spreadWindows([1, 5], all, [1, 2, 3, 4], 'sum')], [1, 3, 5, 7, 4]);
  assert.equal([...spreadWindows([1, 5], all, [1, 2, 3, 4], 'average')], [1, 1.5, 2.5, 3.5, 4]);
});

const partition = suite('partition values');

/** Players of a group. */
const members = ({ order }: Hierarchy, { start, end }: Group): number[] => [...order.subarray(start, end)];

/** Owen values by recursion over the whole tree, straight from their definition. */
function owen(hierarchy: Hierarchy, score: (set: ReadonlySet<number>) => number): Float64Array {
  const values = new Float64Array(hierarchy.order.length);
  const walk = (group: Group, around: ReadonlySet<number>, weight: number): void => {
    const own = members(hierarchy, group);
    if (!group.halves) {
      values[own[0]] += weight * (score(new Set([...around, ...own])) - score(around));
      return;
    }
    for (const [half, other] of [group.halves, [...group.halves].reverse()]) {
      walk(half, around, weight / 2);
      walk(half, new Set([...around, ...members(hierarchy, other)]), weight / 2);
    }
  };
  walk(hierarchy.root, new Set(), 1);
  return values;
}

const asSet = (row: Float32Array): Set<number> => new Set(range(row.length).filter((i) => row[i]));

function roughGame(seed: number) {
  const table = new Map<string, number>();
  const next = randomNumbers(seed);
  return (set: ReadonlySet<number>): number => {
    const key = [...set].sort((a, b) => a - b).join();
    if (!table.has(key)) table.set(key, 2 * next() - 1);
    return table.get(key) as number;
  };
}

partition('with all groups split they are the Owen values', async () => {
  for (const [rows, columns] of [
    [1, 2],
    [2, 2],
    [3, 2],
    [2, 4],
  ] as const) {
    const hierarchy = halvedGrid([rows, columns]);
    const score = roughGame(rows * columns);
    const game = gameOf(rows * columns, (row) => score(asSet(row)));
    const { values } = await partitionShapley(game, hierarchy, { budget: 100_000 });
    close(values, owen(hierarchy, score), { absolute: 1e-12 }, `${rows} x ${columns}`);
  }
});

partition('two players: the Shapley values', async () => {
  const score = roughGame(3);
  const game = gameOf(2, (row) => score(asSet(row)));
  const { values } = await partitionShapley(game, halvedGrid([1, 2]), { budget: 10 });
  close(values, (await exactShapley(game)).values, { absolute: 1e-12 }, 'two');
});

partition('the sum is kept whatever the budget, and at the signal; a sum of players is found exactly', async () => {
  const hierarchy = halvedGrid([8, 8]);
  const score = roughGame(5);
  const game = gameOf(64, (row) => score(asSet(row)));
  for (const budget of [2, 4, 33, 100, 501]) {
    const { values, full, empty, evaluations } = await partitionShapley(game, hierarchy, { budget });
    assert.ok(Math.abs(sum(values) - (full - empty)) < 1e-12);
    assert.ok(evaluations <= budget && evaluations >= budget - 1);
  }
  const abort = new AbortController();
  const reports: Estimate[] = [];
  const report = (_: number, __: number, soFar?: () => Estimate) => {
    if (soFar) reports.push(soFar());
    if (reports.length === 3) abort.abort();
  };
  const stopped = await partitionShapley(game, hierarchy, { budget: 10_000 }, { signal: abort.signal, report });
  assert.ok(stopped.evaluations < 200);
  for (const each of [...reports, stopped]) assert.ok(Math.abs(sum(each.values) - (each.full - each.empty)) < 1e-12);

  // Two players matter out of 256: the search goes straight to them; all groups split would take 43,692 evaluations.
  const needle = gameOf(256, (row) => 3 * row[100] - 2 * row[17]);
  const { values } = await partitionShapley(needle, halvedGrid([16, 16]), { budget: 1100 });
  close(
    values,
    range(256).map((i) => (i === 100 ? 3 : i === 17 ? -2 : 0)),
    { absolute: 1e-12 },
    'needles',
  );
});

partition('groups of a grid are boxes, halved across the longer side', () => {
  const hierarchy = halvedGrid([2, 6]);
  assert.equal(
    [...hierarchy.order].sort((a, b) => a - b),
    range(12),
  );
  const [left, right] = hierarchy.root.halves as readonly [Group, Group];
  assert.equal(
    [members(hierarchy, left), members(hierarchy, right)].map((each) => each.sort((a, b) => a - b)),
    [
      [0, 1, 2, 6, 7, 8],
      [3, 4, 5, 9, 10, 11],
    ],
  );
});

partition('regions that look alike and touch come together first', () => {
  // Four columns: dark, dark, bright, bright, with the two bright ones a little apart.
  const features = gridFeatures([4, 4], 4);
  const column = (at: number) => at % 4;
  const picture = Float32Array.from({ length: 16 }, (_, at) => [0, 0.1, 5, 5.5][column(at)]);
  const hierarchy = mergedRegions(features, picture, 4);
  const halves = (hierarchy.root.halves as readonly Group[]).map((half) => members(hierarchy, half));
  const dark = halves.find((half) => half.includes(0)) as number[];
  assert.equal(
    dark.sort((a, b) => a - b),
    range(16).filter((at) => column(at) < 2),
  );
});

partition('a tree as deep as it has players takes no stack', () => {
  let tree: Parameters<typeof layOut>[0] = 0;
  for (let k = 1; k < 30_000; k++) tree = [tree, k];
  const { order, root } = layOut(tree, 30_000);
  assert.is(order[29_999], 29_999);
  assert.is(root.end, 30_000);
});

const lime = suite('local linear fit');
const settings = { samples: 400, distance: 'cosine', kernelWidth: 0.25, ridge: 0, seed: 1 } as const;

lime('a linear score is found exactly, with its intercept, and explained whole', async () => {
  const slopes = [1, -2, 0.5, 0, 3];
  const game = gameOf(5, (row) => 0.7 + sum(slopes.map((slope, i) => slope * row[i])));
  for (const distance of ['cosine', 'l2'] as const) {
    const fit = await fitLime(game, { ...settings, distance });
    close(fit.values, slopes, { absolute: 1e-10 }, 'slopes');
    assert.ok(Math.abs(fit.intercept - 0.7) < 1e-10);
    assert.ok(Math.abs(fit.rSquared - 1) < 1e-10);
    close(fit.standardErrors as Float64Array, [0, 0, 0, 0, 0], { absolute: 1e-9 }, 'standard errors');
  }
});

lime('equals the weighted ridge regression of its samples, by another way of solving', async () => {
  const score = (row: ArrayLike<number>) => Math.tanh(2 * row[0] - row[1] + row[2] * row[0]);
  const seen: Float32Array[] = [];
  const game = gameOf(3, (row) => {
    seen.push(row.slice());
    return score(row);
  });
  const options = { ...settings, samples: 50, ridge: 0.8 };
  const { values, intercept, rSquared } = await fitLime(game, options);
  // Gradient descent on Σ w (y - b - z·v)² + ridge |v|².
  const samples = [seen[0], ...seen.slice(2, 52)];
  const weights = samples.map((z) => limeWeight(sum(z), 3, options));
  const [v, b] = [[0, 0, 0], [0]];
  for (let step = 0; step < 20_000; step++) {
    const slope = [options.ridge * v[0], options.ridge * v[1], options.ridge * v[2], 0];
    samples.forEach((z, k) => {
      const residual = weights[k] * (b[0] + v[0] * z[0] + v[1] * z[1] + v[2] * z[2] - score(z));
      for (const i of [0, 1, 2]) slope[i] += residual * z[i];
      slope[3] += residual;
    });
    for (const i of [0, 1, 2]) v[i] -= 0.02 * slope[i];
    b[0] -= 0.02 * slope[3];
  }
  close(values, v, { absolute: 1e-6 }, 'slopes');
  assert.ok(Math.abs(intercept - b[0]) < 1e-6);
  assert.ok(rSquared > 0 && rSquared < 1);
});

lime('sets near the whole weigh more; standard errors cover what more samples find', async () => {
  assert.is(limeWeight(9, 9, settings), 1);
  assert.ok(limeWeight(8, 9, settings) > limeWeight(4, 9, settings));
  const next = randomNumbers(4);
  const noise = new Map<string, number>();
  const game = gameOf(8, (row) => {
    const key = row.join();
    if (!noise.has(key)) noise.set(key, next());
    return sum(row.map((value, i) => value * (i - 3))) + 3 * (noise.get(key) as number);
  });
  const truth = (await fitLime(game, { ...settings, samples: 60_000, seed: 999 })).values;
  let covered = 0;
  const repeats = 60;
  for (const seed of range(repeats)) {
    const { values, standardErrors } = await fitLime(game, { ...settings, samples: 150, seed });
    covered += range(8).filter(
      (i) => Math.abs(values[i] - truth[i]) <= 1.96 * (standardErrors as Float64Array)[i],
    ).length;
  }
  assert.ok(covered >= 0.9 * 8 * repeats, `covers ${covered / (8 * repeats)}`);
});

const solving = suite('normal equations');

solving('solves; says where nothing is determined', () => {
  const next = randomNumbers(8);
  const n = 12;
  const matrix = new Float64Array(n * n);
  for (let k = 0; k < 30; k++)
    addOuter(
      matrix,
      Float64Array.from({ length: n }, () => next() - 0.5),
      1 + k,
    );
  const x = Float64Array.from({ length: n }, () => next());
  const full = (i: number, j: number) => matrix[Math.max(i, j) * n + Math.min(i, j)];
  const right = Float64Array.from(x, (_, i) => sum(range(n).map((j) => full(i, j) * x[j])));
  close((Cholesky.of(matrix, n) as Cholesky).solve(right), x, { relative: 1e-10 }, 'x');
  const flat = new Float64Array(4);
  addOuter(flat, [1, 2], 1);
  assert.is(Cholesky.of(flat, 2), undefined);
});
