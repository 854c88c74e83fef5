// Every op in an ONNX file: written, checked, read back and computed; and what no file can hold.

import * as assert from 'uvu/assert';
import { type Computation, computation, Graph, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import * as ops from '../../src/engine/ops/index.ts';
import { optimize } from '../../src/engine/optimize.ts';
import { type OpName, ops as allOps } from '../../src/kernels/index.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { exportComputation, parseModel } from '../../src/models/index.ts';
import { exporterOf, isExportable } from '../../src/models/onnx/exportOps.ts';
import { decodeModel } from '../../src/models/onnx/proto.ts';
import { type Case, cases } from '../cases/index.ts';
import { close } from '../support/close.ts';
import { drawInputs } from '../support/draw.ts';
import { checkKept, keep, refusal } from '../support/onnx-export.ts';
import { suite } from '../support/suite.ts';

const each = suite('exported ops');
const hasRow = (op: OpName): boolean => isExportable(exporterOf(op));

/**
 * A row of the op table as a network of one picture: its inputs are parts of the picture's one row of pixels, its result
 * comes out as it is and as one row of numbers, whose order does not depend on how the file lays out axes.
 */
function asNetwork(row: Case): { source: Computation; data: Float32Array } {
  const contents = drawInputs(row);
  const open = contents.filter((_, k) => !row.data?.[k]);
  const data = Float32Array.from(open.flatMap((part) => [...part]));
  const graph = new Graph();
  const x = graph.input('x', [1, 1, Math.max(1, data.length), 1]);
  let taken = 0;
  const inputs = row.inputs.map((shape, k): Value => {
    if (row.data?.[k]) return graph.constant({ shape, data: contents[k] });
    const from = taken;
    taken += sizeOf(shape);
    return ops.reshape(ops.slice(x, { starts: [from], ends: [taken], axes: [2] }), shape);
  });
  const y = row.build(inputs);
  return {
    source: computation({ row: ops.reshape(y, [1, sizeOf(y.shape)]), y }),
    data: data.length ? data : new Float32Array(1),
  };
}

for (const row of cases.filter(({ op }) => hasRow(op))) {
  // Rows of constants alone are no networks.
  if (row.inputs.every((_, k) => row.data?.[k])) continue;
  each(`${row.op}: ${row.name}`, () => {
    const { source, data } = asNetwork(row);
    const bytes = keep(`${row.op}: ${row.name}`, exportComputation(source, { batch: 'fixed' }));
    const expected = interpret(source, { x: data }).outputs.row;
    const copy = parseModel(bytes, { name: row.op });
    const graph = new Graph();
    const output = copy.trace(graph.input('x', [1, 1, data.length, 1])).layer('row');
    const actual = interpret(computation({ output }), { x: data }).outputs.output;
    close(actual.data, expected.data, { relative: 1e-6 }, 'numbers');
  });
}

each('each op has rows, or says why it is in no file', () => {
  const tested = new Set(cases.filter((row) => !row.inputs.every((_, k) => row.data?.[k])).map(({ op }) => op));
  const missing = (Object.keys(allOps) as OpName[]).filter((op) => hasRow(op) && !tested.has(op));
  assert.equal(missing, []);
});

const refusals = suite('what no file can hold');

for (const op of (Object.keys(allOps) as OpName[]).filter((name) => !hasRow(name))) {
  const row = cases.find((each) => each.op === op);
  if (!row) continue; // ops that only passes make: below
  refusals(op, () => {
    const graph = new Graph();
    const inputs = row.inputs.map((shape, k) => graph.input(`x${k}`, shape));
    const y = row.build(inputs);
    // The op may be one of several that the row is made of: the sentence names it and what it is for.
    const sentence = refusal(() => exportComputation(computation({ 'the layer': y }), { name: 'net' }));
    assert.match(sentence, new RegExp(`^export of "net": ${op} "the layer" .*\\.$`));
  });
}

refusals('graphs that were optimized', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 4, 4, 3]);
  const w = graph.constant({ shape: [1, 1, 3, 3], data: new Float32Array(9).fill(1) });
  const fused = optimize(computation({ y: ops.tanh(ops.exp(x)) }));
  assert.match(
    refusal(() => exportComputation(fused)),
    /fused "y" is made by `optimize`; export the graph as it was/,
  );
  const withEpilogue = optimize(computation({ y: ops.relu(ops.conv2d(x, w)) }));
  assert.match(
    refusal(() => exportComputation(withEpilogue)),
    /conv2d "y" is fused by `optimize`/,
  );
});

refusals('files beyond what protobuf reads, before any number is made', () => {
  const graph = new Graph();
  const tensor = {
    shape: [2 ** 15, 2 ** 15],
    get data(): Float32Array {
      throw new Error('the numbers were asked for');
    },
  };
  const w = graph.add({ kind: 'constant', shape: tensor.shape, tensor });
  const y = ops.matmul(graph.input('x', [1, 2 ** 15]), w);
  assert.match(
    refusal(() => exportComputation(computation({ y }), { name: 'big' })),
    /"big": its weights take 4\.0 GiB/,
  );
});

refusals('sizes that the graph fixes', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 4, 4, 3]);
  const rows = ops.flatten(x, 1, 'rows');
  const y = ops.matmul(rows, graph.constant({ shape: [48, 2], data: new Float32Array(96) }), { label: 'scores' });
  const sentence = refusal(() => exportComputation(computation({ scores: y }), { size: 'open' }));
  assert.match(sentence, /cannot take pictures of any size, because matmul "scores" fixes them/);
  const halves = ops.concat([x, graph.constant({ shape: [1, 4, 4, 1], data: new Float32Array(16) })], 3, 'joined');
  const batch = refusal(() => exportComputation(computation({ joined: halves }), { batch: 'open' }));
  assert.match(batch, /cannot take any number of pictures, because concat "joined" fixes them/);
  assert.equal(
    decodeModel(exportComputation(computation({ joined: halves })), 'x').graph.inputs[0].shape,
    [1, 3, 4, 4],
  );
});

checkKept(150);
