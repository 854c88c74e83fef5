// More single operators, a row each, against their definitions in ONNX's operator list, which are written here on
// numbers in the file's own layout, N,C,H,W.

import * as assert from 'uvu/assert';
import { Graph } from '../../src/engine/graph.ts';
import { parseModel } from '../../src/models/index.ts';
import { close } from '../support/close.ts';
import { floatTensor, intTensor, type TestNode } from '../support/onnx.ts';
import { C, H, modelOf, N, node, type Row, run, table, W, x } from '../support/onnx-run.ts';
import { suite } from '../support/suite.ts';

const FULL = [N, C, H, W];
type At = [n: number, c: number, h: number, w: number];
const all = (length: number): number[] => Array.from({ length }, (_, i) => i);
const pixels: number[][] = all(H).flatMap((h) => all(W).map((w) => [h, w]));
const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const average = (values: readonly number[]): number => total(values) / values.length;
/** How far a value lies from the middle of those it is normalized with, in deviations. */
const standard = (v: number, values: readonly number[], epsilon: number): number => {
  const middle = average(values);
  return (v - middle) / Math.sqrt(average(values.map((each) => (each - middle) ** 2)) + epsilon);
};

// --- functions of one number ---

const softplus = (v: number): number => Math.log(1 + Math.exp(v));
const hard = (v: number, alpha: number, beta: number): number => Math.max(0, Math.min(1, alpha * v + beta));
/** By Simpson's rule on the integral that defines it. */
const erf = (v: number): number => {
  const steps = 400;
  const f = (i: number) => Math.exp(-(((v * i) / steps) ** 2)) * (i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2);
  return (2 / Math.sqrt(Math.PI)) * (v / steps / 3) * total(all(steps + 1).map(f));
};

// op, attributes, opset, meaning
const functions: [op: string, attributes: TestNode['attributes'], opset: number, f: (v: number) => number][] = [
  ['Elu', {}, 7, (v) => (v > 0 ? v : Math.exp(v) - 1)],
  ['Elu', { alpha: { float: 0.75 } }, 7, (v) => (v > 0 ? v : 0.75 * (Math.exp(v) - 1))],
  ['Selu', {}, 7, (v) => 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * (Math.exp(v) - 1))],
  ['Selu', { alpha: { float: 0.5 }, gamma: { float: 2 } }, 7, (v) => 2 * (v > 0 ? v : 0.5 * (Math.exp(v) - 1))],
  ['Celu', {}, 12, (v) => Math.max(0, v) + Math.min(0, Math.exp(v) - 1)],
  ['Celu', { alpha: { float: 2 } }, 12, (v) => Math.max(0, v) + Math.min(0, 2 * (Math.exp(v / 2) - 1))],
  ['ThresholdedRelu', {}, 10, (v) => (v > 1 ? v : 0)],
  ['ThresholdedRelu', { alpha: { float: -0.5 } }, 10, (v) => (v > -0.5 ? v : 0)],
  ['HardSigmoid', {}, 7, (v) => hard(v, 0.2, 0.5)],
  ['HardSigmoid', { alpha: { float: 0.5 }, beta: { float: 0.25 } }, 7, (v) => hard(v, 0.5, 0.25)],
  ['HardSwish', {}, 14, (v) => v * hard(v, 1 / 6, 0.5)],
  ['Softplus', {}, 7, softplus],
  ['Softsign', {}, 7, (v) => v / (1 + Math.abs(v))],
  ['Mish', {}, 18, (v) => v * Math.tanh(softplus(v))],
  ['Erf', {}, 9, erf],
  ['Gelu', {}, 20, (v) => 0.5 * v * (1 + erf(v / Math.SQRT2))],
  [
    'Gelu',
    { approximate: 'tanh' },
    20,
    (v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))),
  ],
  ['Reciprocal', {}, 7, (v) => 1 / v],
];
const functionRows = functions.map(
  ([op, attributes, opset, f]): Row => ({
    name: `${op} ${JSON.stringify(attributes)}`,
    // No element of x is 0 after this.
    nodes: [{ ...node('Add', ['x', 'shift']), outputs: ['a'] }, node(op, ['a'], attributes)],
    initializers: [floatTensor('shift', [], [0.0125])],
    opset,
    shape: FULL,
    y: (...at) => f(x(...(at as At)) + Math.fround(0.0125)),
  }),
);

