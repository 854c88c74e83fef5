// coalitions.ts: which coalitions a regression for Shapley values looks at. A coalition of k of n players has the Shapley
// kernel's weight (n-1)/(C(n,k) k (n-k)) (Lundberg & Lee 2017, theorem 2). Always a coalition and its complement are scored
// together: their errors partly cancel (Covert & Lee 2021, section 4.2).

import { randomWord } from '../../../kernels/random.ts';
import { type Draw, shuffle } from './game.ts';

/** A group of coalition pairs that stands for a share of the kernel's weight. */
interface Stratum {
  /** Share of the whole weight. */
  readonly mass: number;
  /** Pairs there are, where each is looked at once; infinite where they are drawn again and again. */
  readonly pairs: number;
}

/** One coalition [n] of zeros and ones; its complement comes with it. */
interface Job {
  readonly stratum: number;
  readonly members: Uint8Array;
}

export interface Schedule {
  readonly strata: readonly Stratum[];
  /** Those of single players first, without which nothing is determined; in each stratum, in random order. */
  readonly jobs: readonly Job[];
}

const STREAM = 42;

/** C(n,k) where it is small enough to matter. */
function choose(n: number, k: number): number {
  let product = 1;
  for (let i = 1; i <= k; i++) product = (product * (n - k + i)) / i;
  return Math.round(product);
}

/**
 * As many pairs as are asked for, at least one a player: small (and large) coalitions weigh most and are few, so sizes are
 * gone through completely from 1 on as long as their share of the pairs holds them all; from the other sizes random ones
 * are drawn by their weight.
 */
export function scheduleCoalitions(n: number, pairs: number, seed: number): Schedule {
  const sizes = Array.from({ length: Math.floor(n / 2) }, (_, i) => {
    const k = i + 1;
    const isMiddle = 2 * k === n;
    return {
      k,
      mass: ((n - 1) / (k * (n - k))) * (isMiddle ? 1 : 2),
      pairs: isMiddle ? choose(n, k) / 2 : choose(n, k),
    };
  });
  const whole = sizes.reduce((sum, { mass }) => sum + mass, 0);
  const strata: Stratum[] = [];
  const jobs: Job[] = [];
  let rest = sizes;
  const restMass = () => rest.reduce((sum, { mass }) => sum + mass, 0);
  while (rest.length > 0) {
    const [{ k, mass, pairs: there }] = rest;
    if (strata.length > 0 && there > (pairs - jobs.length) * (mass / restMass()) * (1 + 1e-9)) break;
    for (const members of subsets(n, k, there)) jobs.push({ stratum: strata.length, members });
    strata.push({ mass: mass / whole, pairs: there });
    rest = rest.slice(1);
  }
  const singles = strata.length > 0 ? strata[0].pairs : 0;
  let index = 0;
  const draw: Draw = (bound) => Math.floor((randomWord(index++, 0, { seed, stream: STREAM }) / 2 ** 32) * bound);
  if (rest.length > 0) {
    const shares = rest.map(({ mass }) => mass / restMass());
    for (let left = pairs - jobs.length; left > 0; left--)
      jobs.push({ stratum: strata.length, members: drawSubset(n, rest, shares, draw) });
    strata.push({ mass: restMass() / whole, pairs: Number.POSITIVE_INFINITY });
  }
  // Strata go on side by side, each at the rate of its mass: however early the work ends, all of them are known about.
  const turns = strata.slice(1).flatMap(({ mass }, t) => {
    const own = Int32Array.from(jobs.keys()).filter((k) => jobs[k].stratum === t + 1);
    shuffle(own, draw);
    return Array.from(own, (k, turn) => ({ job: jobs[k], time: (turn + 0.5) / mass }));
  });
  turns.sort((a, b) => a.time - b.time);
  return { strata, jobs: [...jobs.slice(0, singles), ...turns.map(({ job }) => job)] };
}

/** The first `count` subsets of k of n players in lexicographic order; with half of k = n/2, no two are complements. */
function* subsets(n: number, k: number, count: number): Generator<Uint8Array> {
  const chosen = Array.from({ length: k }, (_, i) => i);
  for (let done = 0; done < count; done++) {
    const members = new Uint8Array(n);
    for (const player of chosen) members[player] = 1;
    yield members;
    let i = k - 1;
    while (i >= 0 && chosen[i] === n - k + i) i--;
    if (i < 0) return;
    chosen[i]++;
    for (let j = i + 1; j < k; j++) chosen[j] = chosen[j - 1] + 1;
  }
}

function drawSubset(n: number, sizes: readonly { k: number }[], shares: readonly number[], draw: Draw): Uint8Array {
  let left = draw(2 ** 24) / 2 ** 24;
  let chosen = 0;
  while (chosen < sizes.length - 1 && left >= shares[chosen]) left -= shares[chosen++];
  const { k } = sizes[chosen];
  const order = Int32Array.from({ length: n }, (_, i) => i);
  shuffle(order, draw, k);
  const members = new Uint8Array(n);
  for (let i = 0; i < k; i++) members[order[i]] = 1;
  return members;
}
