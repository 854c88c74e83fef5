// Writing networks as ONNX files: every op alone, whole networks there and back, what no file can hold.

import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type Computation, computation, Graph, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import * as ops from '../../src/engine/ops/index.ts';
import { optimize } from '../../src/engine/optimize.ts';
import { type OpName, ops as allOps } from '../../src/kernels/index.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { exportComputation, exportModel, type Model, ModelError, parseModel } from '../../src/models/index.ts';
import { exporterOf, isExportable } from '../../src/models/onnx/exportOps.ts';
import { decodeModel } from '../../src/models/onnx/proto.ts';
import { type Case, cases } from '../cases/index.ts';
import { onnxProblems } from '../support/check-onnx.ts';
import { close } from '../support/close.ts';
import { drawInputs, randomNumbers } from '../support/draw.ts';
import { networks } from '../support/networks.ts';
import { sharedBytes } from '../support/shared.ts';
import { suite } from '../support/suite.ts';

/** Files that were written, for the last test. */
const written = new Map<string, Uint8Array>();

const keep = (name: string, bytes: Uint8Array): Uint8Array => {
  written.set(name, bytes);
  return bytes;
};

const nodesOf = (bytes: Uint8Array) => decodeModel(bytes, 'copy').graph.nodes.map(({ op }) => op);
const count = (bytes: Uint8Array, op: string): number => nodesOf(bytes).filter((each) => each === op).length;

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

// --- ops -------------------------------------------------------------------------------------------------------------

const each = suite('exported ops');
const hasRow = (op: OpName): boolean => isExportable(exporterOf(op));

/**
 * A row of the op table as a network of one picture: its inputs are parts of the picture's one row of pixels, its result
 * comes out as it is and as one row of numbers, whose order does not depend on how the file lays out axes.
 */
function asNetwork(row: Case): { source: Computation; data: Float32Array } {
  const contents = drawInputs(row);
  const open = contents.filter((_, k) => !row.data?.[k]);
  const data = Float32Array.from(open.flatMap((part) => [...part]));
  const graph = new Graph();
  const x = graph.input('x', [1, 1, Math.max(1, data.length), 1]);
  let taken = 0;
  const inputs = row.inputs.map((shape, k): Value => {
    if (row.data?.[k]) return graph.constant({ shape, data: contents[k] });
    const from = taken;
    taken += sizeOf(shape);
    return ops.reshape(ops.slice(x, { starts: [from], ends: [taken], axes: [2] }), shape);
  });
  const y = row.build(inputs);
  return {
    source: computation({ row: ops.reshape(y, [1, sizeOf(y.shape)]), y }),
    data: data.length ? data : new Float32Array(1),
  };
}

for (const row of cases.filter(({ op }) => hasRow(op))) {
  // Rows of constants alone are no networks.
  if (row.inputs.every((_, k) => row.data?.[k])) continue;
  each(`${row.op}: ${row.name}`, () => {
    const { source, data } = asNetwork(row);
    const bytes = keep(`${row.op}: ${row.name}`, exportComputation(source, { batch: 'fixed' }));
    const expected = interpret(source, { x: data }).outputs.row;
    const copy = parseModel(bytes, { name: row.op });
    const graph = new Graph();
    const output = copy.trace(graph.input('x', [1, 1, data.length, 1])).layer('row');
    const actual = interpret(computation({ output }), { x: data }).outputs.output;
    close(actual.data, expected.data, { relative: 1e-6 }, 'numbers');
  });
}

each('each op has rows, or says why it is in no file', () => {
  const tested = new Set(cases.filter((row) => !row.inputs.every((_, k) => row.data?.[k])).map(({ op }) => op));
  const missing = (Object.keys(allOps) as OpName[]).filter((op) => hasRow(op) && !tested.has(op));
  assert.equal(missing, []);
});

const refusals = suite('what no file can hold');

