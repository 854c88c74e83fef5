// Files that ask for too much, or that no order computes: what the fuzz test found and what it cannot find by chance.

import * as assert from 'uvu/assert';
import { computation, Graph } from '../../src/engine/graph.ts';
import { makePlan } from '../../src/engine/plan.ts';
import { ModelError, parseModel } from '../../src/models/index.ts';
import { close } from '../support/close.ts';
import { floatTensor, intTensor, type TestModel, type TestNode, type TestTensor } from '../support/onnx.ts';
import { input, modelOf, node, run } from '../support/onnx-run.ts';
import { suite } from '../support/suite.ts';

/** What is said of a file; '' where it opens. */
function refusal(bytes: Uint8Array): string {
  try {
    parseModel(bytes, { name: 'odd' });
    return '';
  } catch (error) {
    assert.instance(error, ModelError);
    return (error as ModelError).message;
  }
}

const link = (op: string, from: string, to: string): TestNode => ({
  op,
  name: `${op} ${to}`,
  inputs: [from],
  outputs: [to],
});

const order = suite('order of nodes');

order('any order that can be computed is', () => {
  const nodes = [link('Relu', 'x', 'a'), link('Neg', 'a', 'b'), link('Abs', 'b', 'c'), link('Neg', 'c', 'y')];
  const expected = input.map((v) => -Math.max(v, 0));
  for (const shuffled of [nodes, [...nodes].reverse(), [2, 0, 3, 1].map((i) => nodes[i])]) {
    const { data, model } = run(modelOf(shuffled));
    close(data, expected, { relative: 1e-6 }, 'y');
    assert.equal(
      model.layers.map(({ name }) => name),
      ['a', 'b', 'c', 'y'],
    );
  }
});

const circles: [name: string, nodes: TestNode[], says: RegExp][] = [
  [
    'two that read each other',
    [
      { op: 'Add', name: 'first', inputs: ['x', 'b'], outputs: ['a'] },
      { op: 'Relu', name: 'second', inputs: ['a'], outputs: ['b'] },
      link('Relu', 'b', 'y'),
    ],
    /nodes "(first", "second|second", "first)" read one another in a circle/,
  ],
  [
    'one that reads itself',
    [{ op: 'Add', name: 'own', inputs: ['x', 'y'], outputs: ['y'] }],
    /node "own" reads what it makes itself/,
  ],
  [
    'a long one',
    [
      { op: 'Add', name: 'join', inputs: ['x', 'v9'], outputs: ['v0'] },
      ...Array.from({ length: 9 }, (_, i) => link('Relu', `v${i}`, `v${i + 1}`)),
      link('Relu', 'v9', 'y'),
    ],
    / and 6 more read one another in a circle/,
  ],
  [
    'a value made twice',
    [link('Relu', 'x', 'y'), link('Neg', 'x', 'y')],
    /value "y" is made by "Relu y" and made again by "Neg y"/,
  ],
  [
    'a node that makes the input',
    [link('Relu', 'x', 'x'), link('Neg', 'x', 'y')],
    /value "x" is an input or a weight and made again by "Relu x"/,
  ],
];
for (const [name, nodes, says] of circles) order(name, () => assert.match(refusal(modelOf(nodes)), says));

const amounts = suite('too much');

const ints = (name: string, ...values: number[]): TestTensor => intTensor(name, values);
const constants = (nodes: TestNode[], tensors: TestTensor[]): Uint8Array =>
  modelOf([...nodes, { op: 'Add', name: 'end', inputs: ['x', 'c'], outputs: ['y'] }], tensors);
const one = floatTensor('one', [1], [1]);
const each = floatTensor('each', [3, 1, 1], [1, 2, 3]);

