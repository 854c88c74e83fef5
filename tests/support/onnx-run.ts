// onnx-run.ts: one small picture, files of a few nodes that take it in, and what they make of it in the file's layout.

import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import type { Shape } from '../../src/kernels/types.ts';
import { type ExternalReader, fromFileLayout, parseModel, toFileLayout } from '../../src/models/index.ts';
import { encodeModel, type TestModel, type TestNode, type TestTensor } from './onnx.ts';

export const [N, C, H, W] = [2, 3, 5, 4];
const SIZE = N * C * H * W;
/** Element of the input: distinct, of both signs. */
export const x = (n: number, c: number, h: number, w: number): number =>
  (((((n * C + c) * H + h) * W + w) * 37) % SIZE) / 30 - 2;

/** All values of a function of indices, row by row. */
export function table(shape: Shape, f: (...index: number[]) => number): number[] {
  const walk = (index: number[]): number[] =>
    index.length === shape.length
      ? [f(...index)]
      : Array.from({ length: shape[index.length] }, (_, i) => walk([...index, i])).flat();
  return walk([]);
}
/** All elements of the input, as in the file. */
export const input = table([N, C, H, W], x);

export const node = (op: string, inputs: string[], attributes: TestNode['attributes'] = {}): TestNode => ({
  op,
  name: `the ${op}`,
  inputs,
  outputs: ['y'],
  attributes,
});
export const modelOf = (
  nodes: readonly TestNode[],
  initializers: readonly TestTensor[] = [],
  more: Partial<TestModel> = {},
) => encodeModel({ nodes, initializers, inputs: { x: ['N', C, 'H', 'W'] }, outputs: ['y'], ...more });

/** A file of a few nodes, and its output for the input above by the operators' definition, in the file's layout. */
export interface Row {
  readonly name: string;
  readonly nodes: readonly TestNode[];
  readonly initializers?: readonly TestTensor[];
  readonly opset?: number;
  readonly shape: Shape;
  readonly y: (...index: number[]) => number;
}

/** The output `y` of a file for the input above, in the file's layout. */
export function run(bytes: Uint8Array, external?: ExternalReader) {
  const model = parseModel(bytes, { name: 'test', external });
  const graph = new Graph();
  const fed = fromFileLayout(input, model.input.channelsLast ? 'plain' : 'nhwc', [N, C, H, W]);
  const trace = model.trace(graph.input('x', fed.shape));
  const value = trace.layer('y');
  const { y } = interpret(computation({ y: value }), { x: fed.data }).outputs;
  return { model, trace, graph, ...toFileLayout(y.data, trace.layoutOf('y'), y.shape) };
}
