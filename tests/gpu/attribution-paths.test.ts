// attribution-paths.test.ts: methods that follow a path, on the device: their axioms, and attribution to layers and of units.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { type Model, parseModel } from '../../src/models/model.ts';
import { toFileLayout } from '../../src/models/onnx/layout.ts';
import { presets, preprocessRgb } from '../../src/models/preprocess.ts';
import { blurIg } from '../../src/viz/attribution/blurIg.ts';
import { gradient, inputXGradient } from '../../src/viz/attribution/gradient.ts';
import { gradientShap } from '../../src/viz/attribution/gradientShap.ts';
import { guidedIg } from '../../src/viz/attribution/guidedIg.ts';
import { integratedGradients } from '../../src/viz/attribution/integratedGradients.ts';
import type { AttributionRequest, Method } from '../../src/viz/attribution/method.ts';
import { quadratureRules } from '../../src/viz/attribution/quadrature.ts';
import { sumAttribution } from '../../src/viz/attribution/reduce.ts';
import type { Attribution } from '../../src/viz/attribution/result.ts';
import { type Context, traceInput } from '../../src/viz/attribution/subject.ts';
import { xrai } from '../../src/viz/attribution/xrai.ts';
import { sumChannels } from '../../src/viz/render/maps.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { encodeModel, floatTensor } from '../support/onnx.ts';
import { suite } from '../support/suite.ts';

const test = suite('attribution on paths');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);
const noise = (length: number, seed: number): Float32Array => {
  const next = randomNumbers(seed);
  return Float32Array.from({ length }, () => 2 * next() - 1);
};

interface NetworkOptions {
  /** None: the network is linear. */
  readonly activation?: 'Relu' | 'Tanh';
  /** Each hidden channel stands twice, twice as large, and counts a quarter: another network, the same function. */
  readonly doubled?: boolean;
}

const HIDDEN = 6;
const LAST = 8;

/** Convolution, convolution, product with a matrix; pictures of 16 x 16, three channels, three classes. */
function network({ activation, doubled = false }: NetworkOptions = {}): Model {
  const copies = doubled ? [0, 1] : [0];
  const up = doubled ? 2 : 1;
  const first = noise(HIDDEN * 27, 1).map((value) => 0.4 * value * up);
  const bias = noise(HIDDEN, 2).map((value) => 0.3 * value * up);
  const second = noise(LAST * HIDDEN * 9, 3);
  const hidden = HIDDEN * copies.length;
  // Filters are [K,C,R,S]; channel c of the copies is channel c mod HIDDEN.
  const wide = range(LAST * hidden * 9).map((at) => {
    const [k, c, tap] = [Math.floor(at / (hidden * 9)), Math.floor(at / 9) % hidden, at % 9];
    return (0.3 * second[(k * HIDDEN + (c % HIDDEN)) * 9 + tap]) / (up * copies.length);
  });
  const active = (from: string, to: string) => (activation ? [{ op: activation, inputs: [from], outputs: [to] }] : []);
  const [d, g] = activation ? ['d', 'g'] : ['c', 'f'];
  return parseModel(
    encodeModel({
      nodes: [
        { op: 'Conv', inputs: ['x', 'a', 'b'], outputs: ['c'], attributes: { kernel_shape: [3, 3], strides: [2, 2] } },
        ...active('c', 'd'),
        { op: 'Conv', inputs: [d, 'e'], outputs: ['f'], attributes: { kernel_shape: [3, 3] } },
        ...active('f', 'g'),
        { op: 'Flatten', inputs: [g], outputs: ['h'], attributes: { axis: 1 } },
        { op: 'MatMul', inputs: ['h', 'w'], outputs: ['y'] },
      ],
      initializers: [
        floatTensor(
          'a',
          [hidden, 3, 3, 3],
          copies.flatMap(() => [...first]),
        ),
        floatTensor(
          'b',
          [hidden],
          copies.flatMap(() => [...bias]),
        ),
        floatTensor('e', [LAST, hidden, 3, 3], wide),
        floatTensor('w', [25 * LAST, 3], [...head]),
      ],
      inputs: { x: [1, 3, 16, 16] },
      outputs: ['y'],
    }),
    { name: 'small', preprocess: presets.unit },
  );
}
/** [features, classes] of the last product. */
const head = noise(25 * LAST * 3, 4).map((value) => 0.3 * value);

const size = [16, 16] as const;
const picture = noise(768, 5);
const other = noise(768, 6);

type Given = Partial<Context> & { readonly model: Model };
type Asked = Readonly<Record<string, unknown>> & Partial<Pick<AttributionRequest, 'signal' | 'progress' | 'target'>>;

async function explain(
  method: Method,
  context: Given,
  input: Float32Array,
  { signal, progress, target, ...options }: Asked = {},
): Promise<Attribution> {
  const attributor = await method.prepare({ device, size, ...context }, options);
  try {
    return await attributor.attribute({ input, target: target ?? (context.unit ? undefined : 1), signal, progress });
  } finally {
    attributor.dispose();
  }
}

