// rotations.ts: input gradients of stride 1 with constant filters, for the tests of the pass that turns them round.

import { conv2dInput } from '../../src/engine/ops/index.ts';
import { type Computation, computation, Graph } from '../../src/engine/graph.ts';
import { noise } from './smallNetwork.ts';

interface Rotation {
  readonly name: string;
  /** dx = [N,H,W,C], w = [R,S,C,K]. */
  readonly size: readonly [N: number, H: number, W: number, C: number];
  readonly taps: readonly [R: number, S: number];
  readonly filters: number;
  /** [top, left, bottom, right]. */
  readonly pads?: readonly [number, number, number, number];
  readonly dilations?: readonly [number, number];
}

export const rotations: readonly Rotation[] = [
  { name: '1x1', size: [2, 5, 6, 8], taps: [1, 1], filters: 12 },
  { name: '1x1, odd channels', size: [1, 4, 7, 3], taps: [1, 1], filters: 5 },
  { name: '5x5, same size', size: [1, 9, 8, 4], taps: [5, 5], filters: 8, pads: [2, 2, 2, 2] },
  { name: '3x3, no pads', size: [1, 7, 9, 8], taps: [3, 3], filters: 4 },
  { name: '3x2, pads that differ', size: [1, 6, 7, 4], taps: [3, 2], filters: 4, pads: [0, 1, 2, 0] },
  { name: '2x2, dilated', size: [1, 8, 9, 4], taps: [2, 2], filters: 4, pads: [1, 0, 2, 1], dilations: [3, 2] },
];

const NONE = [0, 0, 0, 0] as const;

/** The gradient with its dy as the input "dy". */
export function traceRotation({ size, taps: [R, S], filters, pads = NONE, dilations = [1, 1] }: Rotation): {
  readonly what: Computation;
  readonly dy: Float32Array;
} {
  const [N, H, W, C] = size;
  const P = H + pads[0] + pads[2] - dilations[0] * (R - 1);
  const Q = W + pads[1] + pads[3] - dilations[1] * (S - 1);
  const graph = new Graph();
  const dy = graph.input('dy', [N, P, Q, filters]);
  const w = graph.constant({ shape: [R, S, C, filters], data: noise(R * S * C * filters, 3) });
  const dx = conv2dInput(dy, w, { pads, dilations, inputSize: [H, W] });
  return { what: computation({ dx }), dy: noise(N * P * Q * filters, 4) };
}
