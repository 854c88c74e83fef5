// attribution-paths.test.ts: methods that follow a path, on the device: their axioms, and attribution to layers and of units.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { parseModel } from '../../src/models/model.ts';
import { presets, preprocessRgb } from '../../src/models/preprocess.ts';
import { blurIg } from '../../src/viz/attribution/blurIg.ts';
import { gradient } from '../../src/viz/attribution/gradient.ts';
import { gradientShap } from '../../src/viz/attribution/gradientShap.ts';
import { guidedIg } from '../../src/viz/attribution/guidedIg.ts';
import { integratedGradients } from '../../src/viz/attribution/integratedGradients.ts';
import type { Method } from '../../src/viz/attribution/method.ts';
import { quadratureRules } from '../../src/viz/attribution/quadrature.ts';
import type { Attribution } from '../../src/viz/attribution/result.ts';
import { xrai } from '../../src/viz/attribution/xrai.ts';
import { close } from '../support/close.ts';
import { encodeModel, floatTensor } from '../support/onnx.ts';
import {
  type Asked,
  changes,
  explain as explainOn,
  gapOf,
  type Given,
  inFile,
  missed,
  noise,
  other,
  picture,
  range,
  size,
  smallNetwork as network,
  sum,
  times,
} from '../support/smallNetwork.ts';
import { suite } from '../support/suite.ts';

const test = suite('attribution on paths');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

const explain = (method: Method, context: Given, input: Float32Array, asked: Asked = {}): Promise<Attribution> =>
  explainOn(device, method, context, input, asked);

test('a linear network is integrated exactly, by any rule and number of points', async () => {
  const model = network();
  const { values: slopes } = await explain(gradient, { model }, picture);
  const expected = times(slopes, inFile(changes(picture, other)));
  for (const rule of quadratureRules) {
    for (const steps of rule === 'gausslegendre' ? [1, 2, 50] : [1, 7]) {
      const found = await explain(integratedGradients, { model }, picture, { rule, steps, baseline: other });
      close(found.values, expected, { relative: 1e-5 }, `${rule}, ${steps} steps`);
      assert.ok(missed(found) < 1e-5);
      assert.is(found.evaluations, steps + 2);
    }
  }
});

test('twenty points are enough for a smooth network', async () => {
  const model = network({ activation: 'Tanh' });
  const found = await explain(integratedGradients, { model }, picture, { steps: 20, baseline: other });
  assert.ok(Math.abs(gapOf(found)) > 0.1);
  assert.ok(missed(found) < 1e-5, `${missed(found)} is missed`);
});

test('two networks of one function have equal integrated gradients', async () => {
  const maps = await Promise.all(
    [false, true].map((doubled) =>
      explain(integratedGradients, { model: network({ activation: 'Relu', doubled }) }, picture, { baseline: other }),
    ),
  );
  close([maps[1].score], [maps[0].score], { relative: 1e-5 }, 'score');
  close(maps[1].values, maps[0].values, { relative: 1e-5 }, 'values');
});

test('with a tolerance, steps are doubled until it holds, or to the end; the best is kept', async () => {
  const model = network({ activation: 'Relu' });
  const options = { steps: 4, baseline: other, target: 0 };
  const rounds = [4, 8, 16, 32, 48];
  const single: Attribution[] = [];
  for (const steps of rounds)
    single.push(await explain(integratedGradients, { model }, picture, { ...options, steps }));
  const errors = single.map(missed);
  const best = errors.indexOf(Math.min(...errors));

  const all = await explain(integratedGradients, { model }, picture, { ...options, tolerance: 0, maxSteps: 48 });
  assert.is(all.evaluations, sum(rounds) + 2 * rounds.length);
  close(all.values, single[best].values, { relative: 1e-5 }, 'the best of all');

  assert.ok(best > 0 && best < 4); // a kink: more steps than the best are worse
  const tolerance = (errors[best] + Math.min(...errors.filter((_, i) => i !== best))) / 2;
  const enough = await explain(integratedGradients, { model }, picture, { ...options, tolerance, maxSteps: 48 });
  assert.is(enough.evaluations, sum(rounds.slice(0, best + 1)) + 2 * (best + 1));
  assert.ok(missed(enough) <= tolerance);
});

