// game.ts: what Shapley values are of: players, and a score for every coalition of them. Estimators know nothing of pictures
// and networks, so each of them is tested on games whose values are known.

import type { FillRow, TakeScores } from '../scorer.ts';

export interface Game {
  readonly players: number;
  /**
   * Scores the coalitions 0..count-1 in order and hands the scores on as they come; ends early at the signal, or where `take`
   * returns false. `fill` switches the players of a coalition to 1 in a row of zeros.
   */
  play(count: number, fill: FillRow, take: TakeScores, signal?: AbortSignal): Promise<void>;
}

export interface Estimate {
  /** Contribution of each player. */
  readonly values: Float64Array;
  /** Standard error of each, where values are estimated from samples and there are enough to tell. */
  readonly standardErrors?: Float64Array;
  /** Score of nobody, and of all. */
  readonly empty: number;
  readonly full: number;
  /** Coalitions that were scored. */
  readonly evaluations: number;
}

export interface Watching {
  readonly signal?: AbortSignal;
  /** `soFar` is there once anything can be said. */
  readonly report?: (done: number, total: number, soFar?: () => Estimate) => void;
}

/** The game of a function of the coalition: for small networks on the CPU, and for tests. */
export const gameOf = (players: number, score: (coalition: Float32Array) => number, part = 64): Game => ({
  players,
  async play(count, fill, take, signal) {
    for (let first = 0; first < count && !signal?.aborted; first += part) {
      const scores = Float64Array.from({ length: Math.min(part, count - first) }, (_, k) => {
        const row = new Float32Array(players);
        fill(first + k, row);
        return score(row);
      });
      if (take(scores, first) === false) return;
      await Promise.resolve(); // an observer may look, and raise the signal
    }
  },
});

/** Where even the first estimate was not ready: throws the signal's reason. */
export function stoppedEarly(signal: AbortSignal | undefined): never {
  signal?.throwIfAborted();
  throw new Error('The game ended before its coalitions were scored.');
}

/** A random number below `bound` for each call. */
export type Draw = (bound: number) => number;

/** Fisher and Yates: brings `count` random elements to the front, in random order. */
export function shuffle(list: Int32Array, draw: Draw, count = list.length): void {
  for (let i = 0; i < count && i < list.length - 1; i++) {
    const j = i + draw(list.length - i);
    [list[i], list[j]] = [list[j], list[i]];
  }
}
