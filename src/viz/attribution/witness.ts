// witness.ts: the smallest network on which methods that look alike part: l(x) = relu(x1) + relu(x2) + ½ relu(x1 + x2 - 1).
// At (1, 1) against (0, 0) its scores of the sets of features are f(∅) = 0, f(1) = f(2) = 1, f(1,2) = 2.5. What the two do
// together, ½, is shared evenly by Shapley values, integrated gradients and DeepLIFT (1.25 each), while gradient times input
// and taking one feature away credit each of them with all of it (1.5 each, 3 in all).

import { Model } from '../../models/model.ts';
import type { OnnxAttribute, OnnxNode } from '../../models/onnx/proto.ts';
import { OnnxTensor } from '../../models/onnx/tensor.ts';
import { maskFeatures } from './features.ts';

/** A picture of one row, two pixels, one channel. */
export const witnessInput = (): Float32Array => Float32Array.of(1, 1);
export const witnessBaseline = (): Float32Array => Float32Array.of(0, 0);
export const witnessSize = [1, 2] as const;
/** Both pixels are features. */
export const witnessFeatures = () => maskFeatures([0, 1], witnessSize);

/** f of the sets ∅, {1}, {2}, {1,2}. */
export const witnessScores = [0, 1, 1, 2.5] as const;

const tensor = (name: string, shape: readonly number[], floats: number[]): OnnxTensor =>
  new OnnxTensor({ name, type: 1, shape, floats, integers: [], doubles: [] });

const node = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Partial<OnnxAttribute>>> = {},
): OnnxNode => ({
  name: output,
  op,
  domain: '',
  inputs,
  outputs: [output],
  attributes: new Map(
    Object.entries(attributes).map(([key, value]) => [key, { floats: [], ints: [], hasGraph: false, ...value }]),
  ),
});

export function witnessModel(): Model {
  const initializers = [
    // The filters look at the first pixel, the second, and both.
    tensor('filters', [3, 1, 1, 2], [1, 0, 0, 1, 1, 1]),
    tensor('bias', [3], [0, 0, -1]),
    tensor('votes', [3, 1], [1, 1, 0.5]),
  ];
  return new Model(
    {
      irVersion: 7,
      producer: 'facet',
      opset: 13,
      metadata: new Map(),
      graph: {
        nodes: [
          node('Conv', ['x', 'filters', 'bias'], 'sums', { kernel_shape: { ints: [1, 2] } }),
          node('Relu', ['sums'], 'units'),
          node('Flatten', ['units'], 'list', { axis: { i: 1 } }),
          node('MatMul', ['list', 'votes'], 'logit'),
        ],
        initializers: new Map(initializers.map((each) => [each.name, each])),
        inputs: [{ name: 'x', shape: ['N', 1, 1, 2] }],
        outputs: [{ name: 'logit', shape: ['N', 1] }],
      },
    },
    { name: 'witness' },
  );
}
