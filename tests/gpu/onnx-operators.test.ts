// Every operator of ONNX that can be opened, on the device: forward and backward against PyTorch. All rows are one
// program, so that those that need the same pipeline share it.

import * as assert from 'uvu/assert';
import { openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { computation, Graph, type Value } from '../../src/engine/graph.ts';
import { toFileLayout } from '../../src/models/index.ts';
import { close } from '../support/close.ts';
import { fetchFixture } from '../support/fetch.ts';
import { parseRows, traceRow } from '../support/operator-rows.ts';
import { suite } from '../support/suite.ts';

/** Allowed error as a share of the largest magnitude. */
const TOLERANCE = 2e-5;
/** WGSL promises sines and cosines to this many digits after the point, and some adapters give no more. */
const SINE = 2 ** -11;
const SINES = new Set(['Sin', 'Cos', 'Tan']);

const test = suite('operators on the device');

test(
  'forward and backward as in PyTorch',
  async () => {
    const rows = parseRows(new TextDecoder().decode(await fetchFixture('onnx/operators.jsonl')));
    const graph = new Graph();
    const traced = rows.map((row, i) => traceRow(row, graph, `x${i}`));
    const outputs = Object.fromEntries(
      traced.flatMap(({ y, dx }, i): [string, Value][] => [
        [`y${i}`, y],
        [`dx${i}`, dx],
      ]),
    );
    const device = await openDevice();
    const program = await compile(device, computation(outputs));
    const results = await program.evaluate(Object.fromEntries(traced.map(({ fed }, i) => [`x${i}`, fed])));
    const wrong: string[] = [];
    for (const [i, row] of rows.entries()) {
      const { y, layout, dx } = traced[i];
      const tolerance = { relative: TOLERANCE, absolute: row.nodes.some(({ op }) => SINES.has(op)) ? SINE : 0 };
      try {
        close(toFileLayout(results[`y${i}`], layout, y.shape).data, row.y.data, tolerance, `${row.name}: result`);
        close(toFileLayout(results[`dx${i}`], 'nhwc', dx.shape).data, row.dx, tolerance, `${row.name}: gradient`);
      } catch (error) {
        wrong.push((error as Error).message);
      }
    }
    program.dispose();
    assert.equal(wrong, []);
  },
  { timeoutSeconds: 300 },
);