// --- two and more operands ---

const channel = floatTensor('channel', [C, 1, 1], [-0.5, 0, 0.5]);
const level = (c: number): number => (c - 1) / 2;
const compared = (op: string, f: (a: number, b: number) => boolean, opset = 13): Row => ({
  name: op,
  nodes: [node(op, ['x', 'channel'])],
  initializers: [channel],
  opset,
  shape: FULL,
  y: (n, c, h, w) => Number(f(x(n, c, h, w), level(c))),
});
const onNumbers = (...powers: number[]): Row[] =>
  powers.map((p) => ({
    name: `Pow ${p} of both signs`,
    nodes: [node('Pow', ['x', 'p'])],
    initializers: [floatTensor('p', [], [p])],
    shape: FULL,
    y: (...at) => x(...(at as At)) ** p,
  }));

const operandRows: Row[] = [
  compared('Greater', (a, b) => a > b, 9),
  compared('GreaterOrEqual', (a, b) => a >= b),
  compared('Less', (a, b) => a < b, 9),
  compared('LessOrEqual', (a, b) => a <= b),
  compared('Equal', (a, b) => a === b),
  {
    name: 'Where, Not, And, Or',
    nodes: [
      { ...node('Greater', ['x', 'channel']), outputs: ['g'] },
      { ...node('Not', ['g']), outputs: ['l'] },
      { ...node('Less', ['x', 'one']), outputs: ['s'] },
      { ...node('And', ['g', 's']), outputs: ['between'] },
      { ...node('Or', ['between', 'l']), outputs: ['low'] },
      node('Where', ['low', 'x', 'column']),
    ],
    initializers: [channel, floatTensor('one', [], [1]), floatTensor('column', [W], [7, 8, 9, 10])],
    shape: FULL,
    y: (n, c, h, w) => (x(n, c, h, w) < 1 || x(n, c, h, w) <= level(c) ? x(n, c, h, w) : 7 + w),
  },
  {
    name: 'Where with a known condition and one number',
    nodes: [node('Where', ['mask', 'x', 'number'])],
    initializers: [
      { name: 'mask', shape: [C, 1, W], type: 9, raw: Uint8Array.from(all(C * W), (i) => i % 2) },
      floatTensor('number', [1], [-3]),
    ],
    shape: FULL,
    y: (n, c, h, w) => ((c * W + w) % 2 === 1 ? x(n, c, h, w) : -3),
  },
  {
    name: 'Cast to truth values and back',
    nodes: [
      { ...node('Relu', ['x']), outputs: ['r'] },
      { ...node('Cast', ['r'], { to: 9 }), outputs: ['b'] },
      node('Cast', ['b'], { to: 1 }),
    ],
    shape: FULL,
    y: (...at) => Number(x(...(at as At)) > 0),
  },
  ...(['Min', 'Max', 'Mean', 'Sum'] as const).map(
    (op): Row => ({
      name: `${op} of three`,
      nodes: [node(op, ['x', 'channel', 'half'])],
      initializers: [channel, floatTensor('half', [1], [0.25])],
      shape: FULL,
      y: (n, c, h, w) => {
        const values = [x(n, c, h, w), level(c), 0.25];
        return { Min: Math.min(...values), Max: Math.max(...values), Mean: average(values), Sum: total(values) }[op];
      },
    }),
  ),
  ...onNumbers(2, 3, 4, 5),
  {
    name: 'PRelu, a slope a channel',
    nodes: [node('PRelu', ['x', 'slope'])],
    initializers: [floatTensor('slope', [C, 1, 1], [0.5, 0.25, 2])],
    opset: 7,
    shape: FULL,
    y: (n, c, h, w) => (x(n, c, h, w) > 0 ? 1 : [0.5, 0.25, 2][c]) * x(n, c, h, w),
  },
  {
    name: 'PRelu of rows, one slope',
    nodes: [{ ...node('Flatten', ['x']), outputs: ['f'] }, node('PRelu', ['f', 'slope'])],
    initializers: [floatTensor('slope', [1], [0.5])],
    shape: [N, C * H * W],
    y: (n, i) => {
      const v = x(n, Math.floor(i / (H * W)), Math.floor(i / W) % H, i % W);
      return v > 0 ? v : v / 2;
    },
  },
];

