// Whole networks written as ONNX files and read back: layers, numbers, weights; whole, edited, trained, cut.

import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { exportComputation, exportModel, type Model, parseModel } from '../../src/models/index.ts';
import { close } from '../support/close.ts';
import { networks } from '../support/networks.ts';
import { encodeModel, floatTensor } from '../support/onnx.ts';
import { checkKept, compare, count, keep, refusal, weights } from '../support/onnx-export.ts';
import { sharedBytes } from '../support/shared.ts';
import { suite } from '../support/suite.ts';

const whole = suite('exported networks');

/** The graph as text, without the names that people gave: ops, shapes, attributes, and the numbers of constants. */
function structure(model: Model, shape: readonly number[]): string {
  const graph = new Graph();
  const { output } = model.trace(graph.input('x', shape));
  const kept = new Set([output.id]);
  for (const node of [...graph.nodes].reverse()) {
    if (node.kind === 'op' && kept.has(node.id)) for (const id of node.inputs) kept.add(id);
  }
  const numbers = new Map<number, number>();
  const lines = graph.nodes.flatMap((node) => {
    if (!kept.has(node.id)) return [];
    numbers.set(node.id, numbers.size);
    if (node.kind === 'constant') {
      const hash = node.tensor.data.reduce((sum, value, i) => (sum * 31 + value * 1e6 + i) % 1e9, 7);
      return [`constant [${node.shape}] ${hash}`];
    }
    if (node.kind !== 'op') return [`${node.kind} [${node.shape}]`];
    return [`${node.op}(${node.inputs.map((id) => numbers.get(id))}) [${node.shape}] ${JSON.stringify(node.attrs)}`];
  });
  return lines.join('\n');
}

const sharedFiles: [name: string, sizes: readonly (readonly number[])[]][] = [
  [
    'googlenet-bvlc',
    [
      [1, 224, 224, 3],
      [2, 96, 65, 3],
    ],
  ],
  [
    'squeezenet1_1-caffe',
    [
      [1, 224, 224, 3],
      [3, 70, 64, 3],
    ],
  ],
  [
    'mobilenet_v2-qat',
    [
      [1, 224, 224, 3],
      [2, 64, 96, 3],
    ],
  ],
  [
    'cifar10-resnet2b-adv',
    [
      [1, 32, 32, 3],
      [2, 32, 32, 3],
    ],
  ],
  [
    'cifar10-resnet4b-adv',
    [
      [1, 32, 32, 3],
      [2, 32, 32, 3],
    ],
  ],
  [
    'cifar10-convsmall-pgd',
    [
      [1, 32, 32, 3],
      [2, 32, 32, 3],
    ],
  ],
  [
    'mnist-madry-tiny-adv',
    [
      [1, 28, 28, 1],
      [2, 28, 28, 1],
    ],
  ],
];
const ownFiles: [name: string, sizes: readonly (readonly number[])[]][] = [
  [
    'cifar10-twin-robust',
    [
      [1, 32, 32, 3],
      [2, 32, 32, 3],
    ],
  ],
  [
    'cifar10-twin-standard',
    [
      [1, 32, 32, 3],
      [2, 32, 32, 3],
    ],
  ],
  [
    'drawings',
    [
      [1, 64, 64, 3],
      [2, 40, 33, 3],
    ],
  ],
];

const describe = ({ layers }: Model) =>
  layers.map(({ name, op, shape, parameters, weights, flops, preRelu }) =>
    JSON.stringify({ name, op, shape, parameters, weights, flops, preRelu }),
  );

for (const [name, sizes, read] of [
  ...sharedFiles.map(([name, sizes]) => [name, sizes, () => sharedBytes(`data/models/${name}.onnx`)] as const),
  ...ownFiles.map(([name, sizes]) => [name, sizes, () => readFileSync(`assets/${name}.onnx`)] as const),
]) {
  whole(`${name}: the same layers, nodes and numbers, and nothing is turned`, () => {
    const model = parseModel(read(), { name });
    const bytes = keep(name, exportModel(model));
    assert.is(Buffer.compare(exportModel(model), bytes), 0, 'the same bytes again');
    assert.is(count(bytes, 'Transpose'), 0);
    const copy = parseModel(bytes, { name });
    assert.equal(describe(copy), describe(model));
    for (const shape of sizes) assert.is(structure(copy, shape), structure(model, shape));
    assert.equal([copy.input.height, copy.input.width], [model.input.height, model.input.width]);
    assert.equal(copy.labels, model.labels);
    assert.equal(copy.nominalSize, model.nominalSize);
    const { range, mean, std, order } = copy.preprocess;
    assert.equal(
      { range, mean, std, order },
      (({ range, mean, std, order }) => ({ range, mean, std, order }))(model.preprocess),
    );
  });
}

