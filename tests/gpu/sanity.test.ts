// sanity.test.ts: maps of networks whose weights are drawn anew: which methods notice, and that everything is put back.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { type Model, parseModel } from '../../src/models/model.ts';
import { preprocessPixels } from '../../src/models/preprocess.ts';
import { drawing } from '../../src/training/drawings.ts';
import { ChangingWeights } from '../../src/viz/attribution/changingWeights.ts';
import { findMethod, type MethodName } from '../../src/viz/attribution/methods.ts';
import type { Context } from '../../src/viz/attribution/subject.ts';
import { type SanityRow, sanityCheck, type SanityOptions, sanitySteps } from '../../src/viz/metrics/sanity.ts';
import { close } from '../support/close.ts';
import { fetchAsset } from '../support/fetch.ts';
import { explain, picture, size, smallNetwork } from '../support/smallNetwork.ts';
import { suite } from '../support/suite.ts';

const test = suite('sanity of attributions');
let device: Device;
let drawings: Model;
test.before(async () => {
  device = await openDevice();
  drawings = parseModel(await fetchAsset('assets/drawings.onnx'), { name: 'drawings' });
});

const bits = (data: Float32Array): Uint32Array => new Uint32Array(data.slice().buffer);
const small = (): Context => ({ device, model: smallNetwork({ activation: 'Relu' }), size, seed: 3 });

const check = (method: MethodName, options: SanityOptions = {}) =>
  sanityCheck(small(), findMethod(method), { input: picture, target: 1 }, options);

const measures = ({ spearman, absSpearman, ssim, hog }: SanityRow) => [spearman, absSpearman, ssim, hog];

test('layers are taken from the output down, in equal shares', () => {
  assert.equal(sanitySteps(['a', 'b', 'c', 'd', 'e'], 2), [
    ['e', 'd', 'c'],
    ['b', 'a'],
  ]);
  assert.equal(sanitySteps(['a', 'b', 'c'], 0), [['c'], ['b'], ['a']]);
  assert.equal(sanitySteps(['a', 'b'], 12), [['b'], ['a']]);
});

// One method for each way of making programs: a graph, sums over samples, masks, a layer's head, a walk.
for (const method of [
  'gradient',
  'integrated-gradients',
  'smoothgrad',
  'occlusion',
  'ablation-cam',
  'guided-ig',
] as const) {
  test(`${method}: the network as it is, another at every step, and the first one again`, async () => {
    const { rows, restored } = await check(method, { steps: 0 });
    assert.equal(
      rows.map(({ layers }) => layers),
      [[], ['y'], ['f'], ['c']],
    );
    close(measures(rows[0]), [1, 1, 1, 1], { absolute: 1e-9 }, 'the first row');
    for (const row of rows.slice(1)) assert.ok(row.spearman < 0.95, `step ${row.step}: ${row.spearman}`);
    const plain = await explain(device, findMethod(method), small(), picture);
    close(
      rows[0].attribution.values,
      plain.values,
      { relative: 1e-4, absolute: 1e-6 },
      'with the weights as constants',
    );
    assert.equal(bits(restored.values), bits(rows[0].attribution.values));
  });
}

test('the signal ends it between two maps; the rows so far were handed on, and all is freed', async () => {
  const stop = new AbortController();
  const { bytes } = device.memory;
  const rows: SanityRow[] = [];
  const onRow = (row: SanityRow): void => {
    if (rows.push(row) === 2) stop.abort(new Error('enough'));
  };
  const request = { input: picture, target: 1, signal: stop.signal };
  const error = await sanityCheck(small(), findMethod('gradient'), request, { steps: 0, onRow }).catch((why) => why);
  assert.is(error, stop.signal.reason);
  assert.equal(
    rows.map(({ layers }) => layers),
    [[], ['y']],
  );
  assert.is(device.memory.bytes, bytes);
});