// --- normalization ---

const gains = [1, -2, 0.5];
const shifts = [0.25, 0, -1];
const affine = [floatTensor('gain', [C], gains), floatTensor('shift', [C], shifts)];
const map = (n: number, channels: readonly number[]): number[] =>
  channels.flatMap((c) => pixels.map(([i, j]) => x(n, c, i, j)));
/** Groups of two: the input twice, one after the other. */
const doubled: TestNode = { ...node('Concat', ['x', 'x'], { axis: 1 }), outputs: ['d'] };
const partner = (c: number): number[] => (c < 2 ? [0, 1] : c < 4 ? [2, 0] : [1, 2]);
const grouped = (sizes: number, opset: number): Row => ({
  name: `GroupNormalization of opset ${opset}`,
  nodes: [doubled, node('GroupNormalization', ['d', 'gain', 'shift'], { num_groups: 3, epsilon: { float: 0.125 } })],
  initializers: ['gain', 'shift'].map((name, k) =>
    floatTensor(
      name,
      [sizes],
      all(sizes).map((i) => i - k),
    ),
  ),
  opset,
  shape: [N, 2 * C, H, W],
  y: (n, c, h, w) => {
    const i = sizes === 3 ? Math.floor(c / 2) : c;
    return standard(x(n, c % C, h, w), map(n, partner(c)), 0.125) * i + i - 1;
  },
});

const normalizationRows: Row[] = [
  {
    name: 'InstanceNormalization',
    nodes: [node('InstanceNormalization', ['x', 'gain', 'shift'], { epsilon: { float: 0.25 } })],
    initializers: affine,
    opset: 7,
    shape: FULL,
    y: (n, c, h, w) => standard(x(n, c, h, w), map(n, [c]), 0.25) * gains[c] + shifts[c],
  },
  {
    name: 'InstanceNormalization of three axes',
    nodes: [{ ...node('Reshape', ['x', 'to']), outputs: ['r'] }, node('InstanceNormalization', ['r', 'gain', 'shift'])],
    initializers: [...affine, intTensor('to', [0, 0, -1])],
    shape: [N, C, H * W],
    y: (n, c, i) => standard(x(n, c, Math.floor(i / W), i % W), map(n, [c]), 1e-5) * gains[c] + shifts[c],
  },
  {
    name: 'LayerNormalization over the width',
    nodes: [node('LayerNormalization', ['x', 'g'], { epsilon: { float: 0.5 } })],
    initializers: [floatTensor('g', [W], [1, 2, 3, 4])],
    opset: 17,
    shape: FULL,
    y: (n, c, h, w) =>
      (w + 1) *
      standard(
        x(n, c, h, w),
        all(W).map((j) => x(n, c, h, j)),
        0.5,
      ),
  },
  {
    name: 'LayerNormalization over channels, height and width',
    nodes: [node('LayerNormalization', ['x', 'g', 'b'], { axis: 1 })],
    initializers: ['g', 'b'].map((name, k) =>
      floatTensor(
        name,
        [C, H, W],
        table([C, H, W], (c, h, w) => (k === 0 ? 1 + c - h / 4 : w - h)),
      ),
    ),
    opset: 17,
    shape: FULL,
    y: (n, c, h, w) => standard(x(n, c, h, w), map(n, all(C)), 1e-5) * (1 + c - h / 4) + w - h,
  },
  {
    name: 'LayerNormalization over channels that the file has last',
    nodes: [
      { ...node('Transpose', ['x'], { perm: [0, 2, 3, 1] }), outputs: ['t'] },
      node('LayerNormalization', ['t', 'gain', 'shift'], { axis: -1 }),
    ],
    initializers: affine,
    opset: 17,
    shape: [N, H, W, C],
    y: (n, h, w, c) =>
      shifts[c] +
      gains[c] *
        standard(
          x(n, c, h, w),
          all(C).map((k) => x(n, k, h, w)),
          1e-5,
        ),
  },
  grouped(3, 18),
  grouped(6, 21),
];

