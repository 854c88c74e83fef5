// What operators of ONNX refuse, in a sentence that names the node and what is wrong with it; and how weights that are
// kept quantized are counted and trained.

import * as assert from 'uvu/assert';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { ModelError, parseModel } from '../../src/models/index.ts';
import { close } from '../support/close.ts';
import { floatTensor, intTensor, type TestGraph, type TestNode, type TestTensor } from '../support/onnx.ts';
import { C, H, modelOf, N, node, run, W, x } from '../support/onnx-run.ts';
import { suite } from '../support/suite.ts';

const inputs = { x: ['N', C, H, W] };
const branch = (output: string, nodes: readonly TestNode[] = []): TestGraph => ({
  nodes: [...nodes, { ...node('Neg', ['x']), outputs: [output] }],
  inputs: {},
  outputs: [output],
});
const chosen = (condition: string, name: string, then: TestGraph = branch(`${name}1`)): TestNode => ({
  ...node('If', [condition], { then_branch: then, else_branch: branch(`${name}0`) }),
  outputs: [name],
});
const nested = (depth: number): TestGraph =>
  depth === 0 ? branch('deep') : { ...branch(`b${depth}`), nodes: [chosen('yes', `b${depth}`, nested(depth - 1))] };
const yes: TestTensor = { name: 'yes', shape: [], type: 9, int32s: [1] };
const bytes = (name: string, type: number, shape: readonly number[], int32s: readonly number[]): TestTensor => ({
  name,
  type,
  shape,
  int32s,
});

interface Row {
  readonly name: string;
  readonly nodes: readonly TestNode[];
  readonly initializers?: readonly TestTensor[];
  readonly opset?: number;
  readonly says: RegExp;
}

const rows: Row[] = [
  {
    name: 'a branch chosen by the picture',
    nodes: [{ ...node('ReduceMax', ['x'], { keepdims: 0 }), outputs: ['m'] }, chosen('m', 'y')],
    says: /If at "the If" computes its condition from the picture/,
  },
  {
    name: 'branches in branches without end',
    nodes: [chosen('yes', 'y', nested(9))],
    initializers: [yes],
    says: /branches in branches/,
  },
  {
    name: 'indices beyond the axis',
    nodes: [node('Gather', ['x', 'i'], { axis: 1 })],
    initializers: [intTensor('i', [0, C])],
    says: /Gather at "the Gather" picks \[0,3\] of the 3 elements of axis 1/,
  },
  {
    name: 'indices that are computed',
    nodes: [{ ...node('ArgMax', ['x'], { axis: 1 }), outputs: ['i'] }, node('Gather', ['x', 'i'])],
    says: /Gather at "the Gather" computes its indices from the picture/,
  },
  {
    name: 'an equation with an ellipsis',
    nodes: [node('Einsum', ['x', 'x'], { equation: '...ij,...jk->...ik' })],
    says: /Einsum at "the Einsum" has the equation "\.\.\.ij,\.\.\.jk->\.\.\.ik"; understood are letters/,
  },
  {
    name: 'an equation that does not fit',
    nodes: [node('Einsum', ['x'], { equation: 'nch->nhc' })],
    says: /reads \[1,3,\d+,\d+\] as "nch"/,
  },
  {
    name: 'as many scales as there are not channels',
    nodes: [node('QuantizeLinear', ['x', 's'], { axis: 1 })],
    initializers: [floatTensor('s', [2], [1, 2])],
    says: /has scales \[2\] along axis 1 of \[1,3,\d+,\d+\]; they must be \[3\]/,
  },
  {
    name: 'a type of 8-bit floats',
    nodes: [node('QuantizeLinear', ['x', 's'], { output_dtype: 17 })],
    initializers: [floatTensor('s', [], [1])],
    opset: 21,
    says: /rounds to the type number 17, which is no whole number/,
  },
  {
    name: 'pooling of volumes',
    nodes: [
      { ...node('Reshape', ['x', 'to']), outputs: ['v'] },
      node('AveragePool', ['v'], { kernel_shape: [2, 2, 1] }),
    ],
    initializers: [intTensor('to', [0, 1, C, H, -1])],
    says: /takes windows of \[2,2,1\] from .*; only pictures are understood/,
  },
  {
    name: 'the second output of a MaxPool',
    nodes: [{ ...node('MaxPool', ['x'], { kernel_shape: [2, 2] }), outputs: ['p', 'places'] }, node('Neg', ['places'])],
    says: /Neg at "the Neg" reads "places", which nothing before it makes, or which Facet leaves out/,
  },
];

const refused = suite('refused nodes');

for (const { name, nodes, initializers, opset, says } of rows) {
  refused(name, () => {
    const file = modelOf(nodes, initializers, { inputs: { x: ['N', C, H, W] }, opset });
    assert.throws(
      () => parseModel(file, { name: 'odd' }),
      (error: unknown) => {
        assert.instance(error, ModelError);
        assert.match((error as ModelError).message, says);
        assert.not.match((error as ModelError).message, /\n/);
        return true;
      },
    );
  });
}

const kept = suite('quantized weights');
const file = modelOf(
  [
    { ...node('DequantizeLinear', ['q', 's']), outputs: ['w'] },
    node('Conv', ['x', 'w']),
    { ...node('GlobalAveragePool', ['y']), outputs: ['z'] },
  ],
  [bytes('q', 3, [2, C, 1, 1], [1, -2, 3, -4, 5, -128]), floatTensor('s', [], [0.5])],
  { inputs, outputs: ['z'] },
);

kept('count as parameters of the layer that they belong to', () => {
  const model = parseModel(file);
  assert.is(model.parameters, 2 * C);
  assert.equal(
    model.layers.map(({ name, parameters, weights }) => [name, parameters, weights]),
    [
      ['y', 2 * C, ['w']],
      ['z', 0, []],
    ],
  );
});

kept('are floats that training may update', () => {
  const graph = new Graph();
  const { parameters } = parseModel(file).trace(graph.input('x', [1, H, W, C]), { parameters: 'state' });
  const { value } = parameters.get('w')!;
  assert.equal([value.node.kind, value.shape], ['state', [1, 1, C, 2]]);
  const { data } = interpret(computation({ value }), { x: new Float32Array(H * W * C) }).outputs.value;
  assert.equal(Array.from(data), [0.5, -2, -1, 2.5, 1.5, -64]);
});

const halves = suite('integers');

halves('a quotient of whole numbers is cut off towards 0, also where it comes out even', () => {
  const nodes = [
    { ...node('Mul', ['x', 'sixty']), outputs: ['m'] },
    { ...node('Round', ['m']), outputs: ['r'] },
    { ...node('Cast', ['r'], { to: 7 }), outputs: ['i'] },
    node('Div', ['i', 'three']),
  ];
  const result = run(modelOf(nodes, [floatTensor('sixty', [], [30]), intTensor('three', [3])], { inputs }));
  const whole = Array.from({ length: N * C * H * W }, (_, i) => {
    const [n, c, h, w] = [Math.floor(i / (C * H * W)), Math.floor(i / (H * W)) % C, Math.floor(i / W) % H, i % W];
    return Math.trunc(Math.round(x(n, c, h, w) * 30) / 3);
  });
  close(result.data, whole, {}, 'quotients');
});
