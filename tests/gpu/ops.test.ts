// ops.test.ts: every kernel variant of every op, forward and as part of its gradient, against the float64 reference.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { type Computation, computation, Graph, type Value } from '../../src/engine/graph.ts';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { mul, sum } from '../../src/engine/ops/index.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { type Case, cases } from '../cases/index.ts';
import { close } from '../support/close.ts';
import { drawInputs, randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';
import { toleranceOf } from '../support/tolerance.ts';

function trace(row: Case): { forward: Computation; full: Computation } {
  const graph = new Graph();
  const inputs = row.inputs.map((shape, k) => graph.input(`x${k}`, shape));
  const y = row.build(inputs);
  const forward = computation({ y });
  const wrt = row.wrt ?? row.inputs.map((_, k) => k);
  if (wrt.length === 0) return { forward, full: forward };
  const next = randomNumbers(99);
  const weights = graph.constant({
    shape: y.shape,
    data: Float32Array.from({ length: sizeOf(y.shape) }, () => next() - 0.3),
  });
  const gradients = gradient(
    sum(mul(y, weights)),
    wrt.map((k) => inputs[k]),
  );
  const outputs: Record<string, Value> = { y };
  gradients.forEach((g, i) => {
    outputs[`d${wrt[i]}`] = g;
  });
  return { forward, full: computation(outputs) };
}

const test = suite('kernels');
let device: Device;
/** The same device under another description: kernels for GPUs, on grids that must be folded into two dimensions. */
let other: Device;
test.before(async () => {
  device = await openDevice();
  other = await openDevice();
  Object.assign(other.traits, { kind: 'gpu', maxWorkgroupsPerDimension: 2 });
});

async function compare(
  device: Device,
  row: Case,
  what: Computation,
  variant: number,
  optimize: boolean,
): Promise<number> {
  const data = drawInputs(row);
  const feeds = Object.fromEntries(data.map((values, k) => [`x${k}`, values]));
  let most = 0;
  const program = await compile(device, what, {
    optimize,
    choose: (kernels) => {
      most = Math.max(most, kernels.length);
      return kernels[Math.min(variant, kernels.length - 1)];
    },
  });
  for (const node of program.plan.graph.nodes)
    if (node.kind === 'input') program.write(node.name, feeds[node.name] as Float32Array);
  program.run();
  const expected = interpret(what, feeds).outputs;
  for (const name of Object.keys(what.outputs)) {
    const label = `${name}, variant ${variant}${optimize ? ', optimized' : ''}`;
    const relative = toleranceOf(what, row.ulps);
    close(await program.read(name), expected[name].data, { relative, absolute: relative * 1e-3 }, label);
  }
  program.dispose();
  return most;
}

for (const row of cases) {
  test(`${row.op}, ${row.name}`, async () => {
    const { full } = trace(row);
    const variants = await compare(device, row, full, 0, false);
    for (let variant = 1; variant < variants; variant++) await compare(device, row, full, variant, false);
    await compare(device, row, full, Number.POSITIVE_INFINITY, true);
    await compare(other, row, full, Number.POSITIVE_INFINITY, true);
  });
}

test('no buffer is left behind', () => {
  assert.is(device.memory.buffers + other.memory.buffers, 0);
});
