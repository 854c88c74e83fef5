// Transposed convolution of ONNX files: against numbers recorded from PyTorch, and ways of cutting that PyTorch lacks.

import * as assert from 'uvu/assert';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import type { Shape } from '../../src/kernels/types.ts';
import { fromFileLayout, parseModel, toFileLayout } from '../../src/models/index.ts';
import { encodeModel, floatTensor, intTensor, type TestNode } from '../support/onnx.ts';
import { suite } from '../support/suite.ts';

const transposed = suite('transposed convolution');

interface Row {
  readonly name: string;
  /** Shapes of picture and filters in the file. */
  readonly x: Shape;
  readonly w: Shape;
  readonly bias?: boolean;
  readonly attributes: NonNullable<TestNode['attributes']>;
  readonly opset?: number;
  readonly shape: Shape;
  readonly y: readonly number[];
}

/** Whole numbers, so that sums of products are exact. */
const numbers = (shape: Shape, factor: number, modulus: number): number[] =>
  Array.from({ length: sizeOf(shape) }, (_, i) => ((i * factor) % modulus) - (modulus - 1) / 2);

function run({ x, w, bias, attributes, opset }: Omit<Row, 'name' | 'shape' | 'y'>) {
  const filters = w[1] * ((attributes.group as number | undefined) ?? 1);
  const weights = [floatTensor('w', w, numbers(w, 5, 7))];
  if (bias)
    weights.push(
      floatTensor(
        'b',
        [filters],
        Array.from({ length: filters }, (_, i) => i + 1),
      ),
    );
  // Pictures of a network have 1 or 3 channels: x goes in as one high one.
  const tall = [x[0], 1, x[1] * x[2], x[3]];
  const inputs = ['maps', ...weights.map(({ name }) => name)];
  const file = encodeModel({
    nodes: [
      { op: 'Reshape', inputs: ['x', 'shape'], outputs: ['maps'] },
      { op: 'ConvTranspose', name: 'up', inputs, outputs: ['y'], attributes },
    ],
    initializers: [...weights, intTensor('shape', [-1, ...x.slice(1)])],
    inputs: { x: ['N', ...tall.slice(1)] },
    outputs: ['y'],
    opset,
  });
  const graph = new Graph();
  const fed = fromFileLayout(numbers(x, 7, 11), 'nhwc', tall);
  const trace = parseModel(file, { name: 'test' }).trace(graph.input('x', fed.shape));
  const { y } = interpret(computation({ y: trace.layer('y') }), { x: fed.data }).outputs;
  const { shape, data } = toFileLayout(y.data, trace.layoutOf('y'), y.shape);
  return { shape, data: Array.from(data, (v) => v + 0) }; // no -0
}

