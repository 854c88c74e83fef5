// smallNetwork.ts: a network for tests of attribution, and the asking: small enough for a hundred runs in a second.

import type { Device } from '../../src/engine/gpu/device.ts';
import { type Model, parseModel } from '../../src/models/model.ts';
import { toFileLayout } from '../../src/models/onnx/layout.ts';
import { presets } from '../../src/models/preprocess.ts';
import type { AttributionRequest, Method } from '../../src/viz/attribution/method.ts';
import type { Attribution } from '../../src/viz/attribution/result.ts';
import type { Context } from '../../src/viz/attribution/subject.ts';
import { randomNumbers } from './draw.ts';
import { encodeModel, floatTensor } from './onnx.ts';

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
export const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);
export const noise = (length: number, seed: number): Float32Array => {
  const next = randomNumbers(seed);
  return Float32Array.from({ length }, () => 2 * next() - 1);
};

interface NetworkOptions {
  /** None: the network is linear. */
  readonly activation?: 'Relu' | 'Tanh';
  /** Each hidden channel stands twice, twice as large, and counts a quarter: another network, the same function. */
  readonly doubled?: boolean;
}

const HIDDEN = 6;
export const LAST = 8;

/** Convolution, convolution, product with a matrix; pictures of 16 x 16, three channels, three classes. */
export function smallNetwork({ activation, doubled = false }: NetworkOptions = {}): Model {
  const copies = doubled ? [0, 1] : [0];
  const up = doubled ? 2 : 1;
  const first = noise(HIDDEN * 27, 1).map((value) => 0.4 * value * up);
  const bias = noise(HIDDEN, 2).map((value) => 0.3 * value * up);
  const second = noise(LAST * HIDDEN * 9, 3);
  const hidden = HIDDEN * copies.length;
  // Filters are [K,C,R,S]; channel c of the copies is channel c mod HIDDEN.
  const wide = range(LAST * hidden * 9).map((at) => {
    const [k, c, tap] = [Math.floor(at / (hidden * 9)), Math.floor(at / 9) % hidden, at % 9];
    return (0.3 * second[(k * HIDDEN + (c % HIDDEN)) * 9 + tap]) / (up * copies.length);
  });
  const active = (from: string, to: string) => (activation ? [{ op: activation, inputs: [from], outputs: [to] }] : []);
  const [d, g] = activation ? ['d', 'g'] : ['c', 'f'];
  return parseModel(
    encodeModel({
      nodes: [
        { op: 'Conv', inputs: ['x', 'a', 'b'], outputs: ['c'], attributes: { kernel_shape: [3, 3], strides: [2, 2] } },
        ...active('c', 'd'),
        { op: 'Conv', inputs: [d, 'e'], outputs: ['f'], attributes: { kernel_shape: [3, 3] } },
        ...active('f', 'g'),
        { op: 'Flatten', inputs: [g], outputs: ['h'], attributes: { axis: 1 } },
        { op: 'MatMul', inputs: ['h', 'w'], outputs: ['y'] },
      ],
      initializers: [
        floatTensor(
          'a',
          [hidden, 3, 3, 3],
          copies.flatMap(() => [...first]),
        ),
        floatTensor(
          'b',
          [hidden],
          copies.flatMap(() => [...bias]),
        ),
        floatTensor('e', [LAST, hidden, 3, 3], wide),
        floatTensor('w', [25 * LAST, 3], [...head]),
      ],
      inputs: { x: [1, 3, 16, 16] },
      outputs: ['y'],
    }),
    { name: 'small', preprocess: presets.unit },
  );
}
/** [features, classes] of the last product. */
export const head = noise(25 * LAST * 3, 4).map((value) => 0.3 * value);

export const size = [16, 16] as const;
/** Two pictures. */
export const picture = noise(768, 5);
export const other = noise(768, 6);

export type Given = Partial<Context> & { readonly model: Model };
export type Asked = Readonly<Record<string, unknown>> &
  Partial<Pick<AttributionRequest, 'signal' | 'progress' | 'target'>>;

/** Asks a method once; class 1 unless another is named. */
export async function explain(
  device: Device,
  method: Method,
  context: Given,
  input: Float32Array,
  { signal, progress, target, ...options }: Asked = {},
): Promise<Attribution> {
  const attributor = await method.prepare({ device, size, ...context }, options);
  try {
    return await attributor.attribute({ input, target: target ?? (context.unit ? undefined : 1), signal, progress });
  } finally {
    attributor.dispose();
  }
}

export const gapOf = ({ score, baselineScore = Number.NaN }: Attribution): number => score - baselineScore;
/** Delta as a share of the difference of the scores. */
export const missed = (found: Attribution): number => Math.abs((found.delta as number) / gapOf(found));

/** Numbers [H,W,C] in the order of the file. */
export const inFile = (data: Float32Array): Float32Array => toFileLayout(data, 'nhwc', [1, 16, 16, 3]).data;

export const changes = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value - b[i]);
export const times = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value * b[i]);
