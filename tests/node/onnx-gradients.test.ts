// Every operator that can be opened, forward and backward, against PyTorch in float64. The rows and their numbers are
// made by tests/fixtures/onnx/operators.py, which says in PyTorch what the nodes of each mean.

import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { toFileLayout } from '../../src/models/index.ts';
import { supportedOps } from '../../src/models/onnx/convert.ts';
import { close } from '../support/close.ts';
import { parseRows, traceRow } from '../support/operator-rows.ts';
import { suite } from '../support/suite.ts';

const rows = parseRows(readFileSync('tests/fixtures/onnx/operators.jsonl', 'utf8'));
const operators = suite('operators and their gradients');

for (const row of rows) {
  operators(row.name, () => {
    const { fed, y, layout, dx } = traceRow(row, new Graph(), 'x');
    const { outputs } = interpret(computation({ y, dx }), { x: fed });
    const result = toFileLayout(outputs.y.data, layout, y.shape);
    assert.equal(result.shape, row.y.shape);
    close(result.data, row.y.data, { relative: 1e-6 }, 'result');
    close(toFileLayout(outputs.dx.data, 'nhwc', dx.shape).data, row.dx, { relative: 3e-6 }, 'gradient');
  });
}

operators('every operator that can be opened has a row', () => {
  const shown = new Set(rows.flatMap(({ nodes }) => nodes.map(({ op }) => op)));
  assert.equal(
    supportedOps.filter((op) => !shown.has(op)),
    [],
  );
});
