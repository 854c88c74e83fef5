// Estimators of Shapley values on games whose values are known: the axioms, agreement, and what they say of their own errors.

import * as assert from 'uvu/assert';
import { exactShapley, shapleyOfTable } from '../../src/viz/attribution/shapley/exact.ts';
import { type Estimate, type Game, gameOf } from '../../src/viz/attribution/shapley/game.ts';
import { kernelShapley } from '../../src/viz/attribution/shapley/kernel.ts';
import { permutationShapley } from '../../src/viz/attribution/shapley/permutation.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const test = suite('Shapley estimators');

const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const setOf = (row: ArrayLike<number>): number => range(row.length).reduce((set, i) => set + (row[i] ? 2 ** i : 0), 0);

/** A game of a table of all sets: random scores, with no structure at all. */
function tableGame(n: number, seed: number): { game: Game; table: Float64Array } {
  const next = randomNumbers(seed);
  const table = Float64Array.from({ length: 2 ** n }, () => 2 * next() - 1);
  return { game: gameOf(n, (row) => table[setOf(row)]), table };
}

/** A smooth game of n players as networks are: a sum of saturating functions of weighted votes. */
function networkGame(n: number, seed: number, units = 6): Game {
  const next = randomNumbers(seed);
  const weights = Array.from({ length: units }, () => Array.from({ length: n }, () => 2 * next() - 1));
  const heads = Array.from({ length: units }, () => 2 * next() - 1);
  return gameOf(n, (row) =>
    sum(heads.map((head, u) => head * Math.max(0, 0.2 + sum(weights[u].map((weight, i) => weight * row[i]))))),
  );
}

/** By the definition with orders: the mean of f(before and i) - f(before) over all n! orders. */
function bruteForce(n: number, score: (set: number) => number): Float64Array {
  const values = new Float64Array(n);
  let orders = 0;
  const walk = (set: number): void => {
    const left = range(n).filter((i) => (set & (1 << i)) === 0);
    if (left.length === 0) orders++;
    for (const i of left) walk(set | (1 << i));
  };
  // Orders through a set are counted, not walked, where there are many: k! before it and (n-k-1)! behind.
  if (n <= 6) {
    const credit = (set: number, ways: number): void => {
      const left = range(n).filter((i) => (set & (1 << i)) === 0);
      for (const i of left) {
        values[i] += (ways / left.length) * (score(set | (1 << i)) - score(set));
        credit(set | (1 << i), ways / left.length);
      }
    };
    walk(0);
    assert.is(
      orders,
      range(n).reduce((product, i) => product * (i + 1), 1),
    );
    credit(0, 1);
    return values;
  }
  const factorial = (k: number): number => range(k).reduce((product, i) => product * (i + 1), 1);
  for (const set of range(2 ** n)) {
    const size = range(n).filter((i) => set & (1 << i)).length;
    for (const i of range(n)) {
      if (set & (1 << i)) continue;
      values[i] += ((factorial(size) * factorial(n - size - 1)) / factorial(n)) * (score(set | (1 << i)) - score(set));
    }
  }
  return values;
}

test('exact values are those of the definition, to ten players', async () => {
  for (const n of range(10).map((i) => i + 1)) {
    const { game, table } = tableGame(n, n);
    const { values, empty, full, evaluations } = await exactShapley(game);
    close(
      values,
      bruteForce(n, (set) => table[set]),
      { absolute: 1e-12 },
      `${n} players`,
    );
    assert.is(evaluations, 2 ** n);
    assert.equal([empty, full], [table[0], table[2 ** n - 1]]);
  }
});

const estimators: Record<string, (game: Game, seed: number) => Promise<Estimate>> = {
  exact: (game) => exactShapley(game),
  permutation: (game, seed) => permutationShapley(game, { budget: 300, seed }),
  'plain permutation': (game, seed) => permutationShapley(game, { budget: 300, seed, antithetic: false }),
  kernel: (game, seed) => kernelShapley(game, { budget: 100, seed }),
};