for (const op of (Object.keys(allOps) as OpName[]).filter((name) => !hasRow(name))) {
  const row = cases.find((each) => each.op === op);
  if (!row) continue; // ops that only passes make: below
  refusals(op, () => {
    const graph = new Graph();
    const inputs = row.inputs.map((shape, k) => graph.input(`x${k}`, shape));
    const y = row.build(inputs);
    // The op may be one of several that the row is made of: the sentence names it and what it is for.
    const sentence = refusal(() => exportComputation(computation({ 'the layer': y }), { name: 'net' }));
    assert.match(sentence, new RegExp(`^export of "net": ${op} "the layer" .*\\.$`));
  });
}

refusals('graphs that were optimized', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 4, 4, 3]);
  const w = graph.constant({ shape: [1, 1, 3, 3], data: new Float32Array(9).fill(1) });
  const fused = optimize(computation({ y: ops.tanh(ops.exp(x)) }));
  assert.match(
    refusal(() => exportComputation(fused)),
    /fused "y" is made by `optimize`; export the graph as it was/,
  );
  const withEpilogue = optimize(computation({ y: ops.relu(ops.conv2d(x, w)) }));
  assert.match(
    refusal(() => exportComputation(withEpilogue)),
    /conv2d "y" is fused by `optimize`/,
  );
});

refusals('files beyond what protobuf reads, before any number is made', () => {
  const graph = new Graph();
  const tensor = {
    shape: [2 ** 15, 2 ** 15],
    get data(): Float32Array {
      throw new Error('the numbers were asked for');
    },
  };
  const w = graph.add({ kind: 'constant', shape: tensor.shape, tensor });
  const y = ops.matmul(graph.input('x', [1, 2 ** 15]), w);
  assert.match(
    refusal(() => exportComputation(computation({ y }), { name: 'big' })),
    /"big": its weights take 4\.0 GiB/,
  );
});

refusals('sizes that the graph fixes', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 4, 4, 3]);
  const rows = ops.flatten(x, 1, 'rows');
  const y = ops.matmul(rows, graph.constant({ shape: [48, 2], data: new Float32Array(96) }), { label: 'scores' });
  const sentence = refusal(() => exportComputation(computation({ scores: y }), { size: 'open' }));
  assert.match(sentence, /cannot take pictures of any size, because matmul "scores" fixes them/);
  const halves = ops.concat([x, graph.constant({ shape: [1, 4, 4, 1], data: new Float32Array(16) })], 3, 'joined');
  const batch = refusal(() => exportComputation(computation({ joined: halves }), { batch: 'open' }));
  assert.match(batch, /cannot take any number of pictures, because concat "joined" fixes them/);
  assert.equal(
    decodeModel(exportComputation(computation({ joined: halves })), 'x').graph.inputs[0].shape,
    [1, 3, 4, 4],
  );
});

// --- layouts and names -----------------------------------------------------------------------------------------------

const graphs = suite('exported graphs');

const weights = (seed: number, shape: readonly number[]) => {
  const next = randomNumbers(seed);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => next() - 0.5) };
};

/** The same picture through a computation of one input and through its file. */
function compare(source: Computation, options: Parameters<typeof exportComputation>[1], name: string): Uint8Array {
  const bytes = keep(name, exportComputation(source, options));
  const input = source.graph.nodes.find((node) => node.kind === 'input');
  if (input?.kind !== 'input') throw new Error('no input');
  const { data } = weights(5, input.shape);
  const feeds = { [input.name]: data, ...Object.fromEntries(options?.states ?? []) };
  const [expected] = Object.values(interpret(source, feeds).outputs);
  const graph = new Graph();
  const { output } = parseModel(bytes, { name }).trace(graph.input('x', input.shape));
  const actual = interpret(computation({ output }), { x: data }).outputs.output;
  close(actual.data, expected.data, { relative: 1e-6 }, name);
  return bytes;
}

