// attribution-rules.test.ts: DeepLIFT and LRP on whole networks give finite numbers, or say why not.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { parseModel } from '../../src/models/model.ts';
import { deepLift } from '../../src/viz/attribution/deepLift.ts';
import { lrp } from '../../src/viz/attribution/lrp.ts';
import type { Method } from '../../src/viz/attribution/method.ts';
import { fetchBytes, fetchFixture } from '../support/fetch.ts';
import { networks } from '../support/networks.ts';
import { type Asked, explain as explainOn, type Given, noise } from '../support/smallNetwork.ts';
import { suite } from '../support/suite.ts';

const test = suite('rules of backward passes on whole networks');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

const explain = (method: Method, context: Given, input: Float32Array, asked: Asked = {}) =>
  explainOn(device, method, context, input, asked);

/** Where pictures and baselines cannot be told apart, DeepLIFT says so. */
const MOVES_BATCH = ['transformer-opset13', 'windows-opset17'];

for (const { file, input } of networks) {
  test(`${file}: LRP and DeepLIFT give finite numbers, or a sentence`, async () => {
    const model = parseModel(await fetchFixture(`networks/${file}.onnx`), { name: file });
    const [, C, H, W] = input;
    const x = noise(C * H * W, 41);
    const info = model.layers.at(-1) as (typeof model.layers)[number];
    const isList = info.shape.length === 1;
    const context = { model, size: [H, W] as const, ...(!isList && { unit: { layer: info.name, channel: 0 } }) };
    for (const [method, options] of [
      [lrp, { rule: 'composite' }],
      [lrp, { rule: 'alpha-beta' }],
      [deepLift, { baseline: 0 }],
    ] as const) {
      const asked = explain(method, context, x, options);
      if (method === deepLift && MOVES_BATCH.includes(file)) {
        const message = await asked.then(
          () => 'nothing was thrown',
          (error: Error) => error.message,
        );
        assert.match(message, 'moves its batch axis');
        continue;
      }
      const found = await asked;
      assert.ok(found.values.every(Number.isFinite), `${method.title} ${JSON.stringify(options)} is finite`);
      assert.ok(
        found.values.some((value) => value !== 0),
        `${method.title} says something of ${found.score}`,
      );
    }
  });
}

for (const file of ['squeezenet1_1-caffe', 'googlenet-bvlc', 'mobilenet_v2-qat']) {
  test(
    `${file}: every LRP rule gives finite numbers`,
    async () => {
      const model = parseModel(await fetchBytes(`data/models/${file}.onnx`), { name: file });
      const input = noise(64 * 64 * 3, 42).map((value) => 60 * value);
      for (const rule of ['composite', 'alpha-beta'] as const) {
        const found = await explain(lrp, { model, size: [64, 64] }, input, { rule, target: 282 });
        assert.ok(found.values.every(Number.isFinite), rule);
        assert.ok(
          found.values.some((value) => value !== 0),
          rule,
        );
      }
    },
    { timeoutSeconds: 300 },
  );
}

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
