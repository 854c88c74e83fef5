// ruleNetworks.ts: networks of a few nodes, for tests of the rules by which attribution goes backwards through them.

import { type Model, parseModel } from '../../src/models/model.ts';
import { presets } from '../../src/models/preprocess.ts';
import { encodeModel, floatTensor, intTensor, type TestNode } from './onnx.ts';
import { noise } from './smallNetwork.ts';

export type Weights = Readonly<Record<string, readonly [shape: readonly number[], data: ArrayLike<number>]>>;

/** A network of a few nodes over [1,...input], its output "y". */
export function network(nodes: readonly TestNode[], weights: Weights, input: readonly number[] = [3, 16, 16]): Model {
  const initializers = Object.entries(weights).map(([name, [shape, data]]) =>
    floatTensor(name, shape, Array.from(data)),
  );
  const bytes = encodeModel({
    nodes,
    initializers: [...initializers, intTensor('axes', [2, 3])],
    inputs: { x: [1, ...input] },
    outputs: ['y'],
  });
  return parseModel(bytes, { name: 'generated', preprocess: presets.unit });
}

export const node = (
  op: string,
  inputs: string,
  output: string,
  attributes: TestNode['attributes'] = {},
): TestNode => ({
  op,
  inputs: inputs.split(' '),
  outputs: [output],
  attributes,
});
export const draw = (seed: number, scale: number, ...shape: number[]) =>
  [
    shape,
    noise(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ).map((value) => scale * value),
  ] as const;

/** First layer, 8 channels of 14 x 14. */
export const stem = node('Conv', 'x a b', 'c', { kernel_shape: [3, 3] });
export const stemWeights: Weights = { a: draw(1, 0.4, 8, 3, 3, 3), b: draw(2, 0.3, 8) };
/** Maps -> 3 logits. */
export const tail = (from: string, features: number): [TestNode[], Weights] => [
  [node('Flatten', from, 'flat', { axis: 1 }), node('MatMul', 'flat w', 'y')],
  { w: draw(3, 0.3, features, 3) },
];
