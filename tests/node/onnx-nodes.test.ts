// Single operators that the networks at hand do not show. The files are written here, a few nodes each; what is expected
// is said in the file's own layout, N,C,H,W.

import * as assert from 'uvu/assert';
import { Graph } from '../../src/engine/graph.ts';
import { parseModel } from '../../src/models/index.ts';
import { close } from '../support/close.ts';
import { floatTensor, intTensor } from '../support/onnx.ts';
import { C, H, input, modelOf, N, node, type Row, run, table, W, x } from '../support/onnx-run.ts';
import { suite } from '../support/suite.ts';

const operators = suite('operators');

const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const all = (length: number): number[] => Array.from({ length }, (_, i) => i);
const pixels: number[][] = all(H).flatMap((h) => all(W).map((w) => [h, w]));
const exps = (values: readonly number[]): number => values.reduce((total, v) => total + Math.exp(v), 0);

const rows: Row[] = [
  {
    name: 'Transpose to channels last',
    nodes: [node('Transpose', ['x'], { perm: [0, 2, 3, 1] })],
    shape: [N, H, W, C],
    y: (n, h, w, c) => x(n, c, h, w),
  },
  {
    name: 'Transpose of height and width',
    nodes: [node('Transpose', ['x'], { perm: [0, 1, 3, 2] })],
    shape: [N, C, W, H],
    y: (n, c, w, h) => x(n, c, h, w),
  },
  {
    name: 'Flatten to rows that are the output',
    nodes: [node('Flatten', ['x'])],
    shape: [N, C * H * W],
    y: (n, i) => input[n * C * H * W + i],
  },
  {
    name: 'Flatten, then another shape again',
    nodes: [{ ...node('Flatten', ['x']), outputs: ['f'] }, node('Reshape', ['f', 's'])],
    initializers: [intTensor('s', [0, -1, 2])],
    shape: [N, 30, 2],
    y: (n, i, j) => input[n * C * H * W + i * 2 + j],
  },
  {
    name: 'Reshape of a shape worked out from the input',
    nodes: [
      { ...node('Shape', ['x']), outputs: ['shape'] },
      { ...node('Gather', ['shape', 'zero'], { axis: 0 }), outputs: ['n'] },
      { ...node('Unsqueeze', ['n', 'axes']), outputs: ['n1'] },
      { ...node('Concat', ['n1', 'rest'], { axis: 0 }), outputs: ['target'] },
      node('Reshape', ['x', 'target']),
    ],
    initializers: [{ name: 'zero', shape: [], type: 7, int64s: [0] }, intTensor('axes', [0]), intTensor('rest', [-1])],
    shape: [N, C * H * W],
    y: (n, i) => input[n * C * H * W + i],
  },
  {
    name: 'Concat along the batch, an axis of 0 that the file leaves out',
    nodes: [node('Concat', ['x', 'x'], { axis: { zero: 'int' } })],
    shape: [2 * N, C, H, W],
    y: (n, c, h, w) => x(n % N, c, h, w),
  },
  {
    name: 'LeakyRelu of a slope of 0 that the file leaves out',
    nodes: [node('LeakyRelu', ['x'], { alpha: { zero: 'float' } })],
    shape: [N, C, H, W],
    y: (n, c, h, w) => Math.max(0, x(n, c, h, w)),
  },
  {
    name: 'Concat along the height',
    nodes: [node('Concat', ['x', 'x'], { axis: 2 })],
    shape: [N, C, 2 * H, W],
    y: (n, c, h, w) => x(n, c, h % H, w),
  },
  {
    name: 'Slice with ends from the end and steps',
    nodes: [node('Slice', ['x', 'from', 'to', 'axes', 'steps'])],
    initializers: [
      intTensor('from', [1, -4, 3]),
      intTensor('to', [1000, 5, -1000]),
      intTensor('axes', [1, 2, 3]),
      intTensor('steps', [1, 2, -1]),
    ],
    shape: [N, 2, 2, W],
    y: (n, c, h, w) => x(n, c + 1, 1 + 2 * h, 3 - w),
  },
  {
    name: 'Slice of opset 9',
    nodes: [node('Slice', ['x'], { starts: [1], ends: [3], axes: [3] })],
    opset: 9,
    shape: [N, C, H, 2],
    y: (n, c, h, w) => x(n, c, h, w + 1),
  },
  {
    name: 'Pad of channels and width',
    nodes: [node('Pad', ['x', 'pads', 'value'])],
    initializers: [intTensor('pads', [0, 1, 0, 0, 0, 0, 0, 2]), floatTensor('value', [], [7])],
    shape: [N, C + 1, H, W + 2],
    y: (n, c, h, w) => (c < 1 || w >= W ? 7 : x(n, c - 1, h, w)),
  },
  {
    name: 'ReduceMax over channels and width',
    nodes: [node('ReduceMax', ['x'], { axes: [1, 3], keepdims: 0 })],
    shape: [N, H],
    y: (n, h) => Math.max(...all(C).flatMap((c) => all(W).map((w) => x(n, c, h, w)))),
  },
  {
    name: 'ReduceMean over the height, its axis gone',
    nodes: [node('ReduceMean', ['x'], { axes: [-2], keepdims: 0 })],
    shape: [N, C, W],
    y: (n, c, w) => average(all(H).map((h) => x(n, c, h, w))),
  },
  {
    name: 'ReduceSum of opset 13, its axis kept',
    nodes: [node('ReduceSum', ['x', 'axes'])],
    initializers: [intTensor('axes', [1])],
    shape: [N, 1, H, W],
    y: (n, _, h, w) => all(C).reduce((total, c) => total + x(n, c, h, w), 0),
  },
  {
    name: 'arithmetic with a number a channel, a column and the whole',
    nodes: [
      { ...node('Mul', ['x', 'channel']), outputs: ['a'] },
      { ...node('Sub', ['column', 'a']), outputs: ['b'] },
      node('Div', ['b', 'whole']),
    ],
    initializers: [
      floatTensor('channel', [C, 1, 1], [1, 2, 3]),
      floatTensor('column', [W], [0, 10, 20, 30]),
      floatTensor('whole', [1, 1, 1, 1], [4]),
    ],
    shape: [N, C, H, W],
    y: (n, c, h, w) => (10 * w - x(n, c, h, w) * (c + 1)) / 4,
  },
  {
    name: 'Add of a map of fewer axes that is computed',
    nodes: [{ ...node('ReduceMean', ['x'], { axes: [0, 1], keepdims: 0 }), outputs: ['m'] }, node('Add', ['x', 'm'])],
    shape: [N, C, H, W],
    y: (n, c, h, w) => x(n, c, h, w) + average(all(N).flatMap((i) => all(C).map((j) => x(i, j, h, w)))),
  },
  {
    name: 'Pow of whole exponents, for both signs',
    nodes: [
      { ...node('Pow', ['x', 'three']), outputs: ['a'] },
      { ...node('Pow', ['x', 'two']), outputs: ['b'] },
      node('Add', ['a', 'b']),
    ],
    initializers: [floatTensor('three', [], [3]), floatTensor('two', [], [2])],
    shape: [N, C, H, W],
    y: (...at) =>
      x(...(at as [number, number, number, number])) ** 3 + x(...(at as [number, number, number, number])) ** 2,
  },
  {
    name: 'Clip by attributes, of opset 6',
    nodes: [node('Clip', ['x'], { min: { float: -0.5 }, max: { float: 0.75 } })],
    opset: 6,
    shape: [N, C, H, W],
    y: (n, c, h, w) => Math.min(0.75, Math.max(-0.5, x(n, c, h, w))),
  },
  {
    name: 'Clip by an upper bound alone',
    nodes: [node('Clip', ['x', '', 'high'])],
    initializers: [floatTensor('high', [], [0.5])],
    shape: [N, C, H, W],
    y: (n, c, h, w) => Math.min(0.5, x(n, c, h, w)),
  },
  {
    name: 'BatchNormalization',
    nodes: [node('BatchNormalization', ['x', 'scale', 'bias', 'mean', 'variance'], { epsilon: { float: 0.5 } })],
    initializers: [
      floatTensor('scale', [C], [1, 2, 3]),
      floatTensor('bias', [C], [4, 5, 6]),
      floatTensor('mean', [C], [0.1, 0.2, 0.3]),
      floatTensor('variance', [C], [0.5, 1.75, 3.5]),
    ],
    shape: [N, C, H, W],
    y: (n, c, h, w) => ((x(n, c, h, w) - 0.1 * (c + 1)) / [1, 1.5, 2][c]) * (c + 1) + 4 + c,
  },
  {
    name: 'Softmax of opset 11: over all axes from the given one',
    nodes: [node('Softmax', ['x'], { axis: 1 }), { ...node('Identity', ['y']), outputs: ['z'] }],
    opset: 11,
    shape: [N, C, H, W],
    y: (n, c, h, w) => Math.exp(x(n, c, h, w)) / exps(all(C).flatMap((k) => pixels.map(([i, j]) => x(n, k, i, j)))),
  },
  {
    name: 'Softmax of opset 13: over one axis',
    nodes: [node('Softmax', ['x'], { axis: 1 }), { ...node('Identity', ['y']), outputs: ['z'] }],
    shape: [N, C, H, W],
    y: (n, c, h, w) => Math.exp(x(n, c, h, w)) / exps(all(C).map((k) => x(n, k, h, w))),
  },
  ...(['SAME_UPPER', 'SAME_LOWER'] as const).map((auto): Row => {
    const before = auto === 'SAME_UPPER' ? 0 : 1; // a kernel of 2 wants one row more, behind or before
    return {
      name: `Conv padded by ${auto}`,
      nodes: [node('Conv', ['x', 'w'], { auto_pad: auto, kernel_shape: [2, 1] })],
      initializers: [floatTensor('w', [1, C, 2, 1], [1, 2, 3, 4, 5, 6])],
      shape: [N, 1, H, W],
      y: (n, _, h, w) =>
        all(C).reduce(
          (total, c) =>
            total +
            [0, 1].reduce((part, r) => {
              const from = h + r - before;
              return part + (from >= 0 && from < H ? x(n, c, from, w) * (2 * c + r + 1) : 0);
            }, 0),
          0,
        ),
    };
  }),
  {
    name: 'Gemm of rows from a map, scaled, weights not transposed',
    nodes: [
      { ...node('Flatten', ['x']), outputs: ['f'] },
      { ...node('Relu', ['f']), outputs: ['r'] },
      node('Gemm', ['r', 'w', 'b'], { alpha: { float: 0.5 }, beta: { float: 2 } }),
    ],
    initializers: [
      floatTensor(
        'w',
        [C * H * W, 2],
        table([C * H * W, 2], (i, k) => Math.sin(i + 5 * k)),
      ),
      floatTensor('b', [2], [1, 2]),
    ],
    shape: [N, 2],
    y: (n, k) =>
      all(C * H * W).reduce(
        (total, i) => total + 0.5 * Math.max(0, input[n * C * H * W + i]) * Math.fround(Math.sin(i + 5 * k)),
        2 * (k + 1),
      ),
  },
];

