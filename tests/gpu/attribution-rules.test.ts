// attribution-rules.test.ts: what DeepLIFT, LRP, guided backpropagation and the deconvnet promise, against plain float64
// loops and their axioms.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { maxPool, maxPoolInput, maxPoolSwitches } from '../../src/engine/ops/index.ts';
import { type Model, parseModel } from '../../src/models/model.ts';
import { presets } from '../../src/models/preprocess.ts';
import { ChangingWeights } from '../../src/viz/attribution/changingWeights.ts';
import { deepLift } from '../../src/viz/attribution/deepLift.ts';
import { gradient, inputXGradient } from '../../src/viz/attribution/gradient.ts';
import { deconvnet, guidedBackprop } from '../../src/viz/attribution/guided.ts';
import { type LrpRuleName, lrp, lrpRuleNames } from '../../src/viz/attribution/lrp.ts';
import type { Method } from '../../src/viz/attribution/method.ts';
import { witnessBaseline, witnessInput, witnessModel, witnessSize } from '../../src/viz/attribution/witness.ts';
import { close } from '../support/close.ts';
import { fetchBytes, fetchFixture } from '../support/fetch.ts';
import { networks } from '../support/networks.ts';
import { encodeModel, floatTensor, intTensor, type TestNode } from '../support/onnx.ts';
import {
  type Asked,
  explain as explainOn,
  type Given,
  gapOf,
  missed,
  noise,
  other,
  picture,
  range,
  smallNetwork,
  sum,
} from '../support/smallNetwork.ts';
import { suite } from '../support/suite.ts';

const test = suite('rules of backward passes');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

const explain = (method: Method, context: Given, input: Float32Array, asked: Asked = {}) =>
  explainOn(device, method, context, input, asked);

type Weights = Readonly<Record<string, readonly [shape: readonly number[], data: ArrayLike<number>]>>;

