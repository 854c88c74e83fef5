// metrics.test.ts: metrics of faithfulness where their values are known: of linear networks, of exact maps, of plain pictures.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { gradient, inputXGradient } from '../../src/viz/attribution/gradient.ts';
import { gaussianBlur, makeBaseline } from '../../src/viz/attribution/baseline.ts';
import type { Attribution } from '../../src/viz/attribution/result.ts';
import { areaUnder } from '../../src/viz/metrics/curves.ts';
import { impute } from '../../src/viz/metrics/imputation.ts';
import { findMetric, type metrics, randomAttribution } from '../../src/viz/metrics/metrics.ts';
import { PictureScorer } from '../../src/viz/metrics/pictureScorer.ts';
import { pixelMap, rankPixels } from '../../src/viz/metrics/ranking.ts';
import { close } from '../support/close.ts';
import { explain, picture, range, size, smallNetwork, sum } from '../support/smallNetwork.ts';
import { suite } from '../support/suite.ts';

const test = suite('metrics');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

const model = smallNetwork();
/** A class has no probability that is linear; a unit is judged by its own value. */
const unit = { layer: model.resolve('y'), channel: 1 };
const target = 1;
type Name = keyof typeof metrics;

async function measure(name: Name, attribution: Attribution, more: object = {}, options: object = {}) {
  const context = { device, model, size, ...more };
  const scorer = await PictureScorer.create(context, 33);
  try {
    return await findMetric(name).measure(scorer, { context, input: picture, target, attribution, ...more }, options);
  } finally {
    scorer.dispose();
  }
}

const mapOf = (values: Float32Array): Attribution => ({ ...randomAttribution({ size }, target), values });

test('deletion of a linear network: the contributions that are left', async () => {
  const exact = await explain(device, inputXGradient, { model, unit }, picture);
  const { curve } = await measure('deletion', exact, { unit }, { steps: 16 });
  const map = pixelMap(exact, size);
  const order = rankPixels(map);
  const gone = (k: number) => sum(range(16 * k).map((i) => map[order[i]]));
  const expected = range(17).map((k) => exact.score - gone(k));
  close(curve?.scores ?? [], expected, { relative: 1e-4 }, 'curve');
  assert.is(areaUnder([1, 3, 5]), 3);
});

test('exact ranking above random above reversed', async () => {
  const exact = await explain(device, inputXGradient, { model }, picture);
  const reversed = { ...exact, values: exact.values.map((value) => -value) };
  const maps = [exact, randomAttribution({ size }, target), reversed];
  for (const [name, sign] of [
    ['insertion', 1],
    ['deletion', -1],
    ['road', 1],
  ] as const) {
    const [best, middle, worst] = await Promise.all(maps.map((map) => measure(name, map, {}, { baseline: 0 })));
    assert.ok(sign * best.value > sign * middle.value && sign * middle.value > sign * worst.value, name);
  }
});

test('infidelity: 0 of the slopes of a linear network, and of its contributions', async () => {
  const slopes = await explain(device, gradient, { model }, picture);
  const parts = await explain(device, inputXGradient, { model }, picture);
  for (const scale of [true, false]) {
    for (const change of ['boxes', 'noise']) {
      const options = { scale, change, samples: 16 };
      const { value, parts: { scale: beta } = {} } = await measure('infidelity', slopes, { kind: 'slopes' }, options);
      assert.ok(value < 1e-6, `${change}: ${value}`);
      close([beta], [1], { absolute: 1e-3 }, 'scale');
    }
    const contributed = await measure('infidelity', parts, {}, { scale, samples: 16 });
    assert.ok(contributed.value < 1e-6, `${contributed.value}`);
  }
  const blind = await measure('infidelity', randomAttribution({ size }, target), {}, { samples: 16 });
  assert.ok(blind.value > 1e-3, `${blind.value}`);
});

test('max-sensitivity: 0 of what does not depend on the picture, more of what does', async () => {
  const found: number[] = [];
  for (const activation of [undefined, 'Tanh'] as const) {
    const network = smallNetwork({ activation });
    const attributor = await gradient.prepare({ device, model: network, size });
    const attribution = await attributor.attribute({ input: picture, target });
    found.push((await measure('sensitivity', attribution, { model: network, attributor })).value);
    attributor.dispose();
  }
  assert.ok(found[0] < 1e-6 && found[1] > 1e-4, found.join());
});

