// attribution-noise.test.ts: what SmoothGrad, SmoothGrad² and VarGrad promise: their limits, their standard errors, and what
// is left of them when they are stopped.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { methods } from '../../src/viz/attribution/methods.ts';
import type { Method } from '../../src/viz/attribution/method.ts';
import { close } from '../support/close.ts';
import {
  type Asked,
  explain as explainOn,
  type Given,
  picture,
  range,
  smallNetwork,
  sum,
} from '../support/smallNetwork.ts';
import { suite } from '../support/suite.ts';

const test = suite('noise on the input');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

const explain = (method: Method, context: Given, input: Float32Array, asked: Asked = {}) =>
  explainOn(device, method, context, input, asked);

const { smoothgrad, vargrad, 'smoothgrad-squared': squared } = methods;

test('without noise SmoothGrad is its base method: over pixels, a layer, a unit, maps, paths', async () => {
  const model = smallNetwork({ activation: 'Relu' });
  for (const [base, context] of [
    ['gradient', {}],
    ['gradient', { layer: 'd' }],
    ['gradient', { unit: { layer: 'g', channel: 2 } }],
    ['guided-backprop', {}],
    ['deeplift', {}],
    ['lrp', {}],
    ['grad-cam', { layer: 'f' }],
    ['ablation-cam', { layer: 'f' }],
    ['integrated-gradients', {}],
  ] as const) {
    const given = { model, ...context };
    const found = await explain(smoothgrad, given, picture, { base, sigma: 0, samples: 3 });
    const plain = await explain(methods[base], given, picture);
    // Three equal maps are summed and divided by three.
    close(found.values, plain.values, { relative: 1e-6 }, `${base} ${JSON.stringify(context)}`);
    assert.equal([found.shape, found.layer], [plain.shape, plain.layer]);
    close([found.score], [plain.score], { relative: 1e-6 }, `${base}: score`);
  }
});

test('moments: no variance where slopes are constant; squares above the squared mean; seeds', async () => {
  const linear = { model: smallNetwork(), seed: 3 };
  const none = await explain(vargrad, linear, picture);
  const size = await explain(squared, linear, picture);
  // Of sums of 25 float32 squares.
  for (const [i, value] of none.values.entries()) assert.ok(value >= 0 && value <= 5e-6 * size.values[i]);
  const context = { model: smallNetwork({ activation: 'Relu' }), seed: 3 };
  const [mean, squares, variance] = await Promise.all(
    [smoothgrad, squared, vargrad].map((method) => explain(method, context, picture)),
  );
  mean.values.forEach((value, i) => {
    assert.ok(squares.values[i] >= value ** 2 * (1 - 5e-6));
    const rest = squares.values[i] - value ** 2 - variance.values[i];
    assert.ok(Math.abs(rest) <= 5e-6 * squares.values[i]);
  });
  assert.ok(Math.max(...variance.values) > 0);
  assert.equal((await explain(smoothgrad, context, picture)).values, mean.values);
  assert.not.equal((await explain(smoothgrad, { ...context, seed: 4 }, picture)).values, mean.values);
});

test('standard errors cover: within three of them lies the long run', async () => {
  const context = { model: smallNetwork({ activation: 'Relu' }) };
  const few = await explain(smoothgrad, { ...context, seed: 1 }, picture, { samples: 200, sigma: 0.15 });
  const many = await explain(smoothgrad, { ...context, seed: 2 }, picture, { samples: 4000, sigma: 0.15 });
  const error = (i: number) => Math.hypot(few.standardErrors?.[i] as number, many.standardErrors?.[i] as number);
  // No filter reaches the last row and column.
  const seen = range(768).filter((i) => many.values[i] !== 0);
  assert.is(seen.length, 15 * 15 * 3);
  const apart = seen.map((i) => Math.abs(few.values[i] - many.values[i]) / error(i));
  const share = (most: number) => apart.filter((each) => each <= most).length / apart.length;
  assert.ok(share(3) >= 0.97, `${share(3)} within three`);
  // And they are not too wide either: about two thirds lie within one.
  assert.ok(share(1) > 0.5 && share(1) < 0.85, `${share(1)} within one`);
});