test('a signal ends the doubling with what is there, and the first round with its reason', async () => {
  const model = network({ activation: 'Relu' });
  const options = { steps: 4, tolerance: 0, maxSteps: 512, baseline: other };
  const later = new AbortController();
  const found = await explain(integratedGradients, { model }, picture, {
    ...options,
    signal: later.signal,
    progress: (done: number) => done >= 12 && later.abort(),
  });
  const first = await explain(integratedGradients, { model }, picture, { steps: 4, baseline: other });
  assert.ok(found.evaluations < 200);
  assert.ok(missed(found) <= missed(first) + 1e-6);
  const early = AbortSignal.abort(new Error('enough'));
  let thrown: unknown;
  await explain(integratedGradients, { model }, picture, { ...options, signal: early }).catch((error) => {
    thrown = error;
  });
  assert.match(String(thrown), /enough/);
});

test('GradientSHAP of a linear network is exact with one baseline, and right in the mean with two', async () => {
  const model = network();
  const { values: slopes } = await explain(gradient, { model }, picture);
  const one = await explain(gradientShap, { model }, picture, { samples: 5, baseline: other });
  close(one.values, times(slopes, inFile(changes(picture, other))), { relative: 1e-5 }, 'one baseline');
  assert.ok(missed(one) < 1e-5);
  const two = Float32Array.of(...other, ...noise(768, 7));
  const found = await explain(gradientShap, { model, seed: 3 }, picture, { samples: 400, baseline: two });
  const middle = other.map((value, i) => (value + two[768 + i]) / 2);
  // What is off is the share of each baseline, for all values alike.
  const expected = times(slopes, inFile(changes(picture, middle)));
  const errors = found.standardErrors as Float32Array;
  const off = range(768).filter((i) => Math.abs(found.values[i] - expected[i]) > 4 * errors[i] + 1e-5);
  assert.equal(off, []);
  assert.is(found.evaluations, 2 + 400 + 1);
});

/** Standard errors are honest: about so many values lie within one and two of them as of a normal number. */
function checkErrors({ values, standardErrors }: Attribution, expected: Float32Array): void {
  const errors = standardErrors as Float32Array;
  assert.is(errors.length, values.length);
  const within = (count: number) =>
    range(values.length).filter((i) => Math.abs(values[i] - expected[i]) <= count * errors[i] + 1e-6).length /
    values.length;
  assert.ok(within(4) > 0.995, `${within(4)} within four standard errors`);
  assert.ok(within(1) > 0.4 && within(1) < 0.95, `${within(1)} within one`);
}

test('GradientSHAP is integrated gradients in the mean over baselines, with honest errors; a seed fixes it', async () => {
  const model = network({ activation: 'Relu' });
  const baselines = [other, noise(768, 7), noise(768, 8)];
  const maps: Attribution[] = [];
  for (const baseline of baselines)
    maps.push(await explain(integratedGradients, { model }, picture, { steps: 200, baseline }));
  const mean = maps[0].values.map((_, i) => sum(maps.map(({ values }) => values[i])) / 3);
  const options = { samples: 2000, baseline: Float32Array.from(baselines.flatMap((each) => [...each])) };
  const found = await explain(gradientShap, { model, seed: 1 }, picture, options);
  checkErrors(found, mean);
  close(
    [found.baselineScore as number],
    [sum(maps.map((each) => each.baselineScore as number)) / 3],
    { absolute: 1e-4 },
    'baseline score',
  );
  assert.ok(Math.abs(found.delta as number) < 0.1, `delta ${found.delta}`); // of about 20 that positive and negative values sum to
  assert.is(found.seed, 1);
  const few = { ...options, samples: 20 };
  const again = await explain(gradientShap, { model, seed: 1 }, picture, few);
  assert.equal(again.values, (await explain(gradientShap, { model, seed: 1 }, picture, few)).values);
  assert.not.equal(again.values, (await explain(gradientShap, { model, seed: 2 }, picture, few)).values);
});

test('GradientSHAP against noise and with noise; complete in the mean', async () => {
  const model = network({ activation: 'Tanh' });
  const found = await explain(gradientShap, { model, seed: 4 }, picture, { samples: 1500, baseline: 'noise' });
  assert.is(found.evaluations, 3001);
  // What a sample's sum misses is at most a few times the difference of the scores.
  assert.ok(Math.abs(found.delta as number) < 0.15 * (Math.abs(gapOf(found)) + 1), `delta ${found.delta}`);
  const still = await explain(gradientShap, { model, seed: 4 }, picture, { samples: 300 });
  const noisy = await explain(gradientShap, { model, seed: 4 }, picture, { samples: 300, sigma: 0.02 });
  assert.not.equal(noisy.values, still.values);
  close(noisy.values, still.values, { relative: 0.2 }, 'little noise changes little');
});

