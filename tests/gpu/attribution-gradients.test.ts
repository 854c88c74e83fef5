// attribution-gradients.test.ts: the gradient family on the device: recorded numbers and axioms.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { deepLift } from '../../src/viz/attribution/deepLift.ts';
import { inputXGradient } from '../../src/viz/attribution/gradient.ts';
import { deconvnet, guidedBackprop } from '../../src/viz/attribution/guided.ts';
import { integratedGradients } from '../../src/viz/attribution/integratedGradients.ts';
import { lrp } from '../../src/viz/attribution/lrp.ts';
import { close } from '../support/close.ts';
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

const BENT = [
  {
    what: 'guided_backprop',
    method: guidedBackprop,
    also: ['cifar10-resnet2b-adv', 'squeezenet1_1-caffe', 'googlenet-bvlc'],
  },
  { what: 'deconvolution', method: deconvnet, also: ['squeezenet1_1-caffe'] },
];
for (const { what, method, also } of BENT) {
  for (const file of [...SMALL, ...also.map((name) => `${name}.onnx`)]) {
    test(`${file}: ${what} as Captum's`, async () => {
      const rows = await recordings(what, file);
      assert.ok(rows.length > 0);
      for (const row of rows) await compareRecorded(device, method, row);
    });
  }
}

for (const file of SMALL) {
  test(`${file}: DeepLIFT as Captum's, and complete`, async () => {
    for (const row of await recordings('deeplift', file)) {
      const { delta = Number.NaN, score } = await compareRecorded(device, deepLift, row);
      close([delta], [0], { absolute: 1e-4 * Math.abs(score) }, 'completeness');
    }
  });

  test(`${file}: LRP with biases in its denominators is input x gradient`, async () => {
    const rows = await recordings('input_x_gradient', file);
    for (const row of rows) await compareRecorded(device, lrp, row, { rule: 'epsilon' });
  });
}

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
