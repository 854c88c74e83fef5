// onnx-export.ts: what tests of written ONNX files share: the files themselves, for ONNX's own checker at the end, and the
// comparison of a graph with its file.

import * as assert from 'uvu/assert';
import { type Computation, computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { exportComputation, type ExportOptions, ModelError, parseModel } from '../../src/models/index.ts';
import { decodeModel } from '../../src/models/onnx/proto.ts';
import { onnxProblems } from './check-onnx.ts';
import { close } from './close.ts';
import { randomNumbers } from './draw.ts';
import { suite } from './suite.ts';

const written = new Map<string, Uint8Array>();

/** The same bytes, which the checker will see. */
export const keep = (name: string, bytes: Uint8Array): Uint8Array => {
  written.set(name, bytes);
  return bytes;
};

export const nodesOf = (bytes: Uint8Array) => decodeModel(bytes, 'copy').graph.nodes.map(({ op }) => op);
export const count = (bytes: Uint8Array, op: string): number => nodesOf(bytes).filter((each) => each === op).length;

/** What a refusal says; it must be a ModelError of one line. */
export function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.instance(error, ModelError);
    assert.not.ok((error as ModelError).message.includes('\n'));
    return (error as ModelError).message;
  }
  throw new Error('nothing was refused');
}

/** Numbers from a seed, of both signs. */
export const weights = (seed: number, shape: readonly number[]) => {
  const next = randomNumbers(seed);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => next() - 0.5) };
};

/** The same picture through a computation of one input and through its file. */
export function compare(source: Computation, options: ExportOptions, name: string): Uint8Array {
  const bytes = keep(name, exportComputation(source, options));
  const input = source.graph.nodes.find((node) => node.kind === 'input');
  if (input?.kind !== 'input') throw new Error('no input');
  const { data } = weights(5, input.shape);
  const feeds = { [input.name]: data, ...Object.fromEntries(options.states ?? []) };
  const [expected] = Object.values(interpret(source, feeds).outputs);
  const graph = new Graph();
  const { output } = parseModel(bytes, { name }).trace(graph.input('x', input.shape));
  const actual = interpret(computation({ output }), { x: data }).outputs.output;
  close(actual.data, expected.data, { relative: 1e-6 }, name);
  return bytes;
}

/** The last suite of a file: what the checker of ONNX says of all files that were kept. */
export function checkKept(least: number): void {
  suite('the checker of ONNX')('finds nothing wrong with any of these files', () => {
    assert.ok(written.size >= least, `${written.size} files`);
    const problems = onnxProblems(written);
    if (problems) assert.equal([...problems], []);
    else console.log('No Python with the package onnx is here, so its checker saw none of the exported files.');
  });
}