const asked: [name: string, bytes: () => Uint8Array, says: RegExp][] = [
  [
    'Expand',
    () => constants([node2('Expand', ['one', 'to'])], [one, ints('to', 2 ** 14, 2 ** 15)]),
    /to 536870912 numbers, more than the \d+ that are spent/,
  ],
  [
    'ConstantOfShape',
    () => constants([node2('ConstantOfShape', ['to'])], [ints('to', 2 ** 29)]),
    /to 536870912 numbers/,
  ],
  [
    'ConstantOfShape beyond all',
    () => constants([node2('ConstantOfShape', ['to'])], [ints('to', 2 ** 31, 2 ** 31)]),
    /more than the 1073741824 numbers that one value may have/,
  ],
  [
    'ConstantOfShape of less than nothing',
    () => constants([node2('ConstantOfShape', ['to'])], [ints('to', -5)]),
    /impossible shape \[-5\]/,
  ],
  [
    'Tile',
    () => constants([node2('Tile', ['one', 'to'])], [one, ints('to', 2 ** 29)]),
    / numbers, more than the \d+ that are spent/,
  ],
  [
    'Range',
    () =>
      constants(
        [node2('Range', ['zero', 'end', 'step'])],
        [scalar('zero', 0), scalar('end', 2 ** 40), scalar('step', 1)],
      ),
    /more than|numbers/,
  ],
  [
    'Pad',
    () => modelOf([node('Pad', ['x', 'by'])], [ints('by', 0, 0, 2 ** 40, 0, 0, 0, 0, 0)]),
    /has the pads|impossible|more than/,
  ],
  [
    'Pad by edges',
    () => modelOf([node('Pad', ['x', 'by'], { mode: 'edge' })], [ints('by', 0, 0, 2 ** 30, 0, 0, 0, 0, 0)]),
    /has the pads/,
  ],
  [
    'Resize',
    () => modelOf([node('Resize', ['x', '', 'by'])], [floatTensor('by', [4], [1, 1, 2 ** 24, 1])]),
    /sizes must be whole numbers from 1 to/,
  ],
  [
    'Resize to nothing',
    () => modelOf([node('Resize', ['x', '', 'by'])], [floatTensor('by', [4], [1, 1, Number.NaN, 1])]),
    /NaN/,
  ],
  [
    'padding of a convolution',
    () =>
      modelOf([node('Conv', ['x', 'w'], { pads: [2 ** 30, 0, 0, 0] })], [floatTensor('w', [1, 3, 1, 1], [1, 1, 1])]),
    /more than the 1073741824 numbers/,
  ],
  ['many doublings', () => modelOf(doublings(40), [], { outputs: ['d39'] }), /more than the 1073741824 numbers/],
  [
    'many doublings of a constant',
    () => constants([...doublings(40, 'one'), link('Identity', 'd39', 'c')], [one]),
    /more than the \d+ that are spent|more than the 1073741824/,
  ],
  [
    'a picture',
    () => modelOf([node('Relu', ['x'])], [], { inputs: { x: [1, 3, 2 ** 20, 2 ** 20] } }),
    /input "x" has the shape \[1,3,1048576,1048576\], more than/,
  ],
  [
    'axes',
    () => modelOf([node('Reshape', ['x', 'to'])], [ints('to', ...new Array<number>(40).fill(1), -1)]),
    /has 41 axes, more than the 12/,
  ],
  [
    'nodes',
    () => modelOf(Array.from({ length: 50_001 }, (_, i) => link('Relu', 'x', `v${i}`))),
    /more than 50000 nodes/,
  ],
  ['a name', () => modelOf([link('x'.repeat(5000), 'x', 'y')]), /a name of 500[02] bytes/],
  [
    'an operator set',
    () => modelOf([node('Relu', ['x'])], [], { opset: 2 ** 40 }),
    /version 1099511627776 of ONNX's operators \(opset\), which does not exist/,
  ],
  [
    'an infinite weight',
    () => modelOf([node('Conv', ['x', 'w'])], [floatTensor('w', [1, 3, 1, 1], [1, Number.POSITIVE_INFINITY, 1])]),
    /weights "w" hold Infinity \(element 1 of 3\)/,
  ],
  ['weights of one name', () => modelOf([node('Add', ['x', 'one'])], [one, one]), /two weights of the name "one"/],
  [
    'a numberless tensor of 2 GB',
    () => modelOf([node('Add', ['x', 'w'])], [{ name: 'w', shape: [2 ** 29] }]),
    /holds 0 numbers, its shape \[536870912\]/,
  ],
  [
    'sizes below nothing',
    () => modelOf([node('Add', ['x', 'w'])], [{ name: 'w', shape: [-1, -1], floats: [1] }]),
    /impossible shape \[-1,-1\]/,
  ],
];

const node2 = (op: string, inputs: string[]): TestNode => ({ op, name: op, inputs, outputs: ['c'] });
const scalar = (name: string, value: number): TestTensor => ({ name, shape: [], type: 7, int64s: [value] });
function doublings(count: number, from = 'x'): TestNode[] {
  return Array.from({ length: count }, (_, i) => {
    const last = i === 0 ? from : `d${i - 1}`;
    return {
      op: 'Concat',
      name: `c${i}`,
      inputs: [last, last],
      outputs: [`d${i}`],
      attributes: { axis: from === 'x' ? 2 : 0 },
    };
  });
}
for (const [name, bytes, says] of asked) amounts(name, () => assert.match(refusal(bytes()), says));

amounts('is not said of networks that are deep', () => {
  const deep = (length: number, from: string, op: string): TestNode[] =>
    Array.from({ length }, (_, i) => link(op, i === 0 ? from : `${from}${i - 1}`, `${from}${i}`));
  const activations = parseModel(modelOf(deep(20_000, 'x', 'Relu'), [], { outputs: ['x19999'] }));
  const graph = new Graph();
  const { output } = activations.trace(graph.input('x', [1, 4, 4, 3]));
  assert.ok(makePlan(computation({ output })).steps.length > 0);
  const chain = [...deep(20_000, 'each', 'Neg'), { op: 'Mul', inputs: ['x', 'each19999'], outputs: ['y'] }];
  const { data } = run(modelOf(chain, [each]));
  assert.is(data.length, input.length);
});

