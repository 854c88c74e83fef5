// byHand.ts: Shapley values step by step on the network of witness.ts: every set's score, what each player adds in each
// order of arrival, their means, and what other methods make of the same picture. All scores come from the device.

import type { Device } from '../../engine/gpu/device.ts';
import { type MethodName, methods } from './methods.ts';
import type { Method } from './method.ts';
import { Scorer } from './scorer.ts';
import { witnessBaseline, witnessFeatures, witnessInput, witnessModel, witnessSize } from './witness.ts';

/** Players are pixels 1 and 2. */
export interface SetScore {
  readonly players: readonly number[];
  readonly score: number;
}

export interface OrderOfArrival {
  readonly order: readonly number[];
  /** What each player, 1 first, adds to the score when it comes. */
  readonly contributions: readonly number[];
}

export interface MethodValues {
  readonly method: MethodName;
  readonly title: string;
  readonly values: readonly number[];
  readonly sum: number;
}

export interface GameByHand {
  /** What the network computes. */
  readonly formula: string;
  readonly sets: readonly SetScore[];
  readonly orders: readonly OrderOfArrival[];
  /** The mean of the contributions over the orders. */
  readonly values: readonly number[];
  /** Score of all minus score of nobody: what there is to share. */
  readonly gain: number;
  /** Methods of the library on the same network, input and baseline. */
  readonly methods: readonly MethodValues[];
}

const FORMULA = 'relu(x1) + relu(x2) + ½ relu(x1 + x2 − 1)';

/** Those that share the gain first, then those that give away what belongs to both twice. */
const COMPARED: readonly [MethodName, Readonly<Record<string, unknown>>][] = [
  ['shapley', { grid: 'pixels', estimator: 'exact', baseline: witnessBaseline() }],
  ['integrated-gradients', { baseline: witnessBaseline() }],
  ['deeplift', { baseline: witnessBaseline() }],
  ['input-x-gradient', {}],
  ['feature-ablation', { grid: 'pixels', baseline: witnessBaseline() }],
];

export async function playByHand(device: Device): Promise<GameByHand> {
  const context = { device, model: witnessModel(), size: witnessSize };
  const features = witnessFeatures();
  const n = features.count;
  const input = witnessInput();
  const scorer = await Scorer.create(context, 2 ** n, features);
  let scores: Float32Array;
  try {
    const picture = { input, baseline: witnessBaseline(), target: 0 };
    scores = await scorer.score(picture, 2 ** n, (set, row) => {
      for (let i = 0; i < n; i++) row[i] = (set >> i) & 1;
    });
  } finally {
    scorer.dispose();
  }
  const orders = permutationsOf(n).map((order) => {
    const contributions = new Array<number>(n);
    let set = 0;
    for (const player of order) {
      contributions[player] = scores[set | (1 << player)] - scores[set];
      set |= 1 << player;
    }
    return { order: order.map((player) => player + 1), contributions };
  });
  const compared: MethodValues[] = [];
  for (const [method, options] of COMPARED) {
    const attributor = await (methods[method] as Method).prepare(context, options);
    try {
      const values = [...(await attributor.attribute({ input, target: 0 })).values];
      compared.push({ method, title: methods[method].title, values, sum: values.reduce((a, b) => a + b, 0) });
    } finally {
      attributor.dispose();
    }
  }
  return {
    formula: FORMULA,
    sets: Array.from(scores, (score, set) => ({
      players: Array.from({ length: n }, (_, i) => i + 1).filter((player) => (set >> (player - 1)) & 1),
      score,
    })),
    orders,
    values: Array.from(
      { length: n },
      (_, player) => orders.reduce((sum, { contributions }) => sum + contributions[player], 0) / orders.length,
    ),
    gain: scores[2 ** n - 1] - scores[0],
    methods: compared,
  };
}

/** All orders of 0..n-1. */
function permutationsOf(n: number): number[][] {
  if (n === 0) return [[]];
  return permutationsOf(n - 1).flatMap((rest) =>
    Array.from({ length: n }, (_, late) => [...rest.slice(0, n - 1 - late), n - 1, ...rest.slice(n - 1 - late)]),
  );
}

/** `{1, 2}`, or ∅. */
export const showSet = (players: readonly number[]): string => (players.length === 0 ? '∅' : `{${players.join(', ')}}`);
