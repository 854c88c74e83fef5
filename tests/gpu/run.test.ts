// run.test.ts: running a network forward: logits and layers belong to the input of their own call.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { parseModel } from '../../src/models/model.ts';
import { Runner } from '../../src/models/run.ts';
import { randomNumbers } from '../support/draw.ts';
import { fetchAsset } from '../support/fetch.ts';
import { suite } from '../support/suite.ts';

const test = suite('run');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

test('calls at the same time do not mix', async () => {
  const bytes = await fetchAsset('assets/cifar10-twin-standard.onnx');
  const model = parseModel(bytes);
  const names = model.layers.slice(1, 3).map(({ name }) => name);
  const runner = await Runner.create(device, model, [1, 32, 32, 3], names);
  const next = randomNumbers(3);
  const [a, b] = [0, 1].map(() => Float32Array.from({ length: 3072 }, () => next()));
  const alone = [await runner.run(a), await runner.run(b)];
  const together = await Promise.all([runner.run(a), runner.run(b)]);
  alone.forEach((expected, k) => {
    assert.equal([...together[k].output.data], [...expected.output.data], `logits of call ${k}`);
    for (const name of names) {
      const [got, wanted] = [together[k], expected].map(({ layers }) => layers.get(name)?.data as Float32Array);
      assert.ok(
        got.every((value, i) => value === wanted[i]),
        `layer "${name}" of call ${k}`,
      );
    }
  });
  runner.dispose();
  assert.is(device.memory.buffers, 0);
});