graphs('axes are named, not moved: parts of maps, means, joins, a softmax over channels', () => {
  const graph = new Graph();
  const x = graph.input('x', [2, 6, 4, 3]);
  const maps = ops.conv2d(x, graph.constant(weights(1, [3, 3, 3, 8])), { pads: [1, 1, 1, 1], label: 'maps' });
  const shares = ops.softmax(maps, 3);
  const inner = ops.slice(shares, { starts: [1, 3], ends: [5, 0], axes: [1, 2], steps: [2, -1] });
  const framed = ops.pad(inner, { pads: [0, 1, 0, 2, 0, 0, 1, 0], value: 0.5 });
  const joined = ops.concat([framed, ops.sum(framed, [1], { keepDims: true }), framed], 1);
  const picked = ops.take(joined, [2, 0, 0], 2);
  const y = ops.reduceMax(ops.mul(picked, ops.mean(picked, [3], { keepDims: true })), [1, 2], { label: 'y' });
  const bytes = compare(computation({ y }), {}, 'along axes');
  assert.is(count(bytes, 'Transpose'), 0);
});

graphs('axes that the graph turns and turns back', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 4, 6, 2]);
  const turned = ops.transpose(ops.transpose(ops.relu(x), [3, 0, 2, 1]), [1, 3, 2, 0]);
  const y = ops.conv2d(turned, graph.constant(weights(1, [1, 1, 2, 3])), { label: 'y' });
  assert.equal(nodesOf(compare(computation({ y }), {}, 'turned')), ['Relu', 'Conv']);
});

graphs('groups of channels are split off and shuffled where they lie', () => {
  const graph = new Graph();
  const x = graph.input('x', [2, 4, 6, 2]);
  const maps = ops.conv2d(x, graph.constant(weights(1, [1, 1, 2, 8])));
  const groups = ops.reshape(maps, [2, 24, 2, 4]);
  const centred = ops.reshape(ops.sub(groups, ops.mean(groups, [1, 3], { keepDims: true })), [2, 4, 6, 8]);
  const shuffled = ops.reshape(ops.transpose(ops.reshape(centred, [2, 4, 6, 2, 4]), [0, 1, 2, 4, 3]), [2, 4, 6, 8]);
  const y = ops.conv2d(shuffled, graph.constant(weights(2, [1, 1, 8, 3])), { label: 'y' });
  assert.is(count(compare(computation({ y }), {}, 'groups'), 'Transpose'), 1);
});

graphs('what is read in both orders is turned once', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 3, 5, 2]);
  const maps = ops.relu(x);
  const rows = ops.softmax(ops.reshape(maps, [3, 10]), 1);
  const columns = ops.softmax(ops.reshape(maps, [15, 2]), 0);
  const pixels = ops.conv2d(maps, graph.constant(weights(1, [1, 1, 2, 2])));
  const y = ops.add(ops.reshape(ops.mul(ops.reshape(rows, [15, 2]), columns), [1, 3, 5, 2]), pixels, 'y');
  const bytes = compare(computation({ y: ops.sum(y, [1, 2]) }), {}, 'both orders');
  // One to the graph's order, for rows and columns; one back, for the sum.
  assert.is(count(bytes, 'Transpose'), 2);
});

graphs('rows flattened from maps keep the order of the file, and go back', () => {
  const graph = new Graph();
  const x = graph.input('x', [2, 3, 4, 2]);
  const rows = ops.relu(ops.flatten(x));
  const hidden = ops.add(ops.matmul(rows, graph.constant(weights(1, [24, 24]))), graph.constant(weights(2, [24])));
  const again = ops.reshape(ops.mul(rows, graph.constant(weights(3, [24]))), [2, 3, 4, 2]);
  const y = ops.add(ops.reshape(hidden, [2, 3, 4, 2]), again);
  const scores = ops.add(
    ops.matmul(ops.flatten(again), graph.constant(weights(4, [24, 3]))),
    graph.constant(weights(5, [3])),
  );
  assert.is(count(compare(computation({ scores }), {}, 'rows'), 'Transpose'), 0);
  compare(computation({ y }), {}, 'rows and back');
});