// --- reductions ---

const reductions: [op: string, f: (values: readonly number[]) => number][] = [
  ['ReduceMin', (values) => Math.min(...values)],
  ['ReduceL1', (values) => total(values.map(Math.abs))],
  ['ReduceL2', (values) => Math.sqrt(total(values.map((v) => v * v)))],
  ['ReduceSumSquare', (values) => total(values.map((v) => v * v))],
  ['ReduceLogSumExp', (values) => Math.log(total(values.map(Math.exp)))],
];
const reductionRows: Row[] = [
  ...reductions.flatMap(([op, f]): Row[] => [
    {
      name: `${op} over channels, its axis gone`,
      nodes: [node(op, ['x'], { axes: [1], keepdims: 0 })],
      shape: [N, H, W],
      y: (n, h, w) => f(all(C).map((c) => x(n, c, h, w))),
    },
    {
      name: `${op} of opset 18 over the picture`,
      nodes: [node(op, ['x', 'axes'])],
      initializers: [intTensor('axes', [2, -1])],
      opset: 18,
      shape: [N, C, 1, 1],
      y: (n, c) => f(map(n, [c])),
    },
  ]),
  {
    name: 'ReduceLogSum of squares',
    nodes: [{ ...node('Mul', ['x', 'x']), outputs: ['s'] }, node('ReduceLogSum', ['s'], { axes: [3] })],
    shape: [N, C, H, 1],
    y: (n, c, h) => Math.log(total(all(W).map((w) => x(n, c, h, w) ** 2))),
  },
  ...[1, 2, 3].map(
    (p): Row => ({
      name: `GlobalLpPool of p = ${p}`,
      nodes: [node('GlobalLpPool', ['x'], { p })],
      shape: [N, C, 1, 1],
      y: (n, c) => total(map(n, [c]).map((v) => Math.abs(v) ** p)) ** (1 / p),
    }),
  ),
];

const operators = suite('more operators');

function check({ name, nodes, initializers, opset, shape, y }: Row): void {
  const inputs = { x: ['N', C, H, W] };
  const result = run(modelOf(nodes, initializers, { inputs, opset }));
  assert.equal(result.shape, shape);
  close(result.data, table(shape, y), { relative: 1e-6 }, name);
}
for (const row of [...functionRows, ...operandRows, ...normalizationRows, ...reductionRows]) {
  operators(row.name, () => check(row));
}

operators('a slope is a weight, which training updates', () => {
  const weights = [floatTensor('slope', [C, 1, 1], [0.5, 0.25, 2])];
  const model = parseModel(
    modelOf([node('PRelu', ['x', 'slope']), { ...node('GlobalAveragePool', ['y']), outputs: ['z'] }], weights, {
      outputs: ['z'],
    }),
  );
  assert.is(model.parameters, C);
  const graph = new Graph();
  const { parameters } = model.trace(graph.input('x', [N, H, W, C]), { parameters: 'state' });
  const { value, source } = [...parameters.values()][0];
  assert.equal([value.node.kind, value.shape, source], ['state', [C], 'slope']);
});
