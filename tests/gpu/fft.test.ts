// Fourier transforms of pictures at working sizes, on the device, as compiled: against float64.

import * as assert from 'uvu/assert';
import { type Computation, computation, Graph } from '../../src/engine/graph.ts';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { irfft2, rfft2 } from '../../src/engine/ops/index.ts';
import { lower } from '../../src/engine/passes/lower.ts';
import { costOfOp } from '../../src/kernels/references/index.ts';
import { halfSize } from '../../src/kernels/fft.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const test = suite('fourier on the device');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

/** One rounding for each term along the stages. */
function toleranceOf(lowered: Computation): number {
  const { nodes } = lowered.graph;
  const terms = nodes.map((node) =>
    node.kind === 'op'
      ? costOfOp(node.op)(
          node.inputs.map((id) => nodes[id].shape),
          node.attrs,
          node.shape,
        ).terms
      : 0,
  );
  return 2 ** -24 * terms.reduce((a, b) => a + b, 0);
}

async function check(what: Computation, label: string): Promise<number> {
  const shape = what.graph.nodes[0].shape;
  const next = randomNumbers(3);
  const x = Float32Array.from({ length: sizeOf(shape) }, () => 2 * next() - 1);
  const program = await compile(device, what);
  program.write('x', x);
  program.run();
  const expected = interpret(what, { x }).outputs.y.data;
  close(await program.read('y'), expected, { relative: toleranceOf(lower(what)) }, label);
  const steps = program.steps.length;
  program.dispose();
  return steps;
}

for (const [h, w, steps] of [
  [224, 224, 6],
  [128, 128, 6],
  [224, 113, 4],
  [113, 30, 4],
]) {
  test(`rfft2 and irfft2 at ${h} x ${w}, ${steps} dispatches each`, async () => {
    const image = rfft2(new Graph().input('x', [1, h, w, 1]));
    assert.is(await check(computation({ y: image }), 'rfft2'), steps);
    const spectrum = new Graph().input('x', [1, h, halfSize(w), 1, 2]);
    assert.is(await check(computation({ y: irfft2(spectrum, w) }), 'irfft2'), steps);
  });
}