for (const [name, estimate] of Object.entries(estimators)) {
  test(`${name}: efficient, linear, nothing for who changes nothing`, async () => {
    const n = 8;
    const first = tableGame(n, 1);
    const second = tableGame(n, 2);
    const mixed = gameOf(n, (row) => 2 * first.table[setOf(row)] - 3 * second.table[setOf(row)]);
    // The same seed draws the same coalitions: linearity holds for every draw.
    const [a, b, both] = await Promise.all([first.game, second.game, mixed].map((game) => estimate(game, 5)));
    for (const each of [a, b, both]) {
      assert.ok(Math.abs(sum(each.values) - (each.full - each.empty)) < 1e-12);
    }
    close(
      both.values,
      a.values.map((value, i) => 2 * value - 3 * b.values[i]),
      { absolute: 1e-12 },
      'linear',
    );
    const additive = gameOf(n, (row) => 0.5 + sum(range(n - 1).map((i) => (i + 1) * row[i])));
    const { values } = await estimate(additive, 3);
    close(values, [1, 2, 3, 4, 5, 6, 7, 0], { absolute: 1e-12 }, 'a sum gives each its own; the last is a dummy');
    const idle = gameOf(n, (row) => first.table[setOf(row) & 127]);
    const dummy = await estimate(idle, 4);
    if (name !== 'kernel') assert.ok(Math.abs(dummy.values[7]) < 1e-12); // a regression only gets near it
  });
}

test('exact and complete regression: symmetric players get the same', async () => {
  const n = 7;
  const { table } = tableGame(n, 9);
  // The score sees of players 2 and 5 only how many there are.
  const game = gameOf(n, (row) => {
    const together = row[2] + row[5];
    return table[setOf(row) & ~0b0100100] * (1 + together) ** 2;
  });
  for (const each of [await exactShapley(game), await kernelShapley(game, { budget: 2 ** n })]) {
    assert.ok(Math.abs(each.values[2] - each.values[5]) < 1e-10);
    assert.ok(Math.abs(each.values[2]) > 1e-3);
  }
});

test('the regression over all subsets is exact, and knows it', async () => {
  for (const n of range(10).map((i) => i + 1)) {
    const { game } = tableGame(n, 20 + n);
    const exact = await exactShapley(game);
    const kernel = await kernelShapley(game, { budget: 2 ** n });
    close(kernel.values, exact.values, { relative: 1e-9 }, `${n} players`);
    assert.is(kernel.evaluations, 2 ** n);
    assert.equal(
      [...(kernel.standardErrors as Float64Array)],
      range(n).map(() => 0),
    );
  }
});

test('the regression takes any number of features', async () => {
  const game = gameOf(120, (row) => sum(Array.from(row, (value, i) => value * Math.sin(i))));
  const { values } = await kernelShapley(game, { budget: 400 });
  close(
    values,
    range(120).map((i) => Math.sin(i)),
    { absolute: 1e-10 },
    'a sum of 120',
  );
});

/** Mean square error over players and seeds. */
async function squaredError(
  game: Game,
  truth: Float64Array,
  repeats: number,
  estimate: (seed: number) => Promise<Estimate>,
): Promise<number> {
  const errors: number[] = [];
  for (const seed of range(repeats)) {
    const { values } = await estimate(seed);
    errors.push(sum(values.map((value, i) => (value - truth[i]) ** 2)) / game.players);
  }
  return sum(errors) / repeats;
}

test('antithetic orders err no more than plain ones of the same budget', async () => {
  for (const seed of range(4)) {
    const game = networkGame(9, 30 + seed);
    const truth = (await exactShapley(game)).values;
    const run = (antithetic: boolean) =>
      squaredError(game, truth, 60, (seed) => permutationShapley(game, { budget: 2 + 16 * 10, seed, antithetic }));
    assert.ok((await run(true)) <= (await run(false)));
  }
});

const sampling = {
  permutation: (game: Game, budget: number, seed: number) => permutationShapley(game, { budget, seed }),
  kernel: (game: Game, budget: number, seed: number) => kernelShapley(game, { budget, seed }),
};