test('standard errors of SmoothGrad² and VarGrad are those of their long run, and rightly sized', async () => {
  const context = { model: smallNetwork({ activation: 'Relu' }) };
  for (const [name, method] of [
    ['squared', squared],
    ['vargrad', vargrad],
  ] as const) {
    const few = await explain(method, { ...context, seed: 5 }, picture, { samples: 400 });
    const many = await explain(method, { ...context, seed: 6 }, picture, { samples: 6000 });
    const error = (i: number) => Math.hypot(few.standardErrors?.[i] as number, many.standardErrors?.[i] as number);
    const seen = range(768).filter((i) => many.values[i] > 1e-4 * Math.max(...many.values));
    assert.ok(seen.length > 500, `${seen.length}`);
    const apart = seen.map((i) => Math.abs(few.values[i] - many.values[i]) / error(i));
    const share = (most: number) => apart.filter((each) => each <= most).length / apart.length;
    assert.ok(share(3) >= 0.97, `${name}: ${share(3)} within three`);
    assert.ok(share(1) > 0.5 && share(1) < 0.85, `${name}: ${share(1)} within one`);
  }
});

/** One of the three, stopped the first time it tells of progress. */
async function stopped(method: Method, asked: Asked) {
  const abort = new AbortController();
  let most = 0;
  const found = await explain(method, { model: smallNetwork({ activation: 'Relu' }), seed: 8 }, picture, {
    samples: 2000,
    ...asked,
    signal: abort.signal,
    progress: (done: number) => {
      most = Math.max(most, done);
      abort.abort(new Error('enough'));
    },
  });
  assert.ok(most <= 3, `${most} steps after the signal`);
  return found;
}

test('the signal keeps the estimate so far: that of as many samples, with its standard error', async () => {
  const context = { model: smallNetwork({ activation: 'Relu' }), seed: 8 };
  for (const method of [smoothgrad, squared, vargrad]) {
    const found = await stopped(method, {});
    assert.ok(found.evaluations > 1 && found.evaluations < 2000, `${found.evaluations}`);
    // As many as two replays held; a run that asks for so many from the start draws its noise in other batches.
    const whole = await explain(method, { ...context, seed: 9 }, picture, { samples: 2000 });
    const seen = range(768).filter((i) => Math.abs(whole.values[i]) > 1e-4 * Math.max(...whole.values));
    const error = (i: number) => Math.hypot(found.standardErrors?.[i] as number, whole.standardErrors?.[i] as number);
    const within = seen.filter((i) => Math.abs(found.values[i] - whole.values[i]) <= 3 * error(i)).length;
    assert.ok(within / seen.length > 0.95, `${found.method}: ${within} of ${seen.length} within three`);
    const ratio = sum(found.standardErrors ?? []) / sum(whole.standardErrors ?? []);
    close([ratio], [Math.sqrt(2000 / found.evaluations)], { relative: 0.3 }, `${found.method}: errors fall as n^-1/2`);
  }
});

test('the signal, over a base that is no graph: what was finished; nothing where a variance has but one map', async () => {
  const one = await stopped(smoothgrad, { base: 'integrated-gradients' });
  assert.is(one.standardErrors, undefined);
  const context = { model: smallNetwork({ activation: 'Relu' }), seed: 8 };
  const same = await explain(smoothgrad, context, picture, { base: 'integrated-gradients', samples: 1 });
  assert.equal(one.values, same.values);
  const reason = await stopped(vargrad, { base: 'integrated-gradients' }).then(
    () => 'nothing was thrown',
    (error: Error) => error.message,
  );
  assert.is(reason, 'enough');
});

test('a signal that comes before anything is done is thrown', async () => {
  const model = smallNetwork({ activation: 'Relu' });
  for (const base of ['gradient', 'integrated-gradients'] as const) {
    const signal = AbortSignal.abort(new Error('enough'));
    const reason = await explain(smoothgrad, { model }, picture, { base, samples: 2000, signal }).then(
      () => 'nothing was thrown',
      (error: Error) => error.message,
    );
    assert.is(reason, 'enough');
  }
});

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
