// rules.test.ts: every gradient rule against central differences in float64, over the rows of tests/cases.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { defaultRules, type Rules } from '../../src/autodiff/rules/index.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { mul, neg, sum, transpose } from '../../src/engine/ops/index.ts';
import { type OpName, ops } from '../../src/kernels/index.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { type Case, cases } from '../cases/index.ts';
import { drawInputs, randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const STEP = 1e-5;
/** Central differences in float64 are off by about STEP² and 1e-16 / STEP. */
const TOLERANCE = 1e-6;
/** Elements of each input that are tried. */
const SAMPLES = 12;

/** The row's op as a scalar: its result weighted with fixed random numbers and summed. */
function traceLoss(row: Case) {
  const graph = new Graph();
  const inputs = row.inputs.map((shape, k) => graph.input(`x${k}`, shape));
  const y = row.build(inputs);
  const next = randomNumbers(99);
  const weights = graph.constant({
    shape: y.shape,
    data: Float32Array.from({ length: sizeOf(y.shape) }, () => next() - 0.3),
  });
  return { inputs, loss: sum(mul(y, weights)) };
}

function checkRow(row: Case): void {
  const { inputs, loss } = traceLoss(row);
  const wrt = row.wrt ?? row.inputs.map((_, k) => k);
  if (wrt.length === 0) return;
  const gradients = gradient(
    loss,
    wrt.map((k) => inputs[k]),
  );
  const feeds = Object.fromEntries(drawInputs(row).map((data, k) => [`x${k}`, Float64Array.from(data)]));
  const run = interpret(computation(Object.fromEntries(gradients.map((g, i) => [`d${wrt[i]}`, g]))), feeds);
  const lossOnly = computation({ loss });
  const next = randomNumbers(7);
  for (const k of wrt) {
    const x = feeds[`x${k}`];
    for (let n = 0; n < Math.min(SAMPLES, x.length); n++) {
      const i = x.length <= SAMPLES ? n : Math.floor(next() * x.length);
      const at = (value: number): number => {
        const moved = x.slice();
        moved[i] = value;
        return interpret(lossOnly, { ...feeds, [`x${k}`]: moved }).outputs.loss.data[0];
      };
      const expected = (at(x[i] + STEP) - at(x[i] - STEP)) / (2 * STEP);
      const actual = run.outputs[`d${k}`].data[i];
      const error = Math.abs(actual - expected);
      assert.ok(
        error <= TOLERANCE * Math.max(1, Math.abs(expected)),
        `d input ${k} at ${i}: rule gives ${actual}, central difference ${expected}`,
      );
    }
  }
}

const test = suite('gradient rules');

test('a rule or a seed of a wrong shape is named', () => {
  const graph = new Graph();
  const x = graph.input('x', [2, 3]);
  const turned: Rules = { ...defaultRules, neg: ({ dy }) => [transpose(dy)] };
  assert.throws(
    () => gradient(sum(mul(neg(x), x)), [x], { rules: turned }),
    /the rule of neg gives \[3,2\] for an input of \[2,3\]/,
  );
  assert.throws(() => gradient(neg(x), [x], { seed: graph.constant(1) }), /the seed is \[\], the loss \[2,3\]/);
});

test('every op has rows', () => {
  const covered = new Set<OpName>(cases.map((row) => row.op));
  // `fused` is made by a pass and tested with the passes.
  const missing = (Object.keys(ops) as OpName[]).filter((op) => op !== 'fused' && !covered.has(op));
  assert.equal(missing, [], `ops without a row in tests/cases: ${missing.join(', ')}`);
});

for (const row of cases) test(`${row.op}, ${row.name}`, () => checkRow(row));
