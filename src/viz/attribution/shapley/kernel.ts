// kernel.ts: KernelSHAP (Lundberg & Lee 2017, https://arxiv.org/abs/1705.07874): Shapley values as the weighted regression of
// f(S) on who is in S, under the constraint that they sum to f(all) - f(nobody). The constraint is put in exactly, by
// eliminating the last player (other systems give the ends a weight of 10^6); no player is left out of the fit.
// Standard errors are those of Covert & Lee 2021 (https://arxiv.org/abs/2012.01536) in the jackknife's form.

import { ModelError } from '../../../models/error.ts';
import { addOuter, Cholesky } from '../cholesky.ts';
import { type Schedule, scheduleCoalitions } from './coalitions.ts';
import { type Estimate, type Game, stoppedEarly, type Watching } from './game.ts';

interface KernelOptions {
  /** Most coalitions that are scored. */
  readonly budget: number;
  /** Ends once no standard error is larger. */
  readonly tolerance?: number;
  readonly seed?: number;
}

/** Players nobody and all. */
const ENDS = 2;
/** The regression holds a matrix of players x players. */
const MOST_PLAYERS = 4096;
/** A tolerance is looked at again when there are so many times more samples. */
const GROWTH = 1.25;

export async function kernelShapley(
  game: Game,
  { budget, tolerance = 0, seed = 0 }: KernelOptions,
  { signal, report }: Watching = {},
): Promise<Estimate> {
  const { players: n } = game;
  if (n > MOST_PLAYERS) {
    throw new ModelError(
      `the regression of KernelSHAP takes at most ${MOST_PLAYERS} features, not ${n}. Take the estimator partition.`,
    );
  }
  const least = ENDS + (n === 1 ? 0 : n === 2 ? 2 : 2 * n);
  if (budget < least) {
    throw new ModelError(
      `a budget of ${budget} evaluations is too small for ${n} features, whose regression needs ${least}. ` +
        'Raise --budget, take fewer features, or the estimator partition.',
    );
  }
  const schedule = scheduleCoalitions(n, Math.floor((budget - ENDS) / 2), seed);
  const { jobs, strata } = schedule;
  const needed = strata[0]?.pairs ?? 0;
  const total = ENDS + 2 * jobs.length;
  const scores = new Float64Array(total);
  let done = 0;
  let nextCheck = needed;
  const pairsDone = () => Math.floor((done - ENDS) / 2);
  const soFar = (): Estimate => ({ ...regress(n, schedule, scores, pairsDone()), evaluations: done });

  await game.play(
    total,
    (row, coalition) => {
      if (row < ENDS) {
        if (row === 1) coalition.fill(1);
        return;
      }
      const { members } = jobs[(row - ENDS) >>> 1];
      const flipped = (row - ENDS) & 1;
      for (let i = 0; i < n; i++) coalition[i] = members[i] ^ flipped;
    },
    (part, first) => {
      scores.set(part, first);
      done = first + part.length;
      const pairs = pairsDone();
      report?.(done, total, pairs >= needed ? soFar : undefined);
      if (tolerance <= 0 || pairs <= nextCheck) return true;
      nextCheck = GROWTH * pairs;
      return !soFar().standardErrors?.every((error) => error <= tolerance);
    },
    signal,
  );
  if (done < ENDS || pairsDone() < needed) stoppedEarly(signal);
  return soFar();
}

/** One pair of a coalition and its complement in the regression without the last player. */
interface Row {
  readonly stratum: number;
  /** z_i - z_n; the complement has -d. */
  readonly d: Float64Array;
  readonly weight: number;
  /** What d · values should be: half the difference of what both say. */
  readonly goal: number;
}

function regress(
  n: number,
  { strata, jobs }: Schedule,
  scores: Float64Array,
  pairs: number,
): Omit<Estimate, 'evaluations'> {
  const [empty, full] = scores;
  const gap = full - empty;
  if (n === 1) return { values: Float64Array.of(gap), standardErrors: new Float64Array(1), empty, full };
  const counts = strata.map(() => 0);
  for (const { stratum } of jobs.slice(0, pairs)) counts[stratum]++;
  const rows = jobs.slice(0, pairs).map(({ members, stratum }, k): Row => {
    const last = members[n - 1];
    const difference = scores[ENDS + 2 * k] - scores[ENDS + 2 * k + 1];
    return {
      stratum,
      d: Float64Array.from({ length: n - 1 }, (_, i) => members[i] - last),
      weight: strata[stratum].mass / counts[stratum],
      goal: (difference + gap) / 2 - last * gap,
    };
  });

  const matrix = new Float64Array((n - 1) ** 2);
  const right = new Float64Array(n - 1);
  for (const { d, weight, goal } of rows) {
    addOuter(matrix, d, weight);
    for (let i = 0; i < n - 1; i++) right[i] += weight * goal * d[i];
  }
  const solver = Cholesky.of(matrix, n - 1);
  if (!solver) throw new Error('The regression of KernelSHAP is singular.'); // single players alone determine it
  const fitted = solver.solve(right);
  const values = withLast(fitted, gap);
  return { values, standardErrors: standardErrors(n, strata, counts, rows, solver, fitted), empty, full };
}

/** The last player has what the others leave. */
const withLast = (others: Float64Array, gap: number): Float64Array =>
  Float64Array.of(...others, gap - others.reduce((sum, value) => sum + value, 0));

/**
 * What each pair moves the solution by if left out (to first order, its residual enlarged by its leverage), and from that
 * the variance within each stratum; one that was gone through completely adds none.
 */
function standardErrors(
  n: number,
  strata: Schedule['strata'],
  counts: readonly number[],
  rows: readonly Row[],
  solver: Cholesky,
  fitted: Float64Array,
): Float64Array | undefined {
  const open = strata.map(({ pairs }, t) => counts[t] < pairs);
  if (!open.some(Boolean)) return new Float64Array(n);
  if (open.some((isOpen, t) => isOpen && counts[t] < 2)) return undefined;
  const sums = strata.map(() => new Float64Array(n));
  const squares = strata.map(() => new Float64Array(n));
  for (const { stratum, d, weight, goal } of rows) {
    if (!open[stratum]) continue;
    const direction = solver.solve(d);
    let [leverage, residual] = [0, goal];
    for (let i = 0; i < n - 1; i++) {
      leverage += weight * direction[i] * d[i];
      residual -= d[i] * fitted[i];
    }
    const size = (weight * residual) / Math.max(1 - leverage, 1e-6);
    const moves = withLast(
      direction.map((value) => value * size),
      0,
    );
    moves.forEach((move, i) => {
      sums[stratum][i] += move;
      squares[stratum][i] += move * move;
    });
  }
  return Float64Array.from({ length: n }, (_, i) => {
    const variance = strata.reduce((sum, { pairs }, t) => {
      if (!open[t]) return sum;
      const m = counts[t];
      const within = Math.max(0, squares[t][i] - sums[t][i] ** 2 / m);
      return sum + (m / (m - 1)) * (1 - m / pairs) * within;
    }, 0);
    return Math.sqrt(variance);
  });
}