/** Networks whose layers are not all single operators of the engine: compared by what they compute. */
for (const { file, input } of networks) {
  whole(`${file}: the same layers and logits`, () => {
    const model = parseModel(readFileSync(`tests/fixtures/networks/${file}.onnx`), { name: file });
    const bytes = keep(file, exportModel(model));
    const copy = parseModel(bytes, { name: file });
    const names = new Set(copy.layers.map(({ name }) => name));
    assert.equal(
      model.layers.filter(({ name }) => !names.has(name)).map(({ name }) => name),
      [],
    );
    const [, C, H, W] = input;
    const shape = [1, copy.input.height ?? H, copy.input.width ?? W, C];
    const pictures = [weights(11, shape).data, weights(12, shape).data];
    const logits = (of: Model, data: Float32Array, batch: number) => {
      const { output } = of.trace(new Graph().input('x', [batch, ...shape.slice(1)]));
      return [...interpret(computation({ output }), { x: data }).outputs.output.data];
    };
    const expected = pictures.map((picture) => logits(model, picture, 1));
    close(logits(copy, pictures[0], 1), expected[0], { relative: 1e-5 }, 'one picture');
    if (copy.input.batch !== undefined) return;
    const both = Float32Array.from(pictures.flatMap((picture) => [...picture]));
    close(logits(copy, both, 2), expected.flat(), { relative: 1e-5 }, 'two pictures');
  });
}

whole('a network that was trained on is written with its states', () => {
  const model = parseModel(readFileSync('assets/cifar10-twin-robust.onnx'), { name: 'twin' });
  const graph = new Graph();
  const trace = model.trace(graph.input('x', [1, 32, 32, 3]), { parameters: 'state' });
  const states = new Map<string, Float32Array>();
  for (const [name, { value }] of trace.parameters) states.set(name, weights(states.size, value.shape).data);
  const bytes = exportComputation(computation({ [model.outputName]: trace.output }), {
    states,
    layers: trace.layers,
    parameters: trace.parameters,
  });
  const copy = parseModel(keep('trained', bytes), { name: 'copy' });
  assert.equal(describe(copy), describe(model));
  const again = copy.trace(new Graph().input('x', [1, 32, 32, 3]), { parameters: 'state' });
  assert.equal([...again.parameters.keys()], [...trace.parameters.keys()]);
  for (const [name, { value }] of again.parameters) {
    const { node } = value;
    assert.ok(node.kind === 'state' && node.initial.every((number, i) => number === states.get(name)?.[i]), name);
  }
});

whole('normalization while training: gains and shifts are states, statistics stay', () => {
  const model = parseModel(readFileSync('tests/fixtures/networks/residual-kept-opset12.onnx'), { name: 'kept' });
  const graph = new Graph();
  const trace = model.trace(graph.input('x', [2, 20, 24, 3]), { parameters: 'state' });
  const source = computation({ [model.outputName]: trace.output });
  const bytes = compare(source, { layers: trace.layers, parameters: trace.parameters }, 'normalization');
  const copy = parseModel(bytes, { name: 'copy' });
  assert.equal(
    copy.layers.map(({ name }) => name),
    model.layers.map(({ name }) => name),
  );
  assert.equal(
    copy.layers.flatMap((layer) => layer.weights),
    model.layers.flatMap((layer) => layer.weights),
  );
});

whole('other weights, fewer layers, one size', () => {
  const model = parseModel(readFileSync('assets/drawings.onnx'), { name: 'drawings' });
  const name = model.layer('conv2').weights[0] ?? model.layer('conv2_pre').weights[0];
  const old = model.weight(name);
  const edited = new Map([[name, { shape: old.shape, data: old.data.map((value) => -value) }]]);
  const bytes = keep('edited', exportModel(model, { weights: edited, until: 'conv3', size: [32, 48] }));
  const copy = parseModel(bytes, { name: 'edited' });
  assert.equal(copy.weight(name).data, edited.get(name)?.data);
  assert.equal(model.weight(name).data, old.data);
  assert.is(copy.outputName, 'conv3');
  assert.equal([copy.input.height, copy.input.width], [32, 48]);
  assert.equal(copy.labels, []);
  assert.not.ok(copy.layers.some((layer) => layer.name === 'conv4'));
  const { data } = weights(3, [1, 32, 48, 3]);
  const conv3 = (of: Model) =>
    interpret(computation({ y: of.trace(new Graph().input('x', [1, 32, 48, 3])).layer('conv3') }), { x: data }).outputs
      .y;
  assert.equal(conv3(copy).data, conv3(model.withWeights(edited)).data);
  assert.not.equal(conv3(copy).data, conv3(model).data);
  const unknown = () => exportModel(model, { weights: new Map([['conv9.weight', old]]) });
  assert.match(refusal(unknown), /has no weight "conv9.weight" to replace. The nearest names are/);
  const wrong = () => exportModel(model, { weights: new Map([[name, { shape: [1], data: Float32Array.of(1) }]]) });
  assert.match(refusal(wrong), /replaced by 1 numbers for \[1\]/);
});

whole('a size that a file leaves open is fixed where padding follows from it', () => {
  const file = (strides: readonly number[]) =>
    encodeModel({
      nodes: [
        {
          op: 'Conv',
          inputs: ['x', 'w'],
          outputs: ['y'],
          attributes: { auto_pad: 'SAME_UPPER', strides: [...strides], kernel_shape: [3, 3] },
        },
      ],
      initializers: [floatTensor('w', [2, 3, 3, 3], [...weights(1, [54]).data])],
      inputs: { x: ['N', 3, 'H', 'W'] },
      outputs: ['y'],
    });
  const sizeOfCopy = (strides: readonly number[]) => {
    const bytes = keep(`same ${strides}`, exportModel(parseModel(file(strides), { name: 'same' })));
    const { height, width } = parseModel(bytes, { name: 'copy' }).input;
    return [height, width];
  };
  assert.equal(sizeOfCopy([1, 1]), [undefined, undefined]);
  assert.equal(sizeOfCopy([2, 2]), [224, 224]);
});

checkKept(20);