graphs('layers of several ops are the operators that people know', () => {
  const graph = new Graph();
  const x = graph.input('x', [2, 6, 6, 3]);
  const bias = (seed: number, size: number) => graph.constant(weights(seed, [size]));
  const conv = ops.add(ops.conv2d(x, graph.constant(weights(1, [3, 3, 3, 4])), { strides: [2, 2] }), bias(2, 4));
  const norm = ops.add(ops.mul(conv, bias(3, 4)), bias(4, 4));
  const leaky = ops.leakyRelu(norm, 0.2);
  const slope = ops.where(ops.greater(leaky, 0), leaky, ops.mul(leaky, bias(5, 4)));
  const relu6 = ops.min(ops.relu(slope), 6);
  const gate = ops.clip(ops.add(ops.mul(relu6, 1 / 6), 0.5), 0, 1);
  const swish = ops.mul(relu6, gate);
  const grown = ops.add(
    ops.conv2dInput(ops.softplus(swish), graph.constant(weights(6, [3, 3, 5, 4])), {
      inputSize: [6, 6],
      strides: [2, 2],
    }),
    bias(7, 5),
  );
  const many = ops.concat(Array.from({ length: 8 }, (_, i) => ops.mul(grown, i + 1)));
  const pooled = ops.mean(many, [1, 2], { keepDims: true });
  const y = ops.add(ops.matmul(ops.reshape(pooled, [2, 40]), graph.constant(weights(8, [40, 3]))), bias(9, 3), 'y');
  const bytes = compare(computation({ y }), { size: 'open' }, 'layers');
  const found = nodesOf(bytes).filter((op) => op !== 'Mul');
  assert.equal(
    found.join(' '),
    'Conv BatchNormalization LeakyRelu PRelu Clip HardSwish Softplus ConvTranspose Concat GlobalAveragePool Flatten Gemm',
  );
  assert.equal(decodeModel(bytes, 'x').graph.inputs[0].shape, ['N', 3, 'H', 'W']);
});

graphs('sizes that stay open hold for others', () => {
  // Joined: all pixels of all pictures are rows of one matrix, which leaves the size of a picture in a reshape.
  const network = (shape: readonly number[], isJoined: boolean) => {
    const x = new Graph().input('x', shape);
    const maps = ops.conv2d(x, x.graph.constant(weights(1, [3, 3, 3, 6])), { pads: [1, 1, 1, 1], strides: [2, 2] });
    const grown = ops.conv2dInput(maps, x.graph.constant(weights(2, [2, 2, 4, 6])), {
      inputSize: [2 * maps.shape[1], 2 * maps.shape[2]],
      strides: [2, 2],
    });
    const mirrored = ops.flip(grown, [2]);
    const [N, H, W] = mirrored.shape;
    const groups = ops.reshape(mirrored, [N, H * W, 2, 2]);
    const centred = ops.reshape(ops.sub(groups, ops.mean(groups, [1, 3], { keepDims: true })), [N, H * W, 4]);
    const rows = ops.reshape(centred, isJoined ? [N * H * W, 4] : [N, H * W, 4]);
    const pixels = ops.reshape(ops.matmul(rows, x.graph.constant(weights(3, [4, 3]))), [N, H * W, 3]);
    return computation({ y: ops.reduceMax(ops.mul(pixels, 2), [1]) });
  };
  const check = (size: 'open' | 'fixed', shapes: readonly (readonly number[])[]) => {
    const isJoined = size === 'fixed';
    const source = network([1, 8, 10, 3], isJoined);
    const copy = parseModel(keep(`${size} sizes`, exportComputation(source, { size, batch: 'open' })));
    for (const shape of shapes) {
      const { data } = weights(4, shape);
      const { output } = copy.trace(new Graph().input('x', shape));
      const actual = interpret(computation({ output }), { x: data }).outputs.output.data;
      const { y } = interpret(network(shape, isJoined), { x: data }).outputs;
      close(actual, y.data, { relative: 1e-6 }, `[${shape}]`);
    }
  };
  check('open', [
    [1, 8, 10, 3],
    [3, 8, 10, 3],
    [2, 14, 6, 3],
  ]);
  check('fixed', [
    [1, 8, 10, 3],
    [3, 8, 10, 3],
  ]);
  const sentence = refusal(() => exportComputation(network([1, 8, 10, 3], true), { size: 'open' }));
  assert.match(sentence, /cannot take pictures of any size, because reshape "y" fixes them \(its shape/);
});

graphs('labels, outputs and weights keep their names, and no two values share one', () => {
  const graph = new Graph();
  const x = graph.input('picture', [1, 5, 5, 3]);
  const w = graph.state('conv.weight', weights(1, [3, 3, 3, 4]));
  const first = ops.conv2d(x, w, { label: 'conv' });
  const second = ops.relu(first, 'conv');
  const third = ops.relu(ops.add(second, graph.constant(weights(2, [4])), 'picture'), 'sum');
  const source = computation({ result: third, conv: first });
  const bytes = keep('names', exportComputation(source, { layers: new Map([['other', second]]) }));
  const { nodes, initializers, outputs } = decodeModel(bytes, 'x').graph;
  assert.equal(
    nodes.map(({ op, outputs: [name] }) => `${op} ${name}`),
    ['Conv conv', 'Relu conv_2', 'Identity other', 'Add picture_2', 'Relu sum', 'Identity result'],
  );
  assert.ok(initializers.has('conv.weight'));
  assert.equal(initializers.get('conv.weight')?.shape, [4, 3, 3, 3]);
  assert.equal(
    outputs.map(({ name }) => name),
    ['result', 'conv'],
  );
});

graphs('states are written with the numbers that are given; what follows from them alone is computed', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 4, 4, 2]);
  const w = graph.state('w', weights(1, [1, 1, 2, 3]));
  const gain = graph.state('gain', { shape: [3], data: new Float32Array(3) });
  const y = ops.conv2d(x, ops.mul(w, ops.exp(gain)), { label: 'y' });
  const states = new Map([['gain', Float32Array.of(0.5, -1, 2)]]);
  assert.equal(nodesOf(compare(computation({ y }), { states }, 'states')), ['Conv']);
  const wrong = () => exportComputation(computation({ y }), { states: new Map([['gain', [1]]]) });
  assert.match(refusal(wrong), /1 numbers are given for the state "gain", which is \[3\]/);
  const failed = new Map([['w', new Float32Array(6).fill(Number.NaN)]]);
  assert.match(
    refusal(() => exportComputation(computation({ y }), { states: failed })),
    /"a constant of y" holds NaN/,
  );
});

