// attribution-deeplift.test.ts: DeepLIFT is complete through every kind of step, right where it can be worked out by
// hand, and the same for two networks of one function.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import type { Model } from '../../src/models/model.ts';
import { deepLift } from '../../src/viz/attribution/deepLift.ts';
import { inputXGradient } from '../../src/viz/attribution/gradient.ts';
import type { Method } from '../../src/viz/attribution/method.ts';
import { witnessBaseline, witnessInput, witnessModel, witnessSize } from '../../src/viz/attribution/witness.ts';
import { close } from '../support/close.ts';
import type { TestNode } from '../support/onnx.ts';
import { draw, network, node, stem, stemWeights, tail, type Weights } from '../support/ruleNetworks.ts';
import {
  type Asked,
  explain as explainOn,
  type Given,
  gapOf,
  missed,
  other,
  picture,
  smallNetwork,
  sum,
} from '../support/smallNetwork.ts';
import { suite } from '../support/suite.ts';

const test = suite('DeepLIFT');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

const explain = (method: Method, context: Given, input: Float32Array, asked: Asked = {}) =>
  explainOn(device, method, context, input, asked);

const pool = { kernel_shape: [3, 3], strides: [2, 2] };

/** Kinds of steps between the stem and the logits, each with the count of numbers that leave it. */
const steps: Readonly<Record<string, readonly [nodes: TestNode[], features: number, weights?: Weights]>> = {
  sigmoid: [[node('Sigmoid', 'c', 'd')], 1568],
  tanh: [[node('Tanh', 'c', 'd')], 1568],
  'leaky ReLU': [[node('LeakyRelu', 'c', 'd', { alpha: { float: 0.1 } })], 1568],
  'ELU and softplus': [[node('Elu', 'c', 'e'), node('Softplus', 'e', 'd')], 1568],
  'hard-swish': [[node('HardSigmoid', 'c', 'e', { alpha: { float: 1 / 6 } }), node('Mul', 'c e', 'd')], 1568],
  'overlapping max pools': [[node('Relu', 'c', 'e'), node('MaxPool', 'e', 'd', pool)], 288],
  'average pools': [[node('Relu', 'c', 'e'), node('AveragePool', 'e', 'd', pool)], 288],
  'global maximum': [[node('GlobalMaxPool', 'c', 'd')], 8],
  'local response': [
    [
      node('Relu', 'c', 'e'),
      node('LRN', 'e', 'd', { size: 5, alpha: { float: 0.5 }, beta: { float: 0.75 }, bias: { float: 1 } }),
    ],
    1568,
  ],
  'gates of squeeze and excitation': [
    [
      node('Relu', 'c', 'e'),
      node('GlobalAveragePool', 'e', 's'),
      node('Conv', 's squeeze', 't', { kernel_shape: [1, 1] }),
      node('Sigmoid', 't', 'g'),
      node('Mul', 'e g', 'd'),
    ],
    1568,
    { squeeze: draw(4, 2, 8, 8, 1, 1) },
  ],
  residual: [
    [
      node('Relu', 'c', 'e'),
      node('Conv', 'e r', 'f', { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
      node('Add', 'f e', 's'),
      node('Relu', 's', 'd'),
    ],
    1568,
    { r: draw(5, 0.2, 8, 8, 3, 3) },
  ],
  division: [
    [
      node('Sigmoid', 'c', 'e'),
      node('ReduceMean', 'e', 'm', { axes: [1], keepdims: 1 }),
      node('Relu', 'c', 'f'),
      node('Div', 'f m', 'd'),
    ],
    1568,
  ],
  concatenation: [[node('Relu', 'c', 'e'), node('Tanh', 'c', 'f'), node('Concat', 'e f', 'd', { axis: 1 })], 3136],
};
const stepNetwork = (name: string): Model => {
  const [nodes, features, weights = {}] = steps[name];
  const [last, votes] = tail('d', features);
  return network([stem, ...nodes, ...last], { ...stemWeights, ...weights, ...votes });
};

for (const name of Object.keys(steps)) {
  test(`DeepLIFT is complete through ${name}, from the input and from a layer`, async () => {
    const model = stepNetwork(name);
    for (const layer of [undefined, 'c']) {
      const found = await explain(deepLift, { model, layer }, picture, { baseline: other });
      assert.ok(Math.abs(gapOf(found)) > 0.02, `gap ${gapOf(found)}`);
      // Float32 leaves about 1e-7 of the terms that are summed, which are larger than their sum.
      const terms = sum(found.values.map(Math.abs));
      assert.ok(Math.abs(found.delta as number) < 2e-6 * (terms + Math.abs(found.score)), `delta ${found.delta}`);
      assert.ok(missed(found) < 1e-3, `${missed(found)} of the gap is missed`);
    }
  });
}

test("DeepLIFT: the slide's network, a linear one, and one function as two networks", async () => {
  const witness = { model: witnessModel(), size: witnessSize };
  const asked = { target: 0, baseline: witnessBaseline() };
  const slide = await explain(deepLift, witness, witnessInput(), asked);
  close(slide.values, [1.25, 1.25], { absolute: 1e-6 }, 'slide');
  const linear = { model: smallNetwork() };
  const product = await explain(inputXGradient, linear, picture);
  const found = await explain(deepLift, linear, picture, { baseline: 0 });
  close(found.values, product.values, { relative: 1e-5 }, 'input times weight');
  const [once, twice] = [false, true].map((doubled) => smallNetwork({ activation: 'Relu', doubled }));
  const values = await explain(deepLift, { model: once }, picture, { baseline: other });
  const same = await explain(deepLift, { model: twice }, picture, { baseline: other });
  close(same.values, values.values, { relative: 1e-5 }, 'doubled');
});

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
