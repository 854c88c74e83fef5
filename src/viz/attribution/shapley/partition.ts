// partition.ts: Owen values (Owen 1977): Shapley values where players come in groups of groups: a group's credit is split
// between its halves as between two players, in each of the surroundings that larger groups can make. A few hundred
// evaluations serve any number of players, because groups are split only where it matters: the largest first. A group that
// is not split gives its players equal shares. Every split keeps the sum, so the values sum to f(all) - f(nobody).
// With all groups split, 2 players' halves give their Shapley values; for more, Owen values respect the hierarchy instead.

import { ModelError } from '../../../models/error.ts';
import { type Estimate, type Game, stoppedEarly, type Watching } from './game.ts';
import type { Group, Hierarchy } from './hierarchy.ts';

/** Groups that are there already, as a list that shares its tail with others. */
interface Surroundings {
  readonly group: Group;
  readonly rest?: Surroundings;
}

/** A group in one of its surroundings. */
interface Question {
  readonly group: Group;
  readonly around?: Surroundings;
  /** Score of the surroundings without and with the group. */
  readonly without: number;
  readonly together: number;
  /** Share of this question in the group's credit. */
  readonly weight: number;
}

/** So many groups are split at once: one after another would leave the device idle. */
const SPLITS = 16;
/** Rows of a split: the surroundings with one half, and with the other. */
const HALVES = 2;

export async function partitionShapley(
  game: Game,
  { order, root }: Hierarchy,
  { budget }: { readonly budget: number },
  { signal, report }: Watching = {},
): Promise<Estimate> {
  const { players } = game;
  if (budget < 2) throw new ModelError('a budget of 1 evaluation says nothing. Raise --budget to 2 or more.');
  const values = new Float64Array(players);
  const queue = new LargestFirst<Question>(({ group, without, together, weight }) =>
    group.halves ? weight * Math.abs(together - without) : 0,
  );
  const credit = (to: Float64Array, { group: { start, end }, without, together, weight }: Question) => {
    const share = (weight * (together - without)) / (end - start);
    for (let k = start; k < end; k++) to[order[k]] += share;
  };

  const ends = await playAll(game, 2, (k, row) => row.fill(k), signal);
  if (ends.length < 2) stoppedEarly(signal);
  const [empty, full] = ends;
  let done = 2;
  const ask = (question: Question) => (question.group.halves ? queue.push(question) : credit(values, question));
  ask({ group: root, without: empty, together: full, weight: 1 });
  const soFar = (): Estimate => {
    const all = values.slice();
    for (const question of queue) credit(all, question);
    return { values: all, empty, full, evaluations: done };
  };

  while (queue.size > 0 && done + HALVES <= budget && !signal?.aborted) {
    const splits: Question[] = [];
    while (splits.length < SPLITS && queue.size > 0 && done + HALVES * (splits.length + 1) <= budget) {
      splits.push(queue.pop());
    }
    const scores = await playAll(
      game,
      HALVES * splits.length,
      (k, row) => {
        const { group, around } = splits[k >>> 1];
        for (let each = around; each; each = each.rest) switchOn(row, order, each.group);
        switchOn(row, order, (group.halves as readonly Group[])[k & 1]);
      },
      signal,
    );
    for (const [k, question] of splits.entries()) {
      const [first, second] = question.group.halves as readonly [Group, Group];
      if (HALVES * (k + 1) > scores.length) {
        queue.push(question); // stopped before its turn
        continue;
      }
      const [left, right] = [scores[2 * k], scores[2 * k + 1]];
      const { around, without, together } = question;
      const weight = question.weight / 2;
      ask({ group: first, around, without, together: left, weight });
      ask({ group: second, around, without, together: right, weight });
      ask({ group: first, around: { group: second, rest: around }, without: right, together, weight });
      ask({ group: second, around: { group: first, rest: around }, without: left, together, weight });
    }
    done += scores.length;
    report?.(done, budget, soFar);
  }
  return soFar();
}

function switchOn(row: Float32Array, order: Int32Array, { start, end }: Group): void {
  for (let k = start; k < end; k++) row[order[k]] = 1;
}

async function playAll(
  game: Game,
  count: number,
  fill: (k: number, row: Float32Array) => void,
  signal?: AbortSignal,
): Promise<number[]> {
  const all: number[] = [];
  const take = (scores: ArrayLike<number>): void => {
    for (let k = 0; k < scores.length; k++) all.push(scores[k]);
  };
  await game.play(count, fill, take, signal);
  return all;
}

/** A heap: the item of the largest measure comes first, among equals the one that was pushed first. */
class LargestFirst<T> {
  private readonly items: { item: T; measure: number; turn: number }[] = [];
  private turns = 0;

  constructor(private readonly measureOf: (item: T) => number) {}

  get size(): number {
    return this.items.length;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const { item } of this.items) yield item;
  }

  push(item: T): void {
    const { items } = this;
    items.push({ item, measure: this.measureOf(item), turn: this.turns++ });
    for (let k = items.length - 1; k > 0; ) {
      const above = (k - 1) >>> 1;
      if (!this.isBefore(k, above)) break;
      [items[k], items[above]] = [items[above], items[k]];
      k = above;
    }
  }

  /** Of a queue that is not empty. */
  pop(): T {
    const { items } = this;
    const [{ item }] = items;
    const last = items.pop() as (typeof items)[number];
    if (items.length > 0) items[0] = last;
    for (let k = 0; ; ) {
      let first = k;
      for (const below of [2 * k + 1, 2 * k + 2])
        if (below < items.length && this.isBefore(below, first)) first = below;
      if (first === k) return item;
      [items[k], items[first]] = [items[first], items[k]];
      k = first;
    }
  }

  private isBefore(a: number, b: number): boolean {
    const [x, y] = [this.items[a], this.items[b]];
    return x.measure > y.measure || (x.measure === y.measure && x.turn < y.turn);
  }
}