graphs('several inputs and outputs, of any count of axes', () => {
  const graph = new Graph();
  const a = graph.input('a', [2, 4, 4, 3]);
  const b = graph.input('b', [2, 3]);
  const sum = ops.add(a, ops.reshape(b, [2, 1, 1, 3]));
  const bytes = keep('inputs', exportComputation(computation({ sum, b2: ops.mul(b, 2) })));
  const { inputs, outputs } = decodeModel(bytes, 'x').graph;
  assert.equal(
    inputs.map(({ shape }) => shape),
    [
      ['N', 3, 4, 4],
      ['N', 3],
    ],
  );
  assert.equal(
    outputs.map(({ shape }) => shape),
    [
      ['N', 3, 4, 4],
      ['N', 3],
    ],
  );
  assert.is(count(bytes, 'Transpose'), 0);
});

graphs('a last window that would see padding alone is left out, whatever the formula of the reader', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 5, 5, 2]);
  const y = ops.maxPool(x, { kernel: [2, 2], strides: [3, 3], pads: [1, 1, 1, 1], ceilMode: true, label: 'y' });
  const z = ops.averagePool(x, { kernel: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1], ceilMode: true, label: 'z' });
  compare(computation({ y }), {}, 'hanging maximum');
  compare(computation({ z }), {}, 'hanging mean');
});

// --- whole networks --------------------------------------------------------------------------------------------------

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

whole('a size that a file leaves open stays fixed where its padding follows from it', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 8, 8, 3]);
  const y = ops.relu(x, 'y');
  const open = exportComputation(computation({ y }), { size: 'open' });
  assert.equal(parseModel(exportModel(parseModel(open)), {}).input.height, undefined);
});

// --- the checker -----------------------------------------------------------------------------------------------------

const checker = suite('the checker of ONNX');

checker('finds nothing wrong with any of these files', () => {
  assert.ok(written.size > 150, `${written.size} files`);
  const problems = onnxProblems(written);
  if (!problems) {
    console.log('No Python with the package onnx is here, so its checker saw none of the exported files.');
    return;
  }
  assert.equal([...problems], []);
});
