// winograd.ts: convolutions that the Winograd pass can take: odd sizes, any pads, batches, any number of channels, forward
// and backward.

import { type Computation, computation, Graph } from '../../src/engine/graph.ts';
import { conv2d, conv2dInput } from '../../src/engine/ops/index.ts';

interface Sizes {
  readonly N: number;
  readonly H: number;
  readonly W: number;
  readonly C: number;
  readonly K: number;
  readonly pads: readonly [number, number, number, number];
}

interface WinogradSetting {
  readonly name: string;
  /** Channels summed over. */
  readonly sums: number;
  /** Inputs `x` and `w`, output `y`. */
  trace(): Computation;
}

const sizes: readonly Sizes[] = [
  { N: 1, H: 9, W: 7, C: 8, K: 12, pads: [1, 1, 1, 1] },
  { N: 2, H: 6, W: 13, C: 5, K: 7, pads: [0, 0, 0, 0] },
  { N: 1, H: 13, W: 13, C: 16, K: 48, pads: [1, 1, 1, 1] },
  { N: 1, H: 10, W: 11, C: 3, K: 33, pads: [0, 2, 1, 3] },
  { N: 3, H: 1, W: 4, C: 1, K: 1, pads: [1, 1, 1, 1] },
  { N: 1, H: 5, W: 5, C: 40, K: 4, pads: [3, 3, 4, 4] },
];

export const winogradSettings: readonly WinogradSetting[] = sizes.flatMap(({ N, H, W, C, K, pads }) => {
  const text = `${N} of ${H}x${W}, ${C} to ${K}, pads ${pads}`;
  const [P, Q] = [H + pads[0] + pads[2] - 2, W + pads[1] + pads[3] - 2];
  return [
    {
      name: text,
      sums: C,
      trace: () => {
        const graph = new Graph();
        return computation({ y: conv2d(graph.input('x', [N, H, W, C]), graph.input('w', [3, 3, C, K]), { pads }) });
      },
    },
    {
      name: `input gradient of ${text}`,
      sums: K,
      trace: () => {
        const graph = new Graph();
        const [dy, w] = [graph.input('x', [N, P, Q, K]), graph.input('w', [3, 3, C, K])];
        return computation({ y: conv2dInput(dy, w, { pads, inputSize: [H, W] }) });
      },
    },
  ];
});