for (const { name, nodes, initializers, opset, shape, y } of rows) {
  operators(name, () => {
    const inputs = { x: ['N', C, H, W] };
    const outputs = [nodes[nodes.length - 1].outputs[0]];
    const result = run(modelOf(nodes, initializers, { inputs, outputs, opset }));
    assert.equal(result.shape, shape);
    close(result.data, table(shape, y), { relative: 1e-6 }, name);
  });
}

operators('a file that has channels last is traced without moving anything', () => {
  const nodes = [{ ...node('Transpose', ['x'], { perm: [0, 3, 1, 2] }), outputs: ['t'] }, node('Conv', ['t', 'w'])];
  const weights = [floatTensor('w', [2, 3, 1, 1], [1, 2, 3, 4, 5, 6])];
  const model = parseModel(modelOf(nodes, weights, { inputs: { x: ['N', 8, 6, 3] } }));
  assert.equal(model.input, { name: 'x', channels: 3, height: 8, width: 6, batch: undefined, channelsLast: true });
  const graph = new Graph();
  const trace = model.trace(graph.input('x', [1, 8, 6, 3]));
  assert.equal(trace.output.shape, [1, 8, 6, 2]);
  assert.not.ok(graph.nodes.some((each) => each.kind === 'op' && each.op === 'transpose'));
});

operators('a last softmax is set aside, and a last 1x1 map loses its axes', () => {
  const nodes = [
    { ...node('GlobalAveragePool', ['x']), outputs: ['p'] },
    { ...node('Softmax', ['p'], { axis: 1 }), outputs: ['y'] },
  ];
  const { model, trace, data } = run(modelOf(nodes));
  assert.is(model.classes, C);
  assert.equal(trace.output.shape, [N, C]);
  const point = (n: number, c: number) => average(pixels.map(([h, w]) => x(n, c, h, w)));
  const expected = table([N, C], (n, c) => Math.exp(point(n, c)) / exps(all(C).map((k) => point(n, k))));
  close(data, expected, { relative: 1e-6 }, 'probabilities');
});