amounts('names that are endless or unprintable are shown short, on one line', () => {
  const hostile = `a\n\u001b[31m\u202e${'b'.repeat(3000)}`;
  const said = refusal(modelOf([{ op: 'GridSample', name: hostile, inputs: ['x'], outputs: ['y'] }]));
  assert.ok(said.length < 400 && said.endsWith('.'), said);
  assert.not.match(said, /[\p{Cc}\p{Cf}]/u);
});

amounts('words about the input may hold long rows of blanks', () => {
  for (const blanks of [1, 1900, 100_000]) {
    const words = `x in 0..1, mean [ 0.5 , 0.25 , 0.5 ] std [${' '.repeat(blanks)}`;
    const model = parseModel(modelOf([node('Relu', ['x'])], [], { metadata: { input: words } }));
    assert.equal([model.preprocess.mean, model.preprocess.std], [[0.5, 0.25, 0.5], [1]]);
  }
});

amounts('of problems, some are named and the others counted', () => {
  const nodes = Array.from({ length: 1000 }, (_, i) => link('GridSample', 'x', `v${i}`));
  const said = refusal(
    modelOf([...nodes, { op: 'Sum', inputs: nodes.map(({ outputs }) => outputs[0]), outputs: ['y'] }]),
  );
  assert.match(said, /GridSample at "GridSample v0", "GridSample v1", "GridSample v2" and 997 more is not supported/);
});

const inputs = suite('inputs');

const open = (shape: (number | string)[], op: string, more: Partial<TestModel> = {}, tensors: TestTensor[] = []) =>
  parseModel(modelOf([node(op, ['x', ...tensors.map(({ name }) => name)])], tensors, { inputs: { x: shape }, ...more }))
    .input;

inputs('are channels-last only where the sizes say so and nothing contradicts', () => {
  const cases: [shape: (number | string)[], op: string, channelsLast: boolean, channels: number][] = [
    [['N', 3, 'H', 'W'], 'Relu', false, 3],
    [['N', 224, 224, 3], 'Relu', true, 3],
    [['N', 'H', 'W', 3], 'Relu', true, 3],
    [['N', 7, 'H', 'W'], 'Relu', false, 7],
    [[1, 5, 32, 32], 'Relu', false, 5],
    [[1, 5, 4, 4], 'Relu', false, 5],
    [[1, 12, 9, 4], 'GlobalMaxPool', false, 12],
    [[4, 1, 28, 28], 'Relu', false, 1],
  ];
  for (const [shape, op, channelsLast, channels] of cases) {
    const found = open(shape, op);
    assert.equal([found.channelsLast, found.channels], [channelsLast, channels], `[${shape}] ${op}`);
  }
});

const formats = suite('other formats');

const latin = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const others: [name: string, bytes: Uint8Array, says: RegExp][] = [
  ['nothing', latin(''), /is empty/],
  [
    'Git LFS',
    latin('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n'),
    /Git LFS pointer.*git lfs pull/,
  ],
  ['HTML', latin('\n<!DOCTYPE html>\n<html>'), /web page/],
  ['PyTorch', latin('PK\x03\x04......archive/data.pkl'), /PyTorch checkpoint.*torch\.onnx\.export/],
  ['older PyTorch', latin('\x80\x02\x8a\x0a'), /Python pickle/],
  ['zip', latin('PK\x03\x04......net.onnx'), /zip archive/],
  ['Keras', latin('\x89HDF\r\n\x1a\n'), /HDF5.*tf2onnx/],
  ['TensorFlow Lite', latin('\x1c\0\0\0TFL3'), /TensorFlow Lite/],
  ['SavedModel', latin('\x08\x01\x12\x80\x10\n\x05\x12\x05serve'), /TensorFlow graph/],
  ['GraphDef', latin('\n\x1f\n\x0bPlaceholder\x12\x0bPlaceholder'), /TensorFlow graph/],
  ['safetensors', latin('@\0\0\0\0\0\0\0{"w":{"dtype":"F32","shape":[1]}}'), /safetensors/],
  ['gzip', latin('\x1f\x8b\x08\0'), /gzip/],
  ['NumPy', latin('\x93NUMPY\x01\0'), /NumPy array.*--input/],
  ['PNG', latin('\x89PNG\r\n\x1a\n'), /is a picture/],
  ['JSON', latin('{"model": 1}'), /is JSON/],
  ['words', latin('These are words.\n'), /is a text/],
];
for (const [name, bytes, says] of others) formats(name, () => assert.match(refusal(bytes), says));