/** A network of a few nodes over [1,...input], its output "y". */
function network(nodes: readonly TestNode[], weights: Weights, input: readonly number[] = [3, 16, 16]): Model {
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

const node = (op: string, inputs: string, output: string, attributes: TestNode['attributes'] = {}): TestNode => ({
  op,
  inputs: inputs.split(' '),
  outputs: [output],
  attributes,
});
const draw = (seed: number, scale: number, ...shape: number[]) =>
  [
    shape,
    noise(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ).map((value) => scale * value),
  ] as const;

/** First layer, 8 channels of 14 x 14. */
const stem = node('Conv', 'x a b', 'c', { kernel_shape: [3, 3] });
const stemWeights: Weights = { a: draw(1, 0.4, 8, 3, 3, 3), b: draw(2, 0.3, 8) };
/** Maps -> 3 logits. */
const tail = (from: string, features: number): [TestNode[], Weights] => [
  [node('Flatten', from, 'flat', { axis: 1 }), node('MatMul', 'flat w', 'y')],
  { w: draw(3, 0.3, features, 3) },
];
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

// --- LRP -----------------------------------------------------------------------------------------------------------

/** A linear layer as a list of its contributions; `taps` are the pairs that exist, beyond which nothing flows. */
interface Dense {
  /** [inputs][outputs], undefined where there is no connection. */
  readonly weight: readonly (readonly (number | undefined)[])[];
  readonly bias: readonly number[];
}
const OPTIONS = { epsilon: 1e-9, gamma: 0.25, alpha: 2 };

const forward = (a: readonly number[], { weight, bias }: Dense): number[] =>
  bias.map((b, k) => weight.reduce((total, row, j) => total + a[j] * (row[k] ?? 0), b));

/** The rules as in the paper, a loop for each. */
function flow(
  rule: LrpRuleName,
  a: readonly number[],
  layer: Dense,
  R: readonly number[],
  options = OPTIONS,
): number[] {
  const { epsilon, gamma, alpha } = options;
  const stable = (z: number) => z + (z >= 0 ? epsilon : -epsilon);
  const [up, down] = [(v: number) => Math.max(v, 0), (v: number) => Math.min(v, 0)];
  const result = a.map(() => 0);
  layer.bias.forEach((b, k) => {
    const parts = layer.weight.map((row, j) => a[j] * (row[k] ?? 0));
    const total = (part: (v: number) => number, bias: number) => parts.reduce((s, v) => s + part(v), bias);
    const share = (part: (v: number) => number, bias: number, factor: number) => {
      const z = stable(total(part, bias));
      parts.forEach((v, j) => {
        result[j] += ((factor * part(v)) / z) * R[k];
      });
    };
    const raised = (v: number) => v + gamma * up(v);
    if (rule === 'epsilon') share((v) => v, b, 1);
    if (rule === 'gamma') share(raised, raised(b), 1);
    if (rule === 'z-plus') share(up, up(b), 1);
    if (rule === 'alpha-beta') {
      share(up, up(b), alpha);
      share(down, down(b), 1 - alpha);
    }
    if (rule === 'flat') {
      const count = layer.weight.filter((row) => row[k] !== undefined).length;
      layer.weight.forEach((row, j) => {
        if (row[k] !== undefined) result[j] += R[k] / count;
      });
    }
  });
  return result;
}

/** A convolution [K,C,R,S] with stride 2 and a border of 1 over C maps of H x W, in the order of the file. */
function convolution(filters: ArrayLike<number>, bias: ArrayLike<number>, [K, C, H, W]: readonly number[]): Dense {
  const [P, Q] = [Math.floor((H - 1) / 2) + 1, Math.floor((W - 1) / 2) + 1];
  const weight = range(C * H * W).map((j) => {
    const [c, h, w] = [Math.floor(j / (H * W)), Math.floor(j / W) % H, j % W];
    return range(K * P * Q).map((o) => {
      const [k, p, q] = [Math.floor(o / (P * Q)), Math.floor(o / Q) % P, o % Q];
      const [r, s] = [h - 2 * p + 1, w - 2 * q + 1];
      return r >= 0 && r < 3 && s >= 0 && s < 3 ? filters[((k * C + c) * 3 + r) * 3 + s] : undefined;
    });
  });
  return { weight, bias: range(K * P * Q).map((o) => bias[Math.floor(o / (P * Q))]) };
}

/** conv (stride 2) -> ReLU -> dense, over two maps of 5 x 6; and what the loops make of it. */
function twoLayers(withBias: boolean, norm: 'none' | 'nodes' | 'swapped' | 'batch' = 'none') {
  const [K, C, H, W] = [4, 2, 5, 6];
  const filters = noise(K * C * 9, 21);
  const bias = noise(K, 22).map((v) => (withBias ? 0.5 * v : 0));
  const [scale, shift] = [noise(K, 23).map((v) => 1 + 0.8 * v), noise(K, 24)];
  const votes = noise(K * 9 * 3, 25);
  const offsets = noise(3, 26).map((v) => (withBias ? 0.4 * v : 0));
  const isNormed = norm !== 'none';
  const between: Record<typeof norm, TestNode[]> = {
    none: [],
    nodes: [node('Mul', 'c scale', 'm'), node('Add', 'm shift', 'n')],
    swapped: [node('Mul', 'scale c', 'm'), node('Add', 'shift m', 'n')],
    batch: [node('BatchNormalization', 'c scaleB shiftB zero one', 'n', { epsilon: { float: 1e-12 } })],
  };
  const model = network(
    [
      node('Conv', 'x filters bias', 'c', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
      ...between[norm],
      node('Relu', isNormed ? 'n' : 'c', 'd'),
      node('Flatten', 'd', 'f', { axis: 1 }),
      node('Gemm', 'f votes offsets', 'y'),
    ],
    {
      filters: [[K, C, 3, 3], filters],
      bias: [[K], bias],
      votes: [[K * 9, 3], votes],
      offsets: [[3], offsets],
      ...(isNormed && { scale: [[1, K, 1, 1], scale], shift: [[1, K, 1, 1], shift] }),
      ...(norm === 'batch' && {
        scaleB: [[K], scale],
        shiftB: [[K], shift],
        zero: [[K], new Float32Array(K)],
        one: [[K], new Float32Array(K).fill(1)],
      }),
    },
    [C, H, W],
  );
  const folded = isNormed
    ? [filters.map((v, i) => v * scale[Math.floor(i / (C * 9))]), bias.map((v, k) => v * scale[k] + shift[k])]
    : [filters, bias];
  const first = convolution(folded[0], folded[1], [K, C, H, W]);
  const second: Dense = { weight: range(K * 9).map((j) => range(3).map((k) => votes[3 * j + k])), bias: [...offsets] };
  /** x in the order of the file. */
  const expected = (x: readonly number[], rule: LrpRuleName, target: number, options = OPTIONS): number[] => {
    const hidden = forward(x, first).map((v) => Math.max(0, v));
    const R = forward(hidden, second).map((v, k) => (k === target ? v : 0));
    const [early, late]: LrpRuleName[] = rule === 'composite' ? ['flat', 'epsilon'] : [rule, rule];
    return flow(early, x, first, flow(late, hidden, second, R, options), options);
  };
  return { context: { model, size: [H, W] as const }, expected, C, H, W };
}

/** [C,H,W] -> [H,W,C] */
const channelsLast = (x: readonly number[], { C, H, W }: { C: number; H: number; W: number }): Float32Array =>
  Float32Array.from({ length: C * H * W }, (_, i) => x[(i % C) * H * W + Math.floor(i / C)]);

for (const withBias of [false, true]) {
  test(`LRP, every rule as plain loops have it${withBias ? ', with biases' : ' and without loss'}`, async () => {
    const net = twoLayers(withBias);
    for (const isMixed of [true, false]) {
      const x = [...noise(60, 27)].map((v) => (isMixed ? v : Math.abs(v)));
      for (const rule of lrpRuleNames) {
        const found = await explain(lrp, net.context, channelsLast(x, net), { rule, target: 2 });
        const expected = net.expected(x, rule, 2);
        close(found.values, expected, { relative: 2e-5 }, `${rule}, inputs of ${isMixed ? 'both signs' : 'one sign'}`);
        close([sum(found.values)], [sum(expected)], { absolute: 2e-5 * sum(expected.map(Math.abs)) }, `${rule}: sum`);
        // Rules for one sign lose what reaches units with nothing of that sign; there is none here.
        if (!withBias && rule !== 'z-plus' && rule !== 'alpha-beta') {
          const terms = sum(found.values.map(Math.abs));
          close([sum(found.values)], [found.score], { absolute: 2e-6 * terms + 1e-6 }, `${rule} keeps the score`);
        }
      }
    }
  });
}

test('LRP: rules meet where their numbers say so', async () => {
  const net = twoLayers(true);
  const x = channelsLast([...noise(60, 28)], net);
  const of = async (options: Asked) => (await explain(lrp, net.context, x, options)).values;
  const zPlus = await of({ rule: 'z-plus' });
  close(await of({ rule: 'alpha-beta', alpha: 1 }), zPlus, { absolute: 0 }, 'alpha 1');
  const epsilon = await of({ rule: 'epsilon' });
  close(await of({ rule: 'gamma', gamma: 0 }), epsilon, { relative: 1e-5 }, 'gamma 0');
  close(await of({ rule: 'gamma', gamma: 1e5 }), zPlus, { relative: 1e-3 }, 'large gamma');
  const strong = net.expected([...noise(60, 28)], 'epsilon', 1, { ...OPTIONS, epsilon: 0.5 });
  close(await of({ rule: 'epsilon', epsilon: 0.5 }), strong, { relative: 2e-5 }, 'epsilon 0.5');
});

for (const norm of ['nodes', 'swapped', 'batch'] as const) {
  test(`LRP: normalization behind a convolution is part of it (${norm})`, async () => {
    const net = twoLayers(true, norm);
    const x = [...noise(60, 29)];
    for (const rule of lrpRuleNames) {
      const { values } = await explain(lrp, net.context, channelsLast(x, net), { rule, target: 0 });
      close(values, net.expected(x, rule, 0), { relative: 2e-5 }, rule);
    }
    // Nor does it matter that weights are states, as where they are drawn anew: statistics then stand beside them.
    const weights = await ChangingWeights.create({ device, ...net.context });
    for (const rule of lrpRuleNames) {
      const { values } = await explain(lrp, weights.context, channelsLast(x, net), { rule, target: 0 });
      close(values, net.expected(x, rule, 0), { relative: 2e-5 }, `${rule}, weights as states`);
    }
    weights.dispose();
  });
}

test('LRP: a maximum gives all to its winner, a sum gives each its share, nothing changes sign', async () => {
  const maxima = network(
    [node('MaxPool', 'x', 'p', { kernel_shape: [2, 2], strides: [2, 2] }), ...tail('p', 4)[0]],
    tail('p', 4)[1],
    [1, 4, 4],
  );
  const x = noise(16, 31).map((v) => Math.abs(v));
  const { values, score } = await explain(lrp, { model: maxima, size: [4, 4] }, x, { rule: 'epsilon' });
  for (const window of range(4)) {
    const at = range(4).map((k) => 4 * (2 * (window >> 1) + (k >> 1)) + 2 * (window & 1) + (k & 1));
    const winner = at.reduce((best, i) => (x[i] > x[best] ? i : best));
    for (const i of at) assert.is(values[i] !== 0, i === winner);
  }
  close([sum(values)], [score], { absolute: 1e-6 }, 'sum');
  // y = (2 + 3) x as two branches, one through a negation of a negation, one through a global maximum with ties.
  const branches = network(
    [
      node('Mul', 'x two', 'a'),
      node('Neg', 'x', 'n'),
      node('Mul', 'n minus', 'b'),
      node('Add', 'a b', 's'),
      node('GlobalMaxPool', 's', 'g'),
      ...tail('g', 1)[0],
    ],
    { two: [[1], [2]], minus: [[1], [-3]], ...tail('g', 1)[1] },
    [1, 1, 3],
  );
  const tied = await explain(lrp, { model: branches, size: [1, 3] }, Float32Array.of(0.7, 0.2, 0.7));
  close(tied.values, [tied.score / 2, 0, tied.score / 2], { absolute: 1e-6 }, 'ties share');
});

/** Where pictures and baselines cannot be told apart, DeepLIFT says so. */
const MOVES_BATCH = ['transformer-opset13', 'windows-opset17'];

for (const { file, input } of networks) {
  test(`${file}: LRP and DeepLIFT give finite numbers, or a sentence`, async () => {
    const model = parseModel(await fetchFixture(`networks/${file}.onnx`), { name: file });
    const [, C, H, W] = input;
    const x = noise(C * H * W, 41);
    const info = model.layers.at(-1) as (typeof model.layers)[number];
    const isList = info.shape.length === 1;
    const context = { model, size: [H, W] as const, ...(!isList && { unit: { layer: info.name, channel: 0 } }) };
    for (const [method, options] of [
      [lrp, { rule: 'composite' }],
      [lrp, { rule: 'alpha-beta' }],
      [deepLift, { baseline: 0 }],
    ] as const) {
      const asked = explain(method, context, x, options);
      if (method === deepLift && MOVES_BATCH.includes(file)) {
        const message = await asked.then(
          () => 'nothing was thrown',
          (error: Error) => error.message,
        );
        assert.match(message, 'moves its batch axis');
        continue;
      }
      const found = await asked;
      assert.ok(found.values.every(Number.isFinite), `${method.title} ${JSON.stringify(options)} is finite`);
      assert.ok(
        found.values.some((value) => value !== 0),
        `${method.title} says something of ${found.score}`,
      );
    }
  });
}

for (const file of ['squeezenet1_1-caffe', 'googlenet-bvlc', 'mobilenet_v2-qat']) {
  test(
    `${file}: every LRP rule gives finite numbers`,
    async () => {
      const model = parseModel(await fetchBytes(`data/models/${file}.onnx`), { name: file });
      const input = noise(64 * 64 * 3, 42).map((value) => 60 * value);
      for (const rule of ['composite', 'alpha-beta'] as const) {
        const found = await explain(lrp, { model, size: [64, 64] }, input, { rule, target: 282 });
        assert.ok(found.values.every(Number.isFinite), rule);
        assert.ok(
          found.values.some((value) => value !== 0),
          rule,
        );
      }
    },
    { timeoutSeconds: 300 },
  );
}

// --- guided backpropagation and the deconvnet ------------------------------------------------------------------------

test('without a ReLU both are the gradient; with one, guided is the deconvnet where the unit was active', async () => {
  const linear = { model: smallNetwork() };
  const slope = await explain(gradient, linear, picture);
  for (const method of [guidedBackprop, deconvnet]) {
    close((await explain(method, linear, picture)).values, slope.values, { absolute: 0 }, method.title);
  }
  const [last, votes] = tail('d', 1568);
  const model = network([stem, node('Relu', 'c', 'd'), ...last], { ...stemWeights, ...votes });
  const at = async (method: Method) => (await explain(method, { model, layer: 'c' }, picture)).values;
  const active = await explain(inputXGradient, { model, layer: 'd' }, picture);
  const weights = await explain(gradient, { model, layer: 'd' }, picture);
  const sent = await at(deconvnet);
  close(
    sent,
    weights.values.map((v) => Math.max(v, 0)),
    { absolute: 0 },
    'deconvnet is rectified weights',
  );
  close(
    await at(guidedBackprop),
    sent.map((v, i) => (active.values[i] !== 0 ? v : 0)),
    { absolute: 0 },
    'guided',
  );
});

test("Zeiler and Fergus's map knows no biases but through the switches; a gradient does", async () => {
  // Pooled before the ReLU: a bias moves no switch, but wakes units. The layer has one place, whose unit is always awake.
  const build = (bias: number): Model =>
    network(
      [
        stem,
        node('MaxPool', 'c', 'd', { kernel_shape: [2, 2], strides: [2, 2] }),
        node('Relu', 'd', 'e'),
        node('Conv', 'e r high', 'f', { kernel_shape: [7, 7] }),
        node('Relu', 'f', 'g'),
        ...tail('g', 4)[0],
      ],
      {
        ...stemWeights,
        b: [[8], new Float32Array(8).fill(bias)],
        r: draw(6, 0.2, 4, 8, 7, 7),
        high: [[4], [90, 90, 90, 90]],
        ...tail('g', 4)[1],
      },
    );
  const [few, all] = [build(-0.7), build(6)];
  for (const keep of ['max', 'all'] as const) {
    const [one, two] = await Promise.all(
      [few, all].map((model) => explain(deconvnet, { model, layer: 'g' }, picture, { channel: 2, keep })),
    );
    assert.ok(one.score > 1 && Math.abs(two.score - one.score) > 0.1, `${one.score}, ${two.score}`);
    assert.is(one.target, undefined);
    const [a, b] = [one, two].map(({ values, score }) => values.map((value) => value / score));
    assert.ok(a.some((value) => value !== 0));
    close(b, a, { relative: 2e-6 }, `deconvnet, ${keep}`);
  }
  for (const method of [gradient, guidedBackprop]) {
    const unit = { layer: 'g', channel: 2 };
    const [one, two] = await Promise.all([few, all].map((model) => explain(method, { model, unit }, picture)));
    const change = sum(one.values.map((v, i) => Math.abs(v - two.values[i]))) / sum(one.values.map(Math.abs));
    assert.ok(change > 0.05, `${method.title}: ${change}`);
  }
});

test('what is unpooled pools to itself; where windows overlap, what they send adds up', async () => {
  for (const [kernel, strides] of [
    [2, 2],
    [3, 2],
  ]) {
    const window = {
      kernel: [kernel, kernel] as const,
      strides: [strides, strides] as const,
      pads: [0, 0, 0, 0] as const,
      dilations: [1, 1] as const,
      ceilMode: false,
    };
    const side = kernel === 2 ? 8 : 9;
    const graph = new Graph();
    const x = graph.input('x', [1, side, side, 2]);
    const y = graph.input('y', [1, 4, 4, 2]);
    const back = maxPoolInput(maxPoolSwitches(x, window), y, window, [side, side]);
    const outputs = computation({ back, again: maxPool(back, window) });
    const program = await compile(device, outputs);
    const [input, signal] = [noise(side * side * 2, 51), noise(32, 52).map((v) => Math.abs(v))];
    const found = await program.evaluate({ x: input, y: signal });
    program.dispose();
    const expected = new Float64Array(side * side * 2);
    for (const o of range(32)) {
      const [p, q, c] = [Math.floor(o / 8), Math.floor(o / 2) % 4, o % 2];
      const taps = range(kernel * kernel).map((t) => {
        const [h, w] = [p * strides + Math.floor(t / kernel), q * strides + (t % kernel)];
        return (h * side + w) * 2 + c;
      });
      expected[taps.reduce((best, i) => (input[i] > input[best] ? i : best))] += signal[o];
    }
    close(found.back, expected, { relative: 3e-7 }, `${kernel}x${kernel}, unpooled`);
    if (kernel === strides) close(found.again, signal, { absolute: 0 }, 'pooled again');
  }
});

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
