// Input gradients turned round, on the device, by every kernel of the convolution: against the float64 reference.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { ROTATED } from '../../src/engine/passes/rotate.ts';
import { close } from '../support/close.ts';
import { rotations, traceRotation } from '../support/rotations.ts';
import { suite } from '../support/suite.ts';

const test = suite('rotated gradients');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

for (const row of rotations) {
  test(row.name, async () => {
    const { what, dy } = traceRotation(row);
    const { traits } = device;
    const expected = interpret(what, { dy }).outputs.dx.data;
    for (let variant = 0, variants = 1; variant < variants; variant++) {
      const program = await compile(device, what, {
        target: { traits, measured: () => ROTATED },
        choose: (kernels, { op }) => {
          if (op === 'conv2d') variants = kernels.length;
          return kernels[op === 'conv2d' ? variant : kernels.length - 1];
        },
      });
      assert.equal(
        program.steps.map(({ op }) => op),
        ['conv2d'],
        'the filter is turned once, when the program is built',
      );
      const { dx } = await program.evaluate({ dy });
      // A rounding a term of the sum, and eight for the rest.
      const terms = row.taps[0] * row.taps[1] * row.filters;
      close(dx, expected, { relative: 2 ** -24 * (terms + 8) }, `variant ${variant}`);
      program.dispose();
    }
  });
}

test('no buffer is left behind', () => {
  assert.is(device.memory.buffers, 0);
});