test('with a layer, both ends of the way see the weights', async () => {
  const context = { ...small(), layer: 'd' };
  const method = findMethod('integrated-gradients');
  const { rows, restored } = await sanityCheck(context, method, { input: picture, target: 1 });
  const plain = await explain(device, method, context, picture);
  close(rows[0].attribution.values, plain.values, { relative: 1e-4, absolute: 1e-6 }, 'with the weights as constants');
  assert.equal(bits(restored.values), bits(rows[0].attribution.values));
  for (const { attribution } of rows) {
    assert.ok(Math.abs(attribution.delta as number) < 0.1 * Math.abs(attribution.score) + 0.1, 'completeness');
  }
});

test('a step draws its own layers only, and the same numbers in both modes', async () => {
  const weights = await ChangingWeights.create(small());
  const before = await weights.read();
  await weights.randomize(['f'], 9);
  const one = await weights.read();
  assert.equal(
    Object.keys(one).filter((name) => bits(one[name]).some((word, i) => word !== bits(before[name])[i])),
    ['e'],
  );
  const deviation = (data: Float32Array) => Math.sqrt(data.reduce((sum, v) => sum + v * v, 0) / data.length);
  close([deviation(one.e)], [deviation(before.e)], { relative: 0.15 }, 'spread of 432 numbers');
  await weights.randomize(['y', 'f'], 9);
  assert.equal(bits((await weights.read()).e), bits(one.e));
  weights.restore();
  const after = await weights.read();
  for (const name of Object.keys(before)) assert.equal(bits(after[name]), bits(before[name]), name);
  weights.dispose();
});

test('independent: the last layer alone is as in the first step of the cascade, the others differ', async () => {
  const cascading = await check('gradient', { steps: 0 });
  const independent = await check('gradient', { steps: 0, mode: 'independent' });
  assert.equal(bits(independent.rows[1].attribution.values), bits(cascading.rows[1].attribution.values));
  assert.not.equal(bits(independent.rows[3].attribution.values), bits(cascading.rows[3].attribution.values));
  assert.equal(bits(independent.restored.values), bits(independent.rows[0].attribution.values));
});

test('the gradient forgets the picture, guided backprop and deconvnet do not', async () => {
  const DRAWS = 6;
  /** Mean signed correlation once the upper three of five layers are drawn anew, and once all of it is. */
  const meanOf = async (name: MethodName): Promise<{ upper: number; all: number }> => {
    const mean = { upper: 0, all: 0 };
    for (let k = 0; k < DRAWS; k++) {
      const { pixels, label } = drawing(5, k + 4);
      const picture = { width: 64, height: 64, channels: 3, data: pixels } as const;
      const { data: input } = preprocessPixels(picture, drawings.preprocess, [64, 64]);
      const context = { device, model: drawings, size: [64, 64] as const, seed: k };
      const { rows } = await sanityCheck(context, findMethod(name), { input, target: label }, { steps: 2 });
      mean.upper += rows[1].spearman / DRAWS;
      mean.all += rows[2].spearman / DRAWS;
    }
    return mean;
  };
  const gradient = await meanOf('gradient');
  const guided = await meanOf('guided-backprop');
  const deconvolved = await meanOf('deconvnet');
  const found = JSON.stringify({ gradient, guided, deconvolved });
  assert.ok(Math.abs(gradient.all) < 0.1, found);
  // Seen with these seeds: 0.17 and 0.10 above the gradient.
  assert.ok(guided.all > gradient.all + 0.1, found);
  assert.ok(deconvolved.all > gradient.all + 0.05, found);
  // The paper's finding at its plainest: .79 and .67 against .01 while three of five layers are gone.
  assert.ok(guided.upper > gradient.upper + 0.5, found);
  assert.ok(deconvolved.upper > gradient.upper + 0.5, found);
});

test('a signal ends it, and nothing stays on the device', async () => {
  const stop = new AbortController();
  const request = { input: picture, target: 1, signal: stop.signal, progress: () => stop.abort(new Error('enough')) };
  try {
    await sanityCheck(small(), findMethod('gradient'), request);
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'enough');
  }
  assert.is(device.memory.buffers, 0);
});