const gapOf = ({ score, baselineScore = Number.NaN }: Attribution): number => score - baselineScore;
/** Delta as a share of the difference of the scores. */
const missed = (found: Attribution): number => Math.abs((found.delta as number) / gapOf(found));

/** Numbers [H,W,C] in the order of the file. */
const inFile = (data: Float32Array): Float32Array => toFileLayout(data, 'nhwc', [1, 16, 16, 3]).data;

/** A layer's values in the order of the file. */
async function activation(model: Model, input: Float32Array, layer: string): Promise<Float32Array> {
  const trace = model.trace(new Graph().input('x', [1, 16, 16, 3]), { until: layer });
  const program = await compile(device, computation({ value: trace.output }));
  const { value } = await program.evaluate({ x: input });
  program.dispose();
  return toFileLayout(value, trace.layoutOf(layer), trace.output.shape).data;
}

const changes = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value - b[i]);
const times = (a: Float32Array, b: Float32Array): Float32Array => a.map((value, i) => value * b[i]);

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

test('at the layer before a linear head: slopes are its weights, and integrals weight times activation', async () => {
  const model = network({ activation: 'Relu' });
  const weights = Float32Array.from({ length: 25 * LAST }, (_, i) => head[3 * i + 1]);
  // [features] flattened from [C,h,w], so maps and list are the same numbers.
  for (const layer of ['g', 'h']) {
    const [now, before] = [await activation(model, picture, layer), await activation(model, other, layer)];
    const shape = layer === 'g' ? [1, LAST, 5, 5] : [1, 25 * LAST];
    const slopes = await explain(gradient, { model, layer }, picture);
    assert.equal(slopes.shape, shape);
    assert.is(slopes.layer, layer);
    close(slopes.values, weights, { relative: 1e-6 }, `gradient at ${layer}`);
    const products = await explain(inputXGradient, { model, layer }, picture);
    close(products.values, times(now, weights), { relative: 1e-5 }, `activation x gradient at ${layer}`);
    const expected = times(changes(now, before), weights);
    for (const [method, options] of [
      [integratedGradients, { steps: 3 }],
      [gradientShap, { samples: 4 }],
    ] as const) {
      const found = await explain(method, { model, layer }, picture, { ...options, baseline: other });
      assert.equal(found.shape, shape);
      close(found.values, expected, { relative: 1e-5 }, `integral at ${layer}`);
      assert.ok(missed(found) < 1e-5);
    }
  }
});

test('at a layer in the midst, integrals are complete, and so are their sums over channels and places', async () => {
  const model = network({ activation: 'Tanh' });
  for (const layer of ['x', 'c', 'd', 'f']) {
    const found = await explain(integratedGradients, { model, layer }, picture, { steps: 20, baseline: other });
    assert.ok(missed(found) < 1e-5, `${layer}: ${missed(found)} is missed`);
    const [channels, space] = [sumAttribution(found, 'channels'), sumAttribution(found, 'space')];
    assert.equal(channels.shape, [1, found.shape[1]]);
    assert.equal(space.shape, [1, 1, ...found.shape.slice(2)]);
    for (const { values } of [channels, space])
      close([sum(values)], [gapOf(found)], { relative: 1e-5 }, `${layer}: sum`);
    close(space.values, sumChannels(found.values, found.shape), { absolute: 0 }, 'map');
  }
});

test('the gradient of a unit is that of finite differences in float64', async () => {
  const model = network({ activation: 'Tanh' });
  for (const unit of [
    { layer: 'f', channel: 3, position: [1, 4] as const },
    { layer: 'g', channel: 2 },
    { layer: 'h', channel: 77 },
  ]) {
    const found = await explain(gradient, { model, unit }, picture);
    assert.is(found.target, undefined);
    const scores = computation({ scores: traceInput({ model, size, unit }).scores });
    const scoreAt = (i: number, step: number): number => {
      const x = Float64Array.from(picture);
      x[i] += step;
      return interpret(scores, { x }).outputs.scores.data[0];
    };
    close([found.score], [scoreAt(0, 0)], { absolute: 1e-6 }, 'score');
    const slopes = new Float32Array(768);
    const places = range(24).map((k) => (k * 37 + 5 * k * k) % 768);
    for (const i of places) slopes[i] = (scoreAt(i, 1e-5) - scoreAt(i, -1e-5)) / 2e-5;
    const asked = Float32Array.from(inFile(slopes));
    const isAsked = inFile(Float32Array.from(slopes, (_, i) => Number(places.includes(i))));
    const largest = Math.max(...found.values.map(Math.abs));
    close(times(found.values, isAsked), asked, { absolute: 1e-5 * largest }, JSON.stringify(unit));
  }
});

test('integrated gradients of a unit sum to the change of the unit', async () => {
  const model = network({ activation: 'Tanh' });
  const unit = { layer: 'g', channel: 2, position: [0, 3] as const };
  const found = await explain(integratedGradients, { model, unit }, picture, { steps: 20, baseline: other });
  const at = (2 * 5 + 0) * 5 + 3;
  const change = (await activation(model, picture, 'g'))[at] - (await activation(model, other, 'g'))[at];
  close([sum(found.values)], [change], { absolute: 1e-5 }, 'sum');
});

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
