// Opening networks: all files of ../shared/data/models, what stands in the way of others, and numbers against PyTorch.

import * as assert from 'uvu/assert';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { fromFileLayout, type Model, ModelError, parseModel, toFileLayout } from '../../src/models/index.ts';
import { close } from '../support/close.ts';
import { goldenManifest, sharedArray, sharedBytes } from '../support/shared.ts';
import { suite } from '../support/suite.ts';

const open = (name: string): Model => parseModel(sharedBytes(`data/models/${name}.onnx`), { name });

const files = suite('model files');

// name, layers, learned numbers, outputs
const rows: [name: string, layers: number, parameters: number, classes: number][] = [
  ['googlenet-bvlc', 141, 6998552, 1000],
  ['squeezenet1_1-caffe', 65, 1235496, 1000],
  ['squeezenet1_1-zoo', 65, 1235496, 1000],
  ['mobilenet_v2-qat', 100, 3489097, 1001],
  ['cifar10-resnet2b-adv', 17, 112006, 10],
  ['cifar10-resnet4b-adv', 28, 123734, 10],
  ['cifar10-cnn_a-adv', 8, 214918, 10],
  ['cifar10-convsmall-pgd', 8, 125318, 10],
  ['cifar10-marabou-large-plain', 10, 338346, 10],
  ['cifar10-twin-standard', 24, 548170, 10],
  ['cifar10-twin-robust', 24, 548170, 10],
  ['mnist-cnn_a-adv', 8, 166406, 10],
  ['mnist-madry-tiny-adv', 8, 52506, 10],
  ['mnist-kw-eps0.1', 8, 166406, 10],
  ['mnist-convsmall-plain', 8, 89606, 10],
];

for (const [name, layers, parameters, classes] of rows) {
  files(`opens ${name} and traces it at several sizes and batches`, () => {
    const model = open(name);
    assert.equal([model.layers.length, model.parameters, model.classes], [layers, parameters, classes]);
    const { channels, height, width } = model.input;
    const sizes = [model.nominalSize, [height ?? 64, width ?? 96], [height ?? 320, width ?? 131]];
    for (const [H, W] of sizes) {
      for (const N of [1, 5]) {
        const graph = new Graph();
        const trace = model.trace(graph.input('x', [N, H, W, channels]));
        assert.equal(trace.output.shape, [N, classes]);
        assert.is(trace.layers.size, layers);
        for (const value of trace.layers.values()) assert.is(value.shape[0], N);
      }
    }
  });
}

/** Output and layers of a network in the file's own layout, computed by the references. */
function compute(model: Model, image: readonly number[], data: ArrayLike<number>, layers: readonly string[]) {
  const graph = new Graph();
  const [channels, height, width] = image;
  const input = fromFileLayout(data, 'nhwc', [1, channels, height, width]);
  const trace = model.trace(graph.input('x', input.shape));
  const wanted = Object.fromEntries(layers.map((layer) => [layer, trace.layer(layer)]));
  const { outputs } = interpret(computation({ output: trace.output, ...wanted }), { x: input.data });
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { shape, data: numbers }]) => [
      name,
      toFileLayout(numbers, name === 'output' ? 'plain' : trace.layoutOf(name), shape),
    ]),
  );
}

const numbers = suite('numbers of PyTorch');
const small = ['mnist-convsmall-plain', 'cifar10-convsmall-pgd', 'cifar10-resnet2b-adv'];

for (const name of small) {
  numbers(`${name} gives the recorded logits and activations`, () => {
    const recorded = goldenManifest().filter(
      ({ model, what }) => model === `${name}.onnx` && (what === 'activation' || what === 'output of the network'),
    );
    assert.ok(recorded.length > 0);
    const model = open(name);
    for (const index of new Set(recorded.map((row) => row.index))) {
      const own = recorded.filter((row) => row.index === index);
      const input = sharedArray(`golden/inputs/${own[0].input}`);
      const [, ...image] = input.shape;
      const size = image.reduce((product, d) => product * d, 1);
      const layers = own.flatMap(({ layer }) => layer ?? []);
      const results = compute(model, image, input.data.subarray(index * size, (index + 1) * size), layers);
      for (const { file, layer, shape } of own) {
        const result = results[layer ?? 'output'];
        assert.equal(result.shape, shape);
        close(result.data, sharedArray(`golden/${file}`).data, { relative: 1e-5 }, file);
      }
    }
  });
}