test('drop of a linear network: what the map hides, at its share, is what the score loses', async () => {
  const open = await measure('drop', mapOf(new Float32Array(256).fill(1)));
  assert.is(open.value, 0);
  assert.is(open.parts?.increase, 0);
  const exact = await explain(device, inputXGradient, { model, unit }, picture);
  const contributions = pixelMap(exact, size);
  /** Half of the picture at full, half at a quarter, below 0 hidden like 0: those that count for the unit, or against it. */
  for (const sign of [1, -1]) {
    const favoured = contributions.map((value, i) => (i % 5 === 0 ? -1 : sign * value > 0 ? 2 : 0.5));
    const seen = exact.score - sum(contributions.map((value, i) => value * (1 - Math.max(0, favoured[i]) / 2)));
    const found = await measure('drop', mapOf(favoured), { unit });
    close(
      [found.parts?.whole ?? NaN, found.parts?.seen ?? NaN],
      [exact.score, seen],
      { relative: 1e-4 },
      `shown ${sign > 0 ? 'for' : 'against'}`,
    );
    const lost = Math.max(0, exact.score - seen) / Math.abs(exact.score);
    close([found.value], [lost], { relative: 1e-3, absolute: 1e-5 }, 'value');
    assert.is(found.parts?.increase, seen > exact.score ? 1 : 0);
  }
});

test('drop from a score of 0: nothing can be lost, unless the score can fall below', async () => {
  const scorer = (seen: number): PictureScorer => {
    const none = Object.create(PictureScorer.prototype) as PictureScorer;
    none.score = async () => ({ explained: Float64Array.of(0, seen), judged: Float64Array.of(0, seen) });
    return none;
  };
  const explained = {
    context: { device, model, size, unit },
    input: picture,
    attribution: mapOf(new Float32Array(256)),
  };
  for (const seen of [0, 0.5]) {
    const { value, parts } = await findMetric('drop').measure(scorer(seen), explained);
    assert.is(value, 0);
    assert.equal(parts, { increase: seen > 0 ? 1 : 0, whole: 0, seen });
  }
  try {
    await findMetric('drop').measure(scorer(-0.5), explained);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, 'the score of the picture is 0');
  }
});

test('insertion begins with the blurred picture and ends with the picture; deletion the other way with grey', async () => {
  const control = mapOf(new Float32Array(256).fill(1));
  const scoresOf = async (name: Name, options: object) =>
    (await measure(name, control, { unit }, { steps: 2, ...options })).curve?.scores ?? [];
  const whole = (await explain(device, inputXGradient, { model, unit }, picture)).score;
  const of = async (shown: Float32Array) => (await explain(device, inputXGradient, { model, unit }, shown)).score;
  const blurred = await of(gaussianBlur(picture, [16, 16, 3], 5));
  const nothing = await of(new Float32Array(768));
  assert.ok(Math.abs(blurred - nothing) > 1e-2, `${blurred} and ${nothing}`);
  const ends = (scores: ArrayLike<number>) => [scores[0], scores[scores.length - 1]];
  const tolerance = { relative: 1e-4 };
  close(ends(await scoresOf('insertion', {})), [blurred, whole], tolerance, 'insertion');
  close(ends(await scoresOf('deletion', {})), [whole, nothing], tolerance, 'deletion');
  close(ends(await scoresOf('deletion', { baseline: 'blur' })), [whole, blurred], tolerance, 'deletion into blur');
  const light = await of(gaussianBlur(picture, [16, 16, 3], 1));
  close(ends(await scoresOf('insertion', { blur: 1 })), [light, whole], tolerance, 'a light blur');
  const grey = await of(makeBaseline('mean', picture, [16, 16, 3]));
  close(ends(await scoresOf('insertion', { baseline: 'mean' })), [grey, whole], tolerance, 'insertion into the mean');
});

test('imputation gives back constants and ramps', () => {
  const [H, W] = [12, 10];
  const inner = range(H * W).filter((i) => i % W > 0 && i % W < W - 1 && i >= W && i < (H - 1) * W);
  const removed = Int32Array.from(inner.filter((_, k) => k % 5 !== 0));
  const ramp = Float32Array.from({ length: H * W * 2 }, (_, i) => {
    const pixel = i >> 1;
    return i % 2 ? 4 : Math.floor(pixel / W) - 2 * (pixel % W);
  });
  const holed = ramp.slice();
  for (const pixel of removed) holed.fill(99, 2 * pixel, 2 * pixel + 2);
  close(impute(holed, removed, [H, W, 2]), ramp, { absolute: 1e-4 }, 'ramp');
});

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