test('a signal ends GradientSHAP with the samples so far', async () => {
  const model = network({ activation: 'Relu' });
  const controller = new AbortController();
  const found = await explain(gradientShap, { model }, picture, {
    samples: 20_000,
    baseline: other,
    signal: controller.signal,
    progress: () => controller.abort(),
  });
  assert.ok(found.evaluations < 20_000 && found.evaluations > 2);
  const whole = await explain(gradientShap, { model }, picture, { samples: 2000, baseline: other });
  const far = range(768).filter(
    (i) => Math.abs(found.values[i] - whole.values[i]) > 5 * (found.standardErrors as Float32Array)[i] + 1e-6,
  );
  assert.ok(far.length < 10, `${far.length} values are not at the scale of the others`);
});

test('Blur-IG: complete against the blurred picture; wide blurs leave the mean colour; a flat picture gets nothing', async () => {
  const model = network({ activation: 'Tanh' });
  const found = await explain(blurIg, { model }, picture, { steps: 60 });
  assert.ok(missed(found) < 1e-4, `${missed(found)} is missed`);
  const wide = await explain(blurIg, { model }, picture, { maxSigma: 60, steps: 400 });
  const mean = await explain(integratedGradients, { model }, picture, { steps: 1, baseline: 'mean' });
  close([wide.baselineScore as number], [mean.baselineScore as number], { absolute: 1e-4 }, 'score of the mean colour');
  assert.ok(missed(wide) < 1e-3, `${missed(wide)} is missed`);
  const flat = await explain(blurIg, { model }, new Float32Array(768).fill(0.7), { steps: 5 });
  close(flat.values, new Float32Array(768), { absolute: 1e-5 }, 'flat');
});

test('Blur-IG of a linear network is the slope times what the blur takes away', async () => {
  const model = network();
  const { values: slopes } = await explain(gradient, { model }, picture);
  const means = range(3).map((c) => sum(picture.filter((_, i) => i % 3 === c)) / 256);
  const found = await explain(blurIg, { model }, picture, { maxSigma: 60, steps: 400 });
  const expected = times(slopes, inFile(picture.map((value, i) => value - means[i % 3])));
  close(found.values, expected, { relative: 1e-3 }, 'values');
});

test('Guided IG without room is integrated gradients, by either rule', async () => {
  const model = network({ activation: 'Relu' });
  for (const [rule, points] of [
    ['riemann-left', 12],
    ['trapezoid', 13],
  ] as const) {
    const guided = await explain(guidedIg, { model }, picture, { steps: 12, maxDist: 0, rule, baseline: other });
    const straight = await explain(integratedGradients, { model }, picture, { steps: points, rule, baseline: other });
    close(guided.values, straight.values, { relative: 1e-5 }, rule);
    assert.is(guided.evaluations, 13);
  }
});

test('Guided IG is exact for a linear network and nearly complete for another, on another way than the straight one', async () => {
  const linear = network();
  const { values: slopes } = await explain(gradient, { model: linear }, picture);
  const exact = await explain(guidedIg, { model: linear }, picture, { steps: 9, maxDist: 0.3, baseline: other });
  close(exact.values, times(slopes, inFile(changes(picture, other))), { relative: 1e-5 }, 'linear');
  const model = network({ activation: 'Relu' });
  const found = await explain(guidedIg, { model }, picture, { steps: 100, maxDist: 0.2, baseline: other });
  assert.ok(Math.abs(found.delta as number) < 0.01 * sum(found.values.map(Math.abs)), `delta ${found.delta}`);
  const straight = await explain(integratedGradients, { model }, picture, { steps: 100, baseline: other });
  const apart = Math.max(...changes(found.values, straight.values).map(Math.abs));
  assert.ok(apart > 0.05 * Math.max(...straight.values.map(Math.abs)));
  const nothing = await explain(guidedIg, { model }, picture, { steps: 3, baseline: picture });
  assert.equal(nothing.values, new Float32Array(768));
});

test('Guided IG tells how far it is, and ends at a signal', async () => {
  const model = network({ activation: 'Relu' });
  const controller = new AbortController();
  const seen: number[] = [];
  const found = await explain(guidedIg, { model }, picture, {
    steps: 50,
    signal: controller.signal,
    progress: (done: number, total: number, soFar?: () => Attribution) => {
      assert.is(total, 50);
      seen.push(soFar?.().evaluations as number);
      if (done === 5) controller.abort();
    },
  });
  assert.equal(seen, [3, 4, 5, 6, 7]);
  assert.is(found.evaluations, 7);
  close([found.delta as number], [sum(found.values) - gapOf(found)], { absolute: 1e-5 }, 'delta');
});

