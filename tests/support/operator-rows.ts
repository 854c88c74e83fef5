// operator-rows.ts: the rows that tests/fixtures/onnx/operators.py writes: files of a few nodes, and what PyTorch makes of
// them and of their gradients.

import { gradient } from '../../src/autodiff/gradient.ts';
import type { Graph } from '../../src/engine/graph.ts';
import { mul, sum } from '../../src/engine/ops/index.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import type { Shape } from '../../src/kernels/types.ts';
import { fromFileLayout, type Model, parseModel } from '../../src/models/index.ts';
import { encodeModel, type TestAttribute, type TestNode, type TestTensor } from './onnx.ts';

interface RowTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly type: number;
  readonly data: readonly (number | boolean)[];
}
interface RowNode extends Omit<TestNode, 'attributes'> {
  readonly attributes: Record<string, unknown>;
}
/** A branch of an If: its one output, and nodes that read what lies around it. */
interface RowGraph {
  readonly nodes: readonly RowNode[];
  readonly initializers: readonly RowTensor[];
  readonly output: string;
}
interface Row {
  readonly name: string;
  readonly nodes: readonly RowNode[];
  readonly initializers: readonly RowTensor[];
  readonly opset: number;
  readonly x: { readonly shape: Shape; readonly scale: number; readonly offset: number };
  readonly y: { readonly shape: Shape; readonly data: readonly number[] };
  /** Gradient of sum(y * seed) by x. */
  readonly dx: readonly number[];
}

/** Rows of tests/fixtures/onnx/operators.jsonl. */
export const parseRows = (text: string): Row[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const [FLOAT, INT64] = [1, 7];

function tensorOf({ name, shape, type, data }: RowTensor): TestTensor {
  const numbers = data.map(Number);
  if (type === FLOAT) return { name, shape, type, floats: numbers };
  return { name, shape, type, [type === INT64 ? 'int64s' : 'int32s']: numbers };
}

/** JSON does not tell a whole float from an integer: these attributes are floats. */
const FLOATS = new Set('alpha beta gamma epsilon lambd bias min max value value_float value_floats'.split(' '));

function attributeOf(name: string, value: unknown): TestAttribute {
  if (typeof value === 'object' && !Array.isArray(value)) {
    const { nodes, initializers, output } = value as RowGraph;
    if (!nodes) return tensorOf(value as RowTensor);
    return { nodes: nodes.map(nodeOf), initializers: initializers.map(tensorOf), inputs: {}, outputs: [output] };
  }
  if (!FLOATS.has(name)) return value as TestAttribute;
  return Array.isArray(value) ? { floats: value } : { float: value as number };
}

function nodeOf({ attributes, ...node }: RowNode): TestNode {
  const entries = Object.entries(attributes).map(([name, value]) => [name, attributeOf(name, value)]);
  return { ...node, attributes: Object.fromEntries(entries) };
}

const openRow = ({ nodes, initializers, opset, x }: Row): Model =>
  parseModel(
    encodeModel({
      nodes: nodes.map(nodeOf),
      initializers: initializers.map(tensorOf),
      inputs: { x: [x.shape[0], ...x.shape.slice(1)] },
      outputs: ['y'],
      opset,
    }),
    { name: 'row' },
  );

/** As in operators.py. */
const pictureOf = ({ shape, scale, offset }: Row['x']): Float32Array =>
  Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.fround(Math.sin(1.3 * i + 0.4)) * scale).map(
    (v) => v + offset,
  );
const seedOf = (shape: Shape): Float64Array =>
  Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.cos(0.7 * i + 0.3));

/** The row in a graph: x of the engine's shape and what to feed it, y, and the gradient of sum(y * seed) by x. */
export function traceRow(row: Row, graph: Graph, name: string) {
  const fed = fromFileLayout(pictureOf(row.x), 'nhwc', row.x.shape);
  const x = graph.input(name, fed.shape);
  const trace = openRow(row).trace(x, { until: 'y' });
  const [y, layout] = [trace.layer('y'), trace.layoutOf('y')];
  const seed = graph.constant(fromFileLayout(seedOf(row.y.shape), layout, row.y.shape));
  const [dx] = gradient(sum(mul(y, seed)), [x]);
  return { fed: fed.data, y, layout, dx };
}