// torch.nn.functional.conv_transpose2d, PyTorch 1.13.
const recorded: Row[] = [
  {
    name: 'stride 2',
    x: [1, 2, 2, 3],
    w: [2, 2, 3, 2],
    bias: true,
    attributes: { strides: [2, 2] },
    shape: [1, 2, 5, 6],
    y: [
      20, -13, -5, 5, 3, 1, -11, 19, 1, -3, 13, -3, -26, -5, 3, 6, -1, 6, -8, -3, 4, -3, 16, -3, 16, 0, 4, 4, -8, 8, 19,
      21, 0, -4, -8, 4, -12, -10, 6, 2, 2, 14, 24, -25, -6, 4, -14, 0, 9, -7, 5, 5, 1, 17, -2, 17, -2, 5, -2, -7,
    ],
  },
  {
    name: 'stride 2 with output padding',
    x: [1, 2, 2, 2],
    w: [2, 1, 3, 3],
    attributes: { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
    shape: [1, 1, 4, 4],
    y: [-16, -15, 9, 11, 3, -23, 4, 10, -10, -24, 15, 5, 6, -17, -15, 10],
  },
  {
    name: 'two groups',
    x: [2, 4, 2, 1],
    w: [4, 2, 2, 2],
    bias: true,
    attributes: { group: 2 },
    shape: [2, 4, 3, 2],
    y: [
      12, -9, 9, 9, -9, 12, -15, -1, 24, 10, -15, 6, -5, 13, 10, 6, -6, 0, -9, 9, 9, 5, -2, 4, 11, -7, -16, 12, 11, -20,
      -11, -1, 13, 20, 14, -17, -7, 14, 12, 7, -2, 0, -13, 8, 7, 2, 0, 2,
    ],
  },
  {
    name: 'a dilation, unlike strides and pads',
    x: [1, 1, 3, 2],
    w: [1, 2, 2, 3],
    attributes: { strides: [1, 3], pads: [1, 2, 1, 2], dilations: [2, 2], output_padding: [1, 1] },
    shape: [1, 2, 4, 5],
    y: [
      -4, -15, 0, 10, 0, -13, 5, -5, 0, 0, -6, -10, -2, 15, 0, 3, 6, 1, -9, 0, 6, -5, -4, -15, 0, 7, 3, -13, 5, 0, 4, 0,
      -6, -10, 0, -2, 0, 3, 6, 0,
    ],
  },
  {
    name: 'depthwise, as an enlargement',
    x: [1, 2, 2, 2],
    w: [2, 1, 4, 4],
    attributes: { strides: [2, 2], pads: [1, 1, 1, 1], group: 2 },
    shape: [1, 2, 4, 4],
    y: [
      -5, 11, 17, -2, -4, -1, -1, -4, 3, 34, -1, -11, 0, 14, -6, -10, -3, 5, 9, -6, -5, 19, -6, -3, -10, 17, -8, 0, 12,
      4, -4, 0,
    ],
  },
];

for (const { name, shape, y, ...row } of recorded) {
  transposed(name, () => assert.equal(run(row), { shape, data: y }));
}

// What a picture of 3x2 and a filter of 3x2 make at stride 2, nothing cut off.
const small = { x: [1, 1, 3, 2], w: [1, 1, 3, 2] };
const whole = [
  [15, -10, -6, 4],
  [0, 10, 0, -4],
  [-9, -9, -9, 12],
  [0, 4, 0, -10],
  [-9, 0, 24, -1],
  [0, -2, 0, 6],
  [3, 1, -9, -3],
];

interface Cut {
  readonly name: string;
  readonly attributes: Row['attributes'];
  readonly opset?: number;
  /** Rows and columns cut off before the first that is left, and what is left; beyond the whole there are zeros. */
  readonly from: readonly [number, number];
  readonly size: readonly [number, number];
}

const cuts: Cut[] = [
  { name: 'nothing', attributes: {}, from: [0, 0], size: [7, 4] },
  { name: 'by VALID', attributes: { auto_pad: 'VALID', pads: [1, 1, 1, 1] }, from: [0, 0], size: [7, 4] },
  { name: 'by pads that differ on all sides', attributes: { pads: [2, 0, 1, 1] }, from: [2, 0], size: [4, 3] },
  { name: 'by pads on the first sides', attributes: { pads: [3, 1, 0, 0] }, from: [3, 1], size: [4, 3] },
  { name: 'output padding', attributes: { output_padding: [1, 0] }, from: [0, 0], size: [8, 4] },
  { name: 'output padding beyond the stride', attributes: { output_padding: [3, 2] }, from: [0, 0], size: [10, 6] },
  {
    name: 'pads and output padding',
    attributes: { pads: [1, 1, 1, 1], output_padding: [1, 1] },
    from: [1, 1],
    size: [6, 3],
  },
  { name: 'by SAME_UPPER', attributes: { auto_pad: 'SAME_UPPER' }, from: [0, 0], size: [6, 4] },
  { name: 'by SAME_LOWER', attributes: { auto_pad: 'SAME_LOWER' }, from: [1, 0], size: [6, 4] },
  { name: 'to an output shape', attributes: { output_shape: [4, 3] }, from: [2, 1], size: [4, 3] },
  {
    name: 'to an output shape of opset 10',
    attributes: { output_shape: [4, 3] },
    opset: 10,
    from: [1, 0],
    size: [4, 3],
  },
  {
    name: 'to an output shape by SAME_UPPER, batch and channels written out',
    attributes: { output_shape: [1, 1, 4, 2], auto_pad: 'SAME_UPPER' },
    from: [1, 1],
    size: [4, 2],
  },
  { name: 'to an output shape beyond the whole', attributes: { output_shape: [8, 6] }, from: [0, 0], size: [8, 6] },
];

for (const { name, attributes, opset, from, size } of cuts) {
  transposed(`cut: ${name}`, () => {
    const result = run({ ...small, attributes: { strides: [2, 2], ...attributes }, opset });
    const rows = Array.from({ length: size[0] }, (_, h) =>
      Array.from({ length: size[1] }, (_, w) => whole[from[0] + h]?.[from[1] + w] ?? 0),
    );
    assert.equal(result, { shape: [1, 1, ...size], data: rows.flat() });
  });
}

transposed('more cut off than there is, is refused', () => {
  const attributes = { pads: [4, 0, 4, 0] };
  assert.throws(
    () => run({ ...small, attributes }),
    /ConvTranspose at "up" cuts off more than it makes: -3x3 would be left/,
  );
});