test('XRAI: regions of one value each, which sum to what the two integrals do', async () => {
  const model = network({ activation: 'Relu' });
  const colours = picture.map((value) => 0.5 + 0.5 * value);
  const parts: Attribution[] = [];
  for (const level of [0, 1]) {
    const baseline = preprocessRgb(new Float32Array(768).fill(level), model.preprocess, size).data;
    parts.push(await explain(integratedGradients, { model }, colours, { steps: 20, baseline }));
  }
  const found = await explain(xrai, { model }, colours, { steps: 20, segments: 16 });
  assert.equal(found.shape, [1, 1, 16, 16]);
  assert.is(found.evaluations, 44);
  const expected = (sum(parts[0].values) + sum(parts[1].values)) / 2;
  close([sum(found.values)], [expected], { absolute: 1e-4 }, 'sum');
  close(
    [found.baselineScore as number],
    [sum(parts.map((part) => part.baselineScore as number)) / 2],
    { absolute: 1e-5 },
    'baseline',
  );
  const distinct = new Set(found.values).size;
  assert.ok(distinct > 4 && distinct < 60, `${distinct} values`);
});

test('XRAI finds the object that a network looks at', async () => {
  // The class is the red of the rows and columns 4 to 9; a red square is there, a green one elsewhere.
  const isIn = (i: number, from: number): boolean =>
    [Math.floor(i / 24), i % 24].every((at) => at >= from && at < from + 6);
  const model = parseModel(
    encodeModel({
      nodes: [
        { op: 'Flatten', inputs: ['x'], outputs: ['h'], attributes: { axis: 1 } },
        { op: 'MatMul', inputs: ['h', 'w'], outputs: ['y'] },
      ],
      initializers: [
        floatTensor(
          'w',
          [3 * 576, 1],
          range(3 * 576).map((i) => (i < 576 && isIn(i, 4) ? 1 : 0)),
        ),
      ],
      inputs: { x: [1, 3, 24, 24] },
      outputs: ['y'],
    }),
    { name: 'red', preprocess: presets.unit },
  );
  const input = Float32Array.from({ length: 3 * 576 }, (_, at) => {
    const [i, c] = [Math.floor(at / 3), at % 3];
    if (isIn(i, 4)) return c === 0 ? 1 : 0;
    return isIn(i, 14) ? Number(c === 1) : 0.2;
  });
  const found = await explain(xrai, { model, size: [24, 24] }, input, { target: 0, segments: 64, steps: 2 });
  const mean = (isMember: (i: number) => boolean) => {
    const members = range(576).filter(isMember);
    return sum(members.map((i) => found.values[i])) / members.length;
  };
  const inside = mean((i) => isIn(i, 4));
  const outside = mean((i) => !isIn(i, 4));
  assert.ok(inside > 5 * Math.abs(outside), `inside ${inside}, outside ${outside}`);
  assert.ok(isIn(found.values.indexOf(Math.max(...found.values)), 4));
});

test('XRAI of channels that are no colours: against their smallest and largest numbers', async () => {
  const model = parseModel(
    encodeModel({
      nodes: [
        { op: 'Flatten', inputs: ['x'], outputs: ['h'], attributes: { axis: 1 } },
        { op: 'MatMul', inputs: ['h', 'w'], outputs: ['y'] },
      ],
      initializers: [floatTensor('w', [128, 1], [...noise(128, 1)])],
      inputs: { x: [1, 2, 8, 8] },
      outputs: ['y'],
    }),
    { name: 'raw' },
  );
  const input = noise(128, 2);
  const found = await explain(xrai, { model, size: [8, 8] }, input, { target: 0, segments: 8, steps: 1 });
  const middle = [0, 1].map((c) => {
    const channel = input.filter((_, i) => i % 2 === c);
    return (Math.min(...channel) + Math.max(...channel)) / 2;
  });
  const weights = noise(128, 1); // [C,H,W]
  const expected = input.map((value, i) => (value - middle[i % 2]) * weights[(i % 2) * 64 + Math.floor(i / 2)]);
  close([sum(found.values)], [sum(expected)], { absolute: 1e-4 }, 'sum');
  assert.ok(missed(found) < 1e-4);
});

test('baselines of a wrong size are named', async () => {
  const given = { baseline: new Float32Array(1000) };
  for (const [method, says] of [
    [gradientShap, /1000 numbers, no whole number of network inputs \[16,16,3\]/],
    [guidedIg, /1000 numbers, the network input 768/],
  ] as const) {
    let thrown: unknown;
    await explain(method, { model: network() }, picture, given).catch((error) => {
      thrown = error;
    });
    assert.match(String(thrown), says);
  }
});

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