const refusals = suite('refused files');

/** What a refusal says; it must be a ModelError of one line. */
function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.instance(error, ModelError);
    assert.not.ok((error as ModelError).message.includes('\n'));
    return (error as ModelError).message;
  }
  throw new Error('nothing was refused');
}

refusals('a file cut off anywhere', () => {
  const bytes = sharedBytes('data/models/mnist-madry-tiny-adv.onnx');
  for (let length = 0; length < bytes.length; length += 97) {
    assert.match(
      refusal(() => parseModel(bytes.subarray(0, length), { name: 'cut' })),
      /model "cut" .*again|text/,
    );
  }
});

refusals('texts, pointers and archives', () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  const say = (text: string) => refusal(() => parseModel(encode(text), { name: 'x.onnx' }));
  assert.match(say('Hello, I am no network.\n'), /model "x.onnx" is a text/);
  assert.match(say('version https://git-lfs.github.com/spec/v1\noid sha256:0'), /git lfs pull/);
  assert.match(say('PK\x03\x04\x00\x00'), /zip archive/);
  assert.match(say(''), /is empty/);
});

refusals('unknown layers, channels and sizes', () => {
  const model = open('googlenet-bvlc');
  assert.match(
    refusal(() => model.layer('inception_4c/outptu')),
    /"inception_4c\/output".*facet inspect/,
  );
  assert.match(
    refusal(() => model.checkChannel('inception_4c/output', 512)),
    /512 channels at "inception_4c\/output".*0\.\.511/,
  );
  model.checkChannel('inception_4c/output', 511);
  const tiny = () => model.trace(new Graph().input('x', [1, 8, 8, 3]));
  assert.match(refusal(tiny), /node "[^"]+" \(MaxPool\)/);
  const twin = open('cifar10-twin-robust');
  assert.match(
    refusal(() => twin.trace(new Graph().input('x', [1, 64, 64, 3]))),
    /takes \[N,32,32,3\]/,
  );
});

const traces = suite('traces');

traces('know layers by the name of their node too', () => {
  const model = open('cifar10-resnet2b-adv');
  assert.is(model.resolve('Relu_12'), '29');
  assert.is(model.layer('29').preRelu, '28');
  assert.equal(model.layer('29').shape, [16, 8, 8]);
});

traces('stop where they are told to', () => {
  const model = open('googlenet-bvlc');
  const graph = new Graph();
  const trace = model.trace(graph.input('x', [2, 64, 64, 3]), { until: 'inception_3a/output' });
  assert.equal(trace.output.shape, [2, 8, 8, 256]);
  assert.ok(trace.layers.has('inception_3a/1x1') && !trace.layers.has('inception_3b/1x1'));
  assert.match(
    refusal(() => trace.layer('inception_5b/output')),
    /only up to "inception_3a\/output"/,
  );
});

traces('share their weights, and make states of them for training', () => {
  const model = open('mnist-convsmall-plain');
  const trace = (parameters: 'constant' | 'state') => {
    const graph = new Graph();
    return { graph, trace: model.trace(graph.input('x', [1, 28, 28, 1]), { parameters }) };
  };
  const tensors = ({ graph }: { graph: Graph }) =>
    graph.nodes.flatMap((node) => (node.kind === 'constant' ? [node.tensor] : []));
  const [first, second] = [trace('constant'), trace('constant')];
  assert.ok(tensors(first).length >= 8);
  tensors(first).forEach((tensor, i) => void assert.is(tensor, tensors(second)[i]));
  const trained = trace('state');
  const states = trained.graph.nodes.filter((node) => node.kind === 'state');
  assert.is(states.length, 8);
  assert.equal(
    states.map(({ name }) => name),
    [...trained.trace.parameters.keys()],
  );
});
