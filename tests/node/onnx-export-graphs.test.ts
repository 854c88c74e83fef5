// Graphs as ONNX files: how axes lie, which layers are recognized, names, sizes that stay open, states.

import * as assert from 'uvu/assert';
import { computation, Graph, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import * as ops from '../../src/engine/ops/index.ts';
import { exportComputation, parseModel } from '../../src/models/index.ts';
import { decodeModel } from '../../src/models/onnx/proto.ts';
import { close } from '../support/close.ts';
import { checkKept, compare, count, keep, nodesOf, refusal, weights } from '../support/onnx-export.ts';
import { suite } from '../support/suite.ts';

const graphs = suite('exported graphs');

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

graphs('normalizations by own statistics, and activations', () => {
  const graph = new Graph();
  const x = graph.input('x', [2, 4, 6, 3]);
  const standardized = (v: Value, axes: readonly number[]): Value => {
    const centred = ops.sub(v, ops.mean(v, axes, { keepDims: true }));
    const variance = ops.mean(ops.square(centred), axes, { keepDims: true });
    return ops.div(centred, ops.sqrt(ops.add(variance, 1e-3)));
  };
  const affine = (v: Value, seed: number): Value =>
    ops.add(ops.mul(v, graph.constant(weights(seed, [3]))), graph.constant(weights(seed + 1, [3])));
  const instance = affine(standardized(x, [1, 2]), 1);
  const clipped = ops.min(ops.max(instance, -0.75), 1.25);
  const elu = ops.where(
    ops.greater(clipped, 0),
    clipped,
    ops.mul(ops.sub(ops.exp(ops.where(ops.greater(clipped, 0), 0, clipped)), 1), 1.5),
  );
  const rows = ops.reshape(ops.clip(ops.add(ops.mul(elu, 0.3), 0.4), 0, 1), [2, 24, 3]);
  const layer = affine(standardized(rows, [2]), 3);
  const chosen = ops.where(ops.greaterEqual(layer, rows), layer, 0.5);
  const bytes = compare(computation({ y: chosen }), {}, 'own statistics');
  // The graph's own order of pixels before channels is what the rows of a LayerNormalization need.
  const found = 'InstanceNormalization Clip Elu HardSigmoid Reshape Transpose LayerNormalization GreaterOrEqual Where';
  assert.equal(nodesOf(bytes).join(' '), found);
  const wrong = affine(ops.mul(standardized(x, [1, 2]), 2), 5);
  compare(computation({ wrong }), {}, 'nearly a normalization');
});

graphs('what looks like a layer and is none stays what it is', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 4, 4, 3]);
  const half = ops.mul(ops.sum(x, [1, 2]), 1 / 15);
  const upside = ops.min(ops.max(x, 2), 1);
  const other = ops.where(ops.greater(x, 0), ops.neg(x), ops.mul(x, 0.1));
  const seen = ops.max(x, 0.25);
  const both = ops.add(ops.min(seen, 0.5), seen);
  const y = ops.add(ops.add(ops.add(upside, other), both), ops.reshape(half, [1, 1, 1, 3]));
  const found = nodesOf(compare(computation({ y }), {}, 'none'));
  for (const op of ['ReduceMean', 'Clip', 'LeakyRelu', 'GlobalAveragePool']) assert.not.ok(found.includes(op), op);
});

checkKept(14);
