// winograd.test.ts: convolutions lowered to Winograd's algorithm on the device, against the float64 reference of the
// convolution, with the error that follows from the algorithm's matrices.

import * as assert from 'uvu/assert';
import { type Computation, computation } from '../../src/engine/graph.ts';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { add, relu } from '../../src/engine/ops/index.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { winogradError } from '../../src/kernels/winograd_transforms.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';
import { winogradSettings } from '../support/winograd.ts';

/** The largest of ten thousand normal errors is seldom more than four; the model of the error is not exact. */
const DEVIATIONS = 6;

/** Inputs are drawn evenly from -1 to 1. */
const VARIANCE = 1 / 3;

const test = suite('winograd');
let device: Device;
/** The same device under another description: kernels for GPUs, on grids that must be folded into two dimensions. */
let other: Device;
test.before(async () => {
  device = await openDevice();
  other = await openDevice();
  Object.assign(other.traits, { kind: 'gpu', maxWorkgroupsPerDimension: 2 });
});
test.after(() => {
  device.close();
  other.close();
});

/** With a bias and a ReLU behind it, which become the epilogue of the last dispatch. */
function activated({ outputs: { y } }: Computation): Computation {
  const channels = y.shape[3];
  const bias = Float32Array.from({ length: channels }, (_, k) => 0.5 - k / channels);
  return computation({ y: relu(add(y, y.graph.constant({ shape: [channels], data: bias }))) });
}

async function compare(on: Device, what: Computation, tile: 2 | 4, sums: number): Promise<void> {
  const next = randomNumbers(7);
  const feeds = Object.fromEntries(
    what.graph.nodes.flatMap((node) =>
      node.kind === 'input'
        ? [[node.name, Float32Array.from({ length: sizeOf(node.shape) }, () => 2 * next() - 1)]]
        : [],
    ),
  );
  const target = { traits: on.traits, measured: () => `winograd-${tile}` };
  const program = await compile(on, what, { target });
  assert.ok(program.steps.some(({ op }) => op === 'winogradProduct'));
  assert.is(program.steps.at(-1)?.op, 'winogradOutput');
  for (const [name, values] of Object.entries(feeds)) program.write(name, values);
  program.run();
  const absolute = DEVIATIONS * VARIANCE * winogradError(tile, sums);
  close(await program.read('y'), interpret(what, feeds).outputs.y.data, { absolute }, `F(${tile})`);
  program.dispose();
}

for (const { name, sums, trace } of winogradSettings) {
  for (const tile of [2, 4] as const) {
    test(`F(${tile}x${tile}): ${name}`, async () => {
      await compare(device, trace(), tile, sums);
      await compare(device, activated(trace()), tile, sums);
      await compare(other, activated(trace()), tile, sums);
    });
  }
}
