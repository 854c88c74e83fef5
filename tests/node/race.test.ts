// What the tuner makes of disturbed timings: variants race on simulated machines, quiet and busy ones.

import * as assert from 'uvu/assert';
import { race, type Timing, type Verdict } from '../../src/engine/race.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite, tell } from '../support/suite.ts';

const test = suite('race of variants');

type Draw = () => number;

/** By what the truth is multiplied in the lap that comes next. */
type Machine = (next: Draw) => () => number;

const normal = (next: Draw): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

/** A share of the laps is interrupted, for a time without a mean: Pareto's tail of index 1. */
const heavyTails =
  (share: number): Machine =>
  (next) =>
  () =>
    (1 + 0.02 * Math.abs(normal(next))) * (next() < share ? 1 / (1 - next()) : 1);

/** Every lap takes another multiple, by a log-normal of this width. */
const scatter =
  (width: number): Machine =>
  (next) =>
  () =>
    Math.exp(width * normal(next));

/** The machine gets slower and faster while the laps go on. */
const drift: Machine = (next) => {
  let level = 0;
  return () => {
    level = Math.max(0, Math.min(3, level + 0.15 * normal(next)));
    return Math.exp(level) * (1 + 0.02 * Math.abs(normal(next)));
  };
};

/** Other work comes and goes: laps in a row take several times as long. */
const bursts: Machine = (next) => {
  let isBusy = false;
  return () => {
    if (next() < 0.15) isBusy = !isBusy;
    return (isBusy ? 2 + 4 * next() : 1) * (1 + 0.05 * Math.abs(normal(next)));
  };
};

const all =
  (...machines: readonly Machine[]): Machine =>
  (next) => {
    const factors = machines.map((machine) => machine(next));
    return () => factors.reduce((product, factor) => product * factor(), 1);
  };

const machines: Readonly<Record<string, Machine>> = {
  'an idle machine': scatter(0.01),
  'one lap of five interrupted': heavyTails(0.2),
  'nearly all laps interrupted': heavyTails(0.8),
  'laps that scatter by half': scatter(0.5),
  'laps that scatter by their multiple': scatter(1.2),
  'slow drifts': drift,
  bursts,
  'all of it': all(heavyTails(0.3), scatter(0.3), drift, bursts),
};

const USUAL = 'usual';

interface Trial {
  readonly verdict: Verdict;
  readonly rounds: number;
  readonly timings: readonly Timing[];
}

/** Races variants of these true times against a usual one of 100 µs, for `most` rounds at most. */
async function run(truths: readonly number[], machine: Machine, next: Draw, most = 1000): Promise<Trial> {
  const factor = machine(next);
  const usual: Timing = { variant: USUAL, samples: [] };
  const others = truths.map((truth, k): Timing => ({ variant: `${k} ${truth}`, samples: [] }));
  const truthOf = ({ variant }: Timing): number => (variant === USUAL ? 100 : Number(variant.split(' ')[1]));
  let rounds = 0;
  const verdict = await race(usual, others, async (order) =>
    rounds++ < most ? order.map((timing) => truthOf(timing) * factor()) : undefined,
  );
  return { verdict, rounds, timings: [usual, ...others] };
}

const TRIALS = 1000;

/** Share of trials in which the verdict is so. */
async function share(
  of: (verdict: Verdict) => boolean,
  truths: readonly number[],
  machine: Machine,
  seed: number,
): Promise<number> {
  const next = randomNumbers(seed);
  let count = 0;
  for (let trial = 0; trial < TRIALS; trial++) if (of((await run(truths, machine, next)).verdict)) count++;
  return count / TRIALS;
}

const isReplaced = ({ chosen }: Verdict): boolean => chosen !== USUAL;

/** What the tuner promises, and docs/kernels.md says. */
const MOST_MISTAKES = 0.01;

for (const [name, machine] of Object.entries(machines)) {
  test(`what is a tenth slower or more hardly ever takes the place of the usual one: ${name}`, async () => {
    const shares: number[] = [];
    for (const [k, truths] of [[111], [130], [111, 111, 111], [111, 130, 160, 300, 1000]].entries())
      shares.push(await share(isReplaced, truths, machine, 17 + k));
    await tell(`${name}: replaced in at most ${(100 * Math.max(...shares)).toFixed(2)} % of ${TRIALS} trials`);
    for (const mistakes of shares) assert.ok(mistakes <= MOST_MISTAKES, `${shares}`);
  });
}

test('what is clearly faster is found: always on an idle machine, mostly on busy ones', async () => {
  const faster = (verdict: Verdict): boolean => verdict.chosen === '1 70';
  const truths = [150, 70, 400];
  for (const [name, least] of [
    ['an idle machine', 1],
    ['one lap of five interrupted', 0.9],
    ['slow drifts', 0.4],
    ['bursts', 0.7],
  ] as const) {
    const found = await share(faster, truths, machines[name], 5);
    assert.ok(found >= least, `${name}: ${found}`);
  }
});

test('what is no tenth faster may stay, and a hair never counts', async () => {
  assert.is(await share(isReplaced, [97], machines['an idle machine'], 3), 0);
  assert.is(await share(isReplaced, [90], machines['an idle machine'], 3), 1);
});

test('one round, or a few, decide nothing, however far apart they are', async () => {
  for (const rounds of [0, 1, 2, 3, 8]) {
    const { verdict, timings } = await run([10], machines['an idle machine'], randomNumbers(1), rounds);
    assert.equal(verdict, { chosen: USUAL, isDecided: false }, `${rounds} rounds`);
    assert.is(timings[0].samples.length, rounds);
  }
  const { verdict, rounds } = await run([10], machines['an idle machine'], randomNumbers(1));
  assert.equal(verdict, { chosen: '0 10', isDecided: true });
  assert.is(rounds, 9);
});

test('the usual one runs in every round; those without a chance leave early and say why', async () => {
  const { verdict, rounds, timings } = await run([110, 250, 80], machines['an idle machine'], randomNumbers(1));
  assert.is(verdict.chosen, '2 80');
  const [usual, slower, slow, fast] = timings;
  assert.is(usual.samples.length, rounds);
  assert.is(fast.samples.length, rounds);
  assert.equal([slower.samples.length, slower.note], [6, 'not faster']);
  assert.equal([slow.samples.length, slow.note], [3, 'clearly slower']);
});

/** Each dispatch waits for other work: what has three of them takes three times as much longer, in every lap. */
test('what suffers more from a busy machine is not taken for slower', async () => {
  const next = randomNumbers(8);
  let mistakes = 0;
  for (let trial = 0; trial < TRIALS; trial++) {
    const usual: Timing = { variant: USUAL, samples: [] };
    const other: Timing = { variant: 'other', samples: [] };
    const waits = (count: number): number =>
      Array.from({ length: count }, () => 400 * next()).reduce((a, b) => a + b, 0);
    const verdict = await race(usual, [other], async (order) =>
      order.map((timing) => (timing === usual ? 100 + waits(3) : 180 + waits(1))),
    );
    if (isReplaced(verdict)) mistakes++;
  }
  await tell(`dispatches that wait: replaced in ${((100 * mistakes) / TRIALS).toFixed(2)} %`);
  assert.ok(mistakes <= MOST_MISTAKES * TRIALS, `${mistakes}`);
});

test('a usual one without rivals has won', async () => {
  assert.equal((await run([], machines.bursts, randomNumbers(1))).verdict, { chosen: USUAL, isDecided: true });
});
