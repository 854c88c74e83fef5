// Resize and Upsample of ONNX files: against numbers recorded from PyTorch, and against the examples of ONNX's own
// specification and its formulas for what PyTorch lacks.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import * as ops from '../../src/engine/ops/index.ts';
import type { Shape } from '../../src/kernels/types.ts';
import { parseModel } from '../../src/models/index.ts';
import { close } from '../support/close.ts';
import { encodeModel, floatTensor, intTensor, type TestNode, type TestTensor } from '../support/onnx.ts';
import { C, H, modelOf, N, node, run, table, W, x } from '../support/onnx-run.ts';
import { suite } from '../support/suite.ts';

const resize = suite('resizing');

interface Row {
  readonly name: string;
  readonly attributes: TestNode['attributes'];
  readonly scales?: readonly number[];
  readonly sizes?: readonly number[];
  readonly shape: Shape;
  /** The last channel of the last picture. */
  readonly y: readonly number[];
}

/** Files that fix their batch to 1: more pictures may be traced all the same. */
const oneBatch = { inputs: { x: [1, C, H, W] } };
const scalesOf = (values: readonly number[]): TestTensor => floatTensor('scales', [values.length], values);

// torch.nn.functional.interpolate of the picture of onnx-run.ts, PyTorch 1.13.
const recorded: Row[] = [
  {
    name: 'linear, enlarged',
    attributes: { mode: 'linear' },
    sizes: [1, C, 7, 6],
    shape: [N, C, 7, 6],
    y: [
      1.333333, -0.05, -1.227778, -0.405556, 0.416667, 1.033333, -0.419048, -0.659524, -0.694444, 0.127778, 0.95,
      1.566667, -1.466667, -0.85, -0.027778, 0.794444, 1.045238, 1.090476, -0.8, -0.183333, 0.638889, 1.461111,
      0.283333, -1.1, -0.133333, 0.483333, 0.829365, -0.253175, -0.478571, -0.433333, 0.533333, 0.292857, -0.123016,
      -0.824603, -0.383333, 0.233333, 1.066667, -0.316667, -1.494444, -0.672222, 0.15, 0.766667,
    ],
  },
  {
    name: 'linear, reduced',
    attributes: { mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' },
    sizes: [1, C, 3, 2],
    shape: [N, C, 3, 2],
    y: [-0.405556, 0.727778, -0.183333, 0.283333, 0.038889, -0.161111],
  },
  {
    name: 'linear, corners on corners',
    attributes: { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
    sizes: [1, C, 7, 3],
    shape: [N, C, 7, 3],
    y: [
      1.333333, -0.816667, 1.033333, -0.711111, -0.194444, 1.655556, -1.422222, 0.427778, 0.944444, -0.8, 1.05, -1.1,
      -0.177778, 0.338889, -0.477778, 0.444444, -0.372222, 0.144444, 1.066667, -1.083333, 0.766667,
    ],
  },
  {
    name: 'linear by scales that leave a part of an element over',
    attributes: { mode: 'linear' },
    scales: [1, 1, 1.5, 0.75],
    shape: [N, C, 7, 3],
    y: [
      0.872222, -0.816667, 0.827778, -0.327778, -0.35, 1.294444, -1.372222, 0.272222, 1.361111, -0.75, 0.894444,
      -0.238889, -0.127778, 0.516667, -0.505556, 0.383333, -0.194444, -0.216667, 0.561111, -0.905556, 0.405556,
    ],
  },
  {
    name: 'nearest',
    attributes: { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
    sizes: [1, C, 8, 3],
    shape: [N, C, 8, 3],
    y: [
      1.333333, -1.433333, -0.2, 1.333333, -1.433333, -0.2, -1.733333, -0.5, 0.733333, -1.733333, -0.5, 0.733333, -0.8,
      0.433333, 1.666667, 0.133333, 1.366667, -1.4, 0.133333, 1.366667, -1.4, 1.066667, -1.7, -0.466667,
    ],
  },
  {
    name: 'nearest-exact',
    attributes: { nearest_mode: 'round_prefer_ceil' },
    sizes: [1, C, 8, 3],
    shape: [N, C, 8, 3],
    y: [
      1.333333, -0.2, 1.033333, 1.333333, -0.2, 1.033333, -1.733333, 0.733333, 1.966667, -0.8, 1.666667, -1.1, -0.8,
      1.666667, -1.1, 0.133333, -1.4, -0.166667, 1.066667, -0.466667, 0.766667, 1.066667, -0.466667, 0.766667,
    ],
  },
];

for (const { name, attributes, scales, sizes, shape, y } of recorded) {
  resize(name, () => {
    const initializers = scales ? [scalesOf(scales)] : [intTensor('sizes', sizes ?? [])];
    const inputs = scales ? ['x', '', 'scales'] : ['x', '', '', 'sizes'];
    const result = run(modelOf([node('Resize', inputs, attributes)], initializers, oneBatch));
    assert.equal(result.shape, shape);
    close(result.data.slice(-y.length), y, { relative: 0, absolute: 2e-6 }, name);
  });
}

/** A line 1, 2, .. of `from` pixels, resized to `to` pixels or by a scale. */
interface Line {
  readonly from: number;
  readonly to?: number;
  readonly scale?: number;
  readonly mode?: 'nearest' | 'linear';
  readonly at: string;
  readonly rounding?: string;
  readonly y: readonly number[];
}

// Numbers of the examples of the specification, and of its formulas by hand.
const lines: Line[] = [
  { from: 4, scale: 0.6, at: 'half_pixel', y: [1, 3] },
  { from: 4, to: 3, at: 'half_pixel', y: [1, 2, 4] },
  { from: 4, to: 8, at: 'half_pixel', rounding: 'ceil', y: [1, 2, 2, 3, 3, 4, 4, 4] },
  { from: 4, to: 8, at: 'half_pixel', rounding: 'floor', y: [1, 1, 1, 2, 2, 3, 3, 4] },
  { from: 4, to: 8, at: 'align_corners', rounding: 'floor', y: [1, 1, 1, 2, 2, 3, 3, 4] },
  { from: 4, to: 8, at: 'asymmetric', rounding: 'round_prefer_ceil', y: [1, 2, 2, 3, 3, 4, 4, 4] },
  { from: 4, to: 8, at: 'asymmetric', rounding: 'round_prefer_floor', y: [1, 1, 2, 2, 3, 3, 4, 4] },
  { from: 4, to: 2, at: 'half_pixel', rounding: 'round_prefer_floor', y: [1, 3] },
  { from: 4, to: 2, at: 'half_pixel', rounding: 'round_prefer_ceil', y: [2, 4] },
  { from: 4, to: 1, at: 'pytorch_half_pixel', y: [1] },
  { from: 4, to: 2, at: 'tf_half_pixel_for_nn', rounding: 'floor', y: [2, 4] },
  // A third is no float32: its reciprocal must still be 3.
  { from: 9, scale: 1 / 3, at: 'asymmetric', rounding: 'floor', y: [1, 4, 7] },
  { from: 10, scale: 0.7, at: 'asymmetric', rounding: 'floor', y: [1, 2, 3, 5, 6, 8, 9] },
  { mode: 'linear', from: 4, scale: 0.6, at: 'half_pixel', y: [4 / 3, 3] },
  { mode: 'linear', from: 4, scale: 0.6, at: 'half_pixel_symmetric', y: [5 / 3, 10 / 3] },
  { mode: 'linear', from: 2, scale: 2, at: 'half_pixel', y: [1, 1.25, 1.75, 2] },
  { mode: 'linear', from: 2, scale: 2, at: 'align_corners', y: [1, 4 / 3, 5 / 3, 2] },
  { mode: 'linear', from: 2, scale: 2, at: 'asymmetric', y: [1, 1.5, 2, 2] },
  { mode: 'linear', from: 2, scale: 2.94, at: 'half_pixel_symmetric', y: [1, 1.15986395, 1.5, 1.84013605, 2] },
  { mode: 'linear', from: 4, to: 1, at: 'pytorch_half_pixel', y: [1] },
  { mode: 'linear', from: 4, to: 1, at: 'align_corners', y: [1] },
];

for (const { from, to, scale, mode = 'nearest', at, rounding = 'round_prefer_floor', y } of lines) {
  const how = to === undefined ? `by ${Math.fround(scale ?? 1).toFixed(3)}` : `to ${to}`;
  const name = `${mode}${mode === 'nearest' ? ` ${rounding}` : ''}, ${at}: a line of ${from} ${how}`;
  resize(name, () => {
    const initializers = to === undefined ? [scalesOf([1, 1, 1, scale ?? 1])] : [intTensor('sizes', [1, 1, 1, to])];
    const inputs = to === undefined ? ['x', '', 'scales'] : ['x', '', '', 'sizes'];
    const nodes = [node('Resize', inputs, { mode, coordinate_transformation_mode: at, nearest_mode: rounding })];
    const graph = new Graph();
    const model = parseModel(encodeModel({ nodes, initializers, inputs: { x: [1, 1, 1, from] }, outputs: ['y'] }));
    const value = model.trace(graph.input('x', [1, 1, from, 1])).layer('y');
    const data = Float32Array.from({ length: from }, (_, i) => i + 1);
    const result = interpret(computation({ y: value }), { x: data }).outputs.y;
    assert.equal(result.shape, [1, 1, y.length, 1]);
    close(result.data, y, { relative: 1e-6 }, name);
  });
}

const twice = table([N, C, 2 * H, 3 * W], (n, c, h, w) => x(n, c, Math.floor(h / 2), Math.floor(w / 3)));
const upsampled: { name: string; opset: number; node: TestNode; initializers: TestTensor[] }[] = [
  {
    name: 'Upsample of opset 9',
    opset: 9,
    node: node('Upsample', ['x', 'scales'], { mode: 'nearest' }),
    initializers: [scalesOf([1, 1, 2, 3])],
  },
  {
    name: 'Resize of opset 10',
    opset: 10,
    node: node('Resize', ['x', 'scales']),
    initializers: [scalesOf([1, 1, 2, 3])],
  },
  {
    name: 'Resize of opset 11, with a crop that does not count and empty scales',
    opset: 11,
    node: node('Resize', ['x', 'roi', 'scales', 'sizes']),
    initializers: [floatTensor('roi', [0], []), scalesOf([]), intTensor('sizes', [1, C, 2 * H, 3 * W])],
  },
  {
    name: 'Resize of opset 18, axes named',
    opset: 18,
    node: node('Resize', ['x', '', 'scales'], { axes: [3, -2] }),
    initializers: [scalesOf([3, 2])],
  },
];

for (const { name, opset, node, initializers } of upsampled) {
  resize(name, () => {
    const result = run(modelOf([node], initializers, { ...oneBatch, opset }));
    assert.equal(result.shape, [N, C, 2 * H, 3 * W]);
    close(result.data, twice, { relative: 1e-6 }, name);
  });
}

resize('Upsample of opset 7 has its scales as an attribute', () => {
  const nodes = [node('Upsample', ['x'], { scales: { floats: [1, 1, 2, 3] } })];
  close(run(modelOf(nodes, [], { opset: 7 })).data, twice, { relative: 1e-6 }, 'opset 7');
});

resize('gradients of a blend are its shares', () => {
  const graph = new Graph();
  const nodes = [node('Resize', ['x', '', 'scales'], { mode: 'linear' })];
  const file = encodeModel({
    nodes,
    initializers: [scalesOf([1, 1, 1, 2])],
    inputs: { x: [1, 1, 1, 2] },
    outputs: ['y'],
  });
  const input = graph.input('x', [1, 1, 2, 1]);
  const y = parseModel(file).trace(input).layer('y');
  const weights = graph.constant({ shape: [4, 1], data: Float32Array.of(1, 10, 100, 1000) });
  const [dx] = gradient(ops.sum(ops.mul(y, weights)), [input]);
  const { data } = interpret(computation({ dx }), { x: Float32Array.of(3, 4) }).outputs.dx;
  close(data, [1 + 7.5 + 25, 2.5 + 75 + 1000], { relative: 1e-6 }, 'gradient');
});

const refused: { name: string; attributes: TestNode['attributes']; scales?: number[]; says: RegExp; opset?: number }[] =
  [
    { name: 'cubic', attributes: { mode: 'cubic' }, says: /mode "cubic"; understood are nearest and linear/ },
    { name: 'antialias', attributes: { mode: 'linear', antialias: 1 }, opset: 18, says: /antialias/ },
    {
      name: 'crops',
      attributes: { coordinate_transformation_mode: 'tf_crop_and_resize' },
      says: /coordinate_transformation_mode "tf_crop_and_resize"; understood are half_pixel/,
    },
    { name: 'channels', attributes: {}, scales: [1, 2, 1, 1], says: /only height and width may change/ },
    { name: 'nothing left', attributes: {}, scales: [1, 1, 0.01, 1], says: /sizes must be whole numbers from 1/ },
    { name: 'too few scales', attributes: {}, scales: [2, 2], says: /has 2 scales for 4 axes/ },
  ];

for (const { name, attributes, scales = [1, 1, 2, 2], says, opset } of refused) {
  resize(`refused: ${name}`, () => {
    const file = modelOf([node('Resize', ['x', '', 'scales'], attributes)], [scalesOf(scales)], { opset });
    assert.throws(() => run(file), says);
  });
}
