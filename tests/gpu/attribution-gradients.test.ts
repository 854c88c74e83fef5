// attribution-gradients.test.ts: the gradient family on the device: recorded numbers and axioms.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { inputXGradient } from '../../src/viz/attribution/gradient.ts';
import { integratedGradients } from '../../src/viz/attribution/integratedGradients.ts';
import { compareRecorded, recordings } from '../support/golden.ts';
import { suite } from '../support/suite.ts';

const test = suite('attribution by gradients');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

const SMALL = ['mnist-convsmall-plain.onnx', 'cifar10-convsmall-pgd.onnx'];

for (const file of SMALL) {
  test(`${file}: input x gradient as Captum's`, async () => {
    const rows = await recordings('input_x_gradient', file);
    assert.is(rows.length, 2);
    for (const row of rows) await compareRecorded(device, inputXGradient, row);
  });
}

for (const file of [...SMALL, 'cifar10-resnet2b-adv.onnx']) {
  test(`${file}: integrated gradients as Captum's`, async () => {
    const rows = await recordings('integrated_gradients', file);
    assert.ok(rows.length > 0);
    for (const row of rows) await compareRecorded(device, integratedGradients, row, { steps: 50, baseline: 0 });
  });
}

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
