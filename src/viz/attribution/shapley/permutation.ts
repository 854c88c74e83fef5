// permutation.ts: Shapley values as a mean over random orders in which the players arrive: each is credited with what the
// score changes when it comes (Castro et al. 2009, https://doi.org/10.1016/j.cor.2008.04.004). Each order is taken forwards
// and backwards: what a player gets early in one it gets late in the other, and the errors partly cancel (Mitchell et al.
// 2022, https://arxiv.org/abs/2104.12199). The differences of one order telescope, so every order, and every mean of
// orders, sums to f(all) - f(nobody).

import { randomWord } from '../../../kernels/random.ts';
import { ModelError } from '../../../models/error.ts';
import { Moments } from './moments.ts';
import { type Draw, type Estimate, type Game, shuffle, stoppedEarly, type Watching } from './game.ts';

interface PermutationOptions {
  /** Most coalitions that are scored. */
  readonly budget: number;
  /** Ends once no standard error is larger. */
  readonly tolerance?: number;
  readonly seed?: number;
  /** Take each order backwards too. On by default. */
  readonly antithetic?: boolean;
}

const STREAM = 41;
/** So many samples before a standard error can be trusted to end the work. */
const LEAST_SAMPLES = 8;
/** Players nobody and all, which every order shares. */
const ENDS = 2;

/** Order k of the players: another one for every seed and k. */
function randomOrder(n: number, k: number, seed: number): Int32Array<ArrayBuffer> {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  let index = 0;
  const draw: Draw = (bound) => Math.floor((randomWord(index++, k, { seed, stream: STREAM }) / 2 ** 32) * bound);
  shuffle(order, draw);
  return order;
}

export async function permutationShapley(
  game: Game,
  { budget, tolerance = 0, seed = 0, antithetic = true }: PermutationOptions,
  { signal, report }: Watching = {},
): Promise<Estimate> {
  const { players: n } = game;
  /** Coalitions between nobody and all that one sample needs; a pair of orders is one sample. */
  const walk = (n - 1) * (antithetic ? 2 : 1);
  const samples = walk === 0 ? 1 : Math.floor((budget - ENDS) / walk);
  if (samples < 1) {
    throw new ModelError(
      `a budget of ${budget} evaluations is too small for ${n} features, whose first two orders need ${ENDS + walk}. ` +
        'Raise --budget, take fewer features, or the estimator partition.',
    );
  }
  const total = ENDS + samples * walk;
  const moments = new Moments(n);
  /** The two orders of the first pair by themselves: all that tells of an error as long as there is no second pair. */
  const orders = new Moments(n);
  const buffer = new Float64Array(walk);
  let [empty, full, done] = [0, 0, 0];
  let known = -1;
  let order = Int32Array.of();
  const orderOf = (sample: number): Int32Array => {
    if (sample !== known) order = randomOrder(n, sample, seed);
    known = sample;
    return order;
  };
  const soFar = (): Estimate => ({
    values: walk === 0 ? Float64Array.of(full - empty) : moments.means(),
    standardErrors: walk === 0 ? new Float64Array(1) : (moments.count > 1 ? moments : orders).standardErrors(),
    empty,
    full,
    evaluations: done,
  });

  await game.play(
    total,
    (row, coalition) => {
      if (row < ENDS) {
        if (row === 1) coalition.fill(1);
        return;
      }
      const place = (row - ENDS) % walk;
      const from = orderOf(Math.floor((row - ENDS) / walk));
      const isBackward = place >= n - 1;
      const size = (place % (n - 1)) + 1;
      for (let i = 0; i < size; i++) coalition[from[isBackward ? n - 1 - i : i]] = 1;
    },
    (scores, first) => {
      for (let k = 0; k < scores.length; k++) {
        const row = first + k;
        if (row === 0) empty = scores[k];
        else if (row === 1) full = scores[k];
        else {
          const place = (row - ENDS) % walk;
          buffer[place] = scores[k];
          if (place < walk - 1) continue;
          const from = orderOf((row - ENDS - place) / walk);
          const forward = credit(buffer.subarray(0, n - 1), from, empty, full);
          const backward = antithetic ? credit(buffer.subarray(n - 1), from.slice().reverse(), empty, full) : forward;
          if (moments.count === 0 && antithetic) for (const each of [forward, backward]) orders.add(each);
          moments.add(forward.map((value, i) => (value + backward[i]) / 2));
        }
      }
      done = first + scores.length;
      const errors = moments.count >= LEAST_SAMPLES && tolerance > 0 ? moments.standardErrors() : undefined;
      report?.(done, total, moments.count > 0 ? soFar : undefined);
      return !errors?.every((error) => error <= tolerance);
    },
    signal,
  );
  if (done < ENDS || (walk > 0 && moments.count === 0)) stoppedEarly(signal);
  return soFar();
}

/** What each player changed when it came; scores: [n-1], those of the first, the first two, … players of the order. */
function credit(scores: Float64Array, order: Int32Array, empty: number, full: number): Float64Array {
  const values = new Float64Array(order.length);
  order.forEach((player, i) => {
    values[player] = (scores[i] ?? full) - (i > 0 ? scores[i - 1] : empty);
  });
  return values;
}
