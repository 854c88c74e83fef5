// Self-tests on the device: networks that agree with what is stored, others' weights under the same numbers, none stored.

import * as assert from 'uvu/assert';
import { openDevice, parseModel, selfTest, shippedModels, withSelfTest, zooSelfTest } from '../../src/index.ts';
import { referenceLogits } from '../../src/models/selfTest.ts';
import { fetchAsset } from '../support/fetch.ts';
import { encodeModel, encodeTensor, floatTensor, type TestModel } from '../support/onnx.ts';
import { suite } from '../support/suite.ts';

const test = suite('self-test');

/** conv, relu, mean, 4 classes, softmax. */
const network = (weight: number): TestModel => ({
  nodes: [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['conv'], attributes: { pads: [1, 1, 1, 1] } },
    { op: 'Relu', inputs: ['conv'], outputs: ['relu'] },
    { op: 'GlobalAveragePool', inputs: ['relu'], outputs: ['mean'] },
    { op: 'Flatten', inputs: ['mean'], outputs: ['row'] },
    { op: 'Gemm', inputs: ['row', 'm'], outputs: ['logits'] },
    { op: 'Softmax', inputs: ['logits'], outputs: ['classes'], attributes: { axis: 1 } },
  ],
  initializers: [
    floatTensor('w', [2, 3, 3, 3], [weight, ...Array.from({ length: 53 }, (_, i) => Math.sin(i + 1))]),
    floatTensor('m', [2, 4], [1, -2, 3, -4, 5, -6, 7, -8]),
  ],
  inputs: { x: ['N', 3, 8, 6] },
  outputs: ['classes'],
});

test('the shipped networks give the logits stored in their files', async () => {
  const device = await openDevice();
  for (const { id, file, preprocess } of shippedModels) {
    const bytes = await fetchAsset(file);
    const result = await selfTest(device, parseModel(bytes, { name: id, preprocess }));
    assert.ok(result?.agrees, `${id}: ${JSON.stringify(result)}`);
    assert.match(result!.source, /float64 reference/);
    assert.ok(result!.maxDifference > 0, 'float32 rounds');
  }
  device.close();
});

test('one weight that differs by a hundredth, or is no number, is noticed', async () => {
  const device = await openDevice();
  const model = parseModel(encodeModel(network(0.5)));
  const stored = parseModel(withSelfTest(encodeModel(network(0.5)), model)).metadata.get('facet.selftest') as string;
  const run = (weight: number) =>
    selfTest(device, parseModel(encodeModel({ ...network(weight), metadata: { 'facet.selftest': stored } })));
  assert.is((await run(0.5))?.agrees, true);
  const result = await run(0.51);
  assert.is(result?.agrees, false);
  assert.ok(result!.maxDifference > result!.allowed, JSON.stringify(result));
  // 3e38 times a pixel overflows float32, and infinity minus infinity is no number.
  const broken = await run(3e38);
  assert.is(broken?.agrees, false);
  assert.is(await selfTest(device, model), undefined, 'nothing stored, nothing run');
  device.close();
});

test("the zoo's output is compared behind the softmax, in the layout of the file", async () => {
  const device = await openDevice();
  const model = parseModel(encodeModel(network(0.5)), { name: 'net' });
  const numbers = Array.from({ length: 2 * 144 }, (_, i) => Math.cos(i));
  const input = encodeTensor(floatTensor('input_0', [2, 3, 8, 6], numbers));
  const rows = [0, 1].flatMap((n) => {
    const data = Float32Array.from({ length: 144 }, (_, i) => numbers[n * 144 + (i % 3) * 48 + Math.floor(i / 3)]);
    const powers = [...referenceLogits(model, { shape: [1, 8, 6, 3], data })].map(Math.exp);
    return powers.map((power) => power / powers.reduce((a, b) => a + b));
  });
  const check = (expected: readonly number[]) =>
    selfTest(
      device,
      model,
      zooSelfTest(model, 'set 0', input, encodeTensor(floatTensor('output_0', [2, 4], expected))),
    );
  assert.is((await check(rows))?.agrees, true);
  assert.is((await check([...rows.slice(4), ...rows.slice(0, 4)]))?.agrees, false);
  device.close();
});