for (const [name, estimate] of Object.entries(sampling)) {
  test(`${name}: the error falls as one over the root of the evaluations`, async () => {
    // Enough players that no size but the smallest is ever gone through completely.
    const n = 14;
    const game = networkGame(n, 50);
    const truth = (await exactShapley(game)).values;
    const budgets = [4, 8, 16, 32].map((pairs) => 2 + 2 * (n - 1) * pairs);
    const points: [number, number][] = [];
    for (const budget of budgets) {
      const error = await squaredError(game, truth, 40, (seed) => estimate(game, budget, seed));
      points.push([Math.log(budget), 0.5 * Math.log(error)]);
    }
    const [mx, my] = [0, 1].map((k) => sum(points.map((point) => point[k])) / points.length);
    const slope = sum(points.map(([x, y]) => (x - mx) * (y - my))) / sum(points.map(([x]) => (x - mx) ** 2));
    // The regression's first samples also make its matrix known, so it falls a little faster at first.
    assert.ok(slope < -0.4 && slope > -0.75, `slope ${slope}`);
  });

  test(`${name}: the standard error covers the truth`, async () => {
    const n = 10;
    const game = networkGame(n, 60);
    const truth = (await exactShapley(game)).values;
    let [covered, wide] = [0, 0];
    const repeats = 100;
    for (const seed of range(repeats)) {
      const { values, standardErrors } = await estimate(game, 2 + 2 * (n - 1) * 20, seed);
      range(n).forEach((i) => {
        const error = (standardErrors as Float64Array)[i];
        const away = Math.abs(values[i] - truth[i]);
        if (away <= 1.96 * error) covered++;
        if (away <= 0.5 * error) wide++;
      });
    }
    const share = covered / (n * repeats);
    assert.ok(share >= 0.9, `covers ${share}`);
    // And is no larger than it should be: half an error covers about 38 %.
    assert.ok(wide / (n * repeats) < 0.6, `half of it covers ${wide / (n * repeats)}`);
  });

  test(`${name}: the same seed gives the same numbers, another seed others`, async () => {
    const game = networkGame(12, 70);
    const [a, b, c] = await Promise.all([1, 1, 2].map((seed) => estimate(game, 200, seed)));
    assert.equal(a.values, b.values);
    assert.not.equal(a.values, c.values);
  });

  test(`${name}: ends at its budget, at its tolerance, at the signal`, async () => {
    const n = 10;
    const game = networkGame(n, 80);
    const whole = await estimate(game, 400, 1);
    assert.ok(whole.evaluations <= 400 && whole.evaluations > 360);

    const options = { budget: 100_000, tolerance: 0.05, seed: 1 };
    const tolerant =
      name === 'kernel'
        ? await kernelShapley(networkGame(20, 80), options)
        : await permutationShapley(networkGame(20, 80), options);
    assert.ok(Math.max(...(tolerant.standardErrors as Float64Array)) <= 0.05);
    assert.ok(tolerant.evaluations < 50_000, `${tolerant.evaluations}`);

    const abort = new AbortController();
    let seen: Estimate | undefined;
    const watching = {
      signal: abort.signal,
      report: (done: number, _: number, soFar?: () => Estimate) => {
        if (done < 600 || !soFar) return;
        seen ??= soFar();
        abort.abort();
      },
    };
    const large = networkGame(20, 80);
    const stopped =
      name === 'kernel'
        ? await kernelShapley(large, { budget: 100_000 }, watching)
        : await permutationShapley(large, { budget: 100_000 }, watching);
    assert.ok(stopped.evaluations < 1000);
    assert.ok(Math.abs(sum(stopped.values) - (stopped.full - stopped.empty)) < 1e-10);
    assert.ok(Math.max(...(stopped.standardErrors as Float64Array)) > 0);
    assert.is(seen?.values.length, 20);
  });

  test(`${name}: stopped before anything is known, it throws the reason; refuses budgets that say nothing`, async () => {
    const game = networkGame(30, 90);
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    await rejects(
      () =>
        name === 'kernel'
          ? kernelShapley(game, { budget: 1000 }, { signal: abort.signal })
          : permutationShapley(game, { budget: 1000 }, { signal: abort.signal }),
      /enough/,
    );
    await rejects(() => estimate(game, 40, 0), /budget of 40 .* 30 features.*--budget/);
  });
}

async function rejects(work: () => Promise<unknown>, says: RegExp): Promise<void> {
  let message = 'nothing was thrown';
  try {
    await work();
  } catch (error) {
    message = (error as Error).message;
  }
  assert.match(message, says);
}

test('permutation: one pair of orders already tells of its error', async () => {
  const game = networkGame(6, 95);
  const one = await permutationShapley(game, { budget: 12, seed: 2 });
  const plain = await permutationShapley(game, { budget: 7, seed: 2, antithetic: false });
  assert.equal([one.evaluations, plain.evaluations], [12, 7]);
  // The pair is the mean of two orders, of which the plain run took the first.
  close(
    one.standardErrors as Float64Array,
    one.values.map((value, i) => Math.abs(value - plain.values[i])),
    { absolute: 1e-12 },
    'half the difference of both',
  );
  assert.is(plain.standardErrors, undefined);
});

test('too many players for all subsets are refused with the way out', () =>
  rejects(() => exactShapley(networkGame(21, 1)), /21 features .* permutation, kernel or partition/));

test('a table of sets: the slide with f(1) = f(2) = 1, f(1,2) = 2.5', () => {
  assert.equal([...shapleyOfTable([0, 1, 1, 2.5], 2)], [1.25, 1.25]);
});
