// exact.ts: Shapley values by their definition (Shapley 1953): C_i = Σ_S s!(n-s-1)!/n! [f(S ∪ i) - f(S)], S over all sets
// of other players, s = #S. All 2^n coalitions are scored once, each serves every player.

import { ModelError } from '../../../models/error.ts';
import { type Estimate, type Game, stoppedEarly, type Watching } from './game.ts';

/** 2^20 coalitions are about what anybody waits for. */
const MOST_PLAYERS = 20;

export function checkExact(players: number): void {
  if (players <= MOST_PLAYERS) return;
  throw new ModelError(
    `exact Shapley values of ${players} features need 2^${players} evaluations. Take at most ${MOST_PLAYERS} features, ` +
      'or the estimator permutation, kernel or partition.',
  );
}

export async function exactShapley(game: Game, { signal, report }: Watching = {}): Promise<Estimate> {
  const { players: n } = game;
  checkExact(n);
  const count = 2 ** n;
  const scores = new Float64Array(count);
  let done = 0;
  await game.play(
    count,
    (set, row) => {
      for (let i = 0; i < n; i++) row[i] = (set >>> i) & 1;
    },
    (part, first) => {
      scores.set(part, first);
      done = first + part.length;
      report?.(done, count);
    },
    signal,
  );
  if (done < count) stoppedEarly(signal);
  return {
    values: shapleyOfTable(scores, n),
    empty: scores[0],
    full: scores[count - 1],
    evaluations: count,
  };
}

/** From the score of every set; bit i of its number says whether player i is in it. */
export function shapleyOfTable(scores: ArrayLike<number>, n: number): Float64Array {
  const count = 2 ** n;
  const sizes = new Uint8Array(count);
  for (let set = 1; set < count; set++) sizes[set] = sizes[set >>> 1] + (set & 1);
  // s!(n-s-1)!/n! = 1/(n C(n-1,s))
  const weights = new Float64Array(n);
  for (let s = 0, choices = 1; s < n; s++) {
    weights[s] = 1 / (n * choices);
    choices = (choices * (n - 1 - s)) / (s + 1);
  }
  return Float64Array.from({ length: n }, (_, i) => {
    const bit = 1 << i;
    let sum = 0;
    for (let set = 0; set < count; set++) {
      if ((set & bit) === 0) sum += weights[sizes[set]] * (scores[set | bit] - scores[set]);
    }
    return sum;
  });
}
