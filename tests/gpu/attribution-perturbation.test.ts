// attribution-perturbation.test.ts: the perturbation family on the device: recorded numbers, axioms, and what Facet's own
// estimators promise of a network's scores.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { type Model, parseModel } from '../../src/models/model.ts';
import { featureAblation } from '../../src/viz/attribution/ablation.ts';
import { spread } from '../../src/viz/attribution/features.ts';
import { gradient, inputXGradient } from '../../src/viz/attribution/gradient.ts';
import { integratedGradients } from '../../src/viz/attribution/integratedGradients.ts';
import { lime } from '../../src/viz/attribution/lime.ts';
import type { Method } from '../../src/viz/attribution/method.ts';
import { occlusion } from '../../src/viz/attribution/occlusion.ts';
import type { Attribution } from '../../src/viz/attribution/result.ts';
import { rise } from '../../src/viz/attribution/rise.ts';
import { Scorer } from '../../src/viz/attribution/scorer.ts';
import { estimators, shapley } from '../../src/viz/attribution/shapley.ts';
import type { Context } from '../../src/viz/attribution/subject.ts';
import {
  witnessBaseline,
  witnessFeatures,
  witnessInput,
  witnessModel,
  witnessScores,
  witnessSize,
} from '../../src/viz/attribution/witness.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { fetchArray } from '../support/fetch.ts';
import { compareRecorded, openShared, recordedInput, recordings } from '../support/golden.ts';
import { encodeModel, floatTensor } from '../support/onnx.ts';
import type { Golden } from '../support/shared.ts';
import { suite } from '../support/suite.ts';

const test = suite('attribution by perturbation');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

const SMALL = ['mnist-convsmall-plain.onnx', 'cifar10-convsmall-pgd.onnx'];
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);

type Options = Readonly<Record<string, unknown>>;
type Given = Omit<Context, 'device'>;

async function explain(
  method: Method,
  context: Given,
  input: Float32Array,
  { target, ...options }: Options & { target?: number } = {},
): Promise<Attribution> {
  const attributor = await method.prepare({ device, ...context }, options);
  try {
    return await attributor.attribute({ input, target });
  } finally {
    attributor.dispose();
  }
}

for (const file of SMALL) {
  test(`${file}: occlusion as Captum's`, async () => {
    const rows = await recordings('occlusion', file);
    assert.is(rows.length, 2);
    for (const row of rows) {
      const { evaluations } = await compareRecorded(device, occlusion, row, {
        window: [4, 4],
        stride: [2, 2],
        overlap: 'average',
        baseline: 0,
      });
      const side = row.model.startsWith('mnist') ? 13 : 15;
      assert.is(evaluations, 2 + side * side);
    }
  });

  test(`${file}: feature ablation and exact Shapley values as Captum's, one value a feature`, async () => {
    for (const what of ['feature_ablation', 'shapley_exact']) {
      const rows = await recordings(what, file);
      assert.is(rows.length, 2);
      for (const row of rows) await compareFeatures(row, what === 'shapley_exact' ? shapley : featureAblation);
    }
  });
}

async function compareFeatures(row: Golden, method: Method): Promise<void> {
  const { data, size } = await recordedInput(row);
  const model = await openShared(row.model);
  const found = await explain(method, { model, size }, data, {
    target: row.target,
    grid: 3,
    baseline: 0,
    ...(method === shapley ? { estimator: 'exact' } : {}),
  });
  assert.equal(found.shape, [1, 9]);
  const expected = await fetchArray(`golden/${row.file}`);
  // Captum repeats a feature's value over its pixels and channels, where the recording is not one a feature.
  const map = spread(found.values, { ids: found.features as Int32Array });
  const channels = expected.data.length / map.length;
  const values =
    expected.data.length === 9 ? found.values : Float32Array.from(expected.data, (_, i) => map[i % map.length]);
  assert.ok(expected.data.length === 9 || Number.isInteger(channels));
  close(values, expected.data, { relative: 1e-4 }, row.file);
}

/** A network for tests: pictures of 16 x 16, three classes. */
function smallNetwork(seed = 1, bias = true): Model {
  const next = randomNumbers(seed);
  const draw = (name: string, shape: readonly number[], scale: number) =>
    floatTensor(
      name,
      shape,
      range(shape.reduce((a, b) => a * b, 1)).map(() => scale * (2 * next() - 1)),
    );
  return parseModel(
    encodeModel({
      nodes: [
        { op: 'Conv', inputs: ['x', 'a', 'b'], outputs: ['c'], attributes: { kernel_shape: [3, 3], strides: [2, 2] } },
        { op: 'Relu', inputs: ['c'], outputs: ['d'] },
        { op: 'Conv', inputs: ['d', 'e'], outputs: ['f'], attributes: { kernel_shape: [3, 3] } },
        { op: 'Relu', inputs: ['f'], outputs: ['g'] },
        { op: 'Flatten', inputs: ['g'], outputs: ['h'], attributes: { axis: 1 } },
        { op: 'MatMul', inputs: ['h', 'w'], outputs: ['y'] },
      ],
      initializers: [
        draw('a', [6, 3, 3, 3], 0.5),
        draw('b', [6], bias ? 0.3 : 0),
        draw('e', [8, 6, 3, 3], 0.3),
        draw('w', [200, 3], 0.3),
      ],
      inputs: { x: [1, 3, 16, 16] },
      outputs: ['y'],
    }),
    { name: 'small' },
  );
}

const noise = (length: number, seed: number): Float32Array => {
  const next = randomNumbers(seed);
  return Float32Array.from({ length }, () => 2 * next() - 1);
};
const small = { size: [16, 16] as const, seed: 3 };
const picture = noise(16 * 16 * 3, 2);

test(
  'sixteen features: all 65,536 subsets in one run; the estimators come near it',
  async () => {
    const context = { model: smallNetwork(), ...small };
    const exact = await explain(shapley, context, picture, { target: 1, estimator: 'exact', grid: 4 });
    assert.is(exact.evaluations, 65_536);
    const gap = exact.score - (exact.baselineScore as number);
    assert.ok(Math.abs(sum(exact.values) - gap) <= 1e-5 * Math.abs(gap));
    assert.ok(Math.abs(exact.delta as number) <= 1e-5 * Math.abs(gap));
    const size = Math.max(...exact.values.map(Math.abs));
    for (const estimator of ['permutation', 'kernel'] as const) {
      const found = await explain(shapley, context, picture, { target: 1, estimator, grid: 4, budget: 2000 });
      assert.ok(found.evaluations <= 2000 && found.evaluations > 1900);
      assert.ok(Math.abs(found.delta as number) <= 1e-5 * Math.abs(gap));
      close(found.values, exact.values, { absolute: 0.1 * size }, estimator);
      const errors = found.standardErrors as Float32Array;
      const inside = range(16).filter((i) => Math.abs(found.values[i] - exact.values[i]) <= 3 * errors[i]).length;
      assert.ok(inside >= 15, `${estimator}: ${inside} of 16 within three standard errors`);
    }
  },
  { timeoutSeconds: 240 },
);

test('the regression over all subsets is the exact values', async () => {
  const context = { model: smallNetwork(), ...small };
  const options = { target: 0, grid: 3, baseline: 'mean' };
  const exact = await explain(shapley, context, picture, { ...options, estimator: 'exact' });
  const kernel = await explain(shapley, context, picture, { ...options, estimator: 'kernel', budget: 512 });
  close(kernel.values, exact.values, { relative: 1e-4 }, 'kernel');
  assert.is(kernel.evaluations, 512);
});

test('Owen values over single pixels: any number of them, and the sum is kept', async () => {
  const context = { model: smallNetwork(), ...small };
  const options = { target: 2, estimator: 'partition', grid: 'pixels' };
  const found = await explain(shapley, context, picture, { ...options, budget: 300 });
  assert.equal(found.shape, [1, 256]);
  assert.is(found.evaluations, 300);
  assert.ok(Math.abs(found.delta as number) < 1e-4);
  // A larger budget splits groups further.
  const finer = await explain(shapley, context, picture, { ...options, budget: 1500 });
  const [few, more] = [found, finer].map(({ values }) => new Set(values).size);
  assert.ok(few > 10 && more > few, `${few} and ${more} different values`);
});

test('a baseline that is the picture: nothing is missed, by no method', async () => {
  const context = { model: smallNetwork(), ...small };
  const shared = { target: 1, baseline: picture };
  const rows: [Method, Options][] = [
    [occlusion, { window: [5, 5], stride: [3, 3] }],
    [featureAblation, { grid: 3 }],
    [lime, { grid: 3, samples: 50 }],
    ...estimators.map((estimator): [Method, Options] => [shapley, { estimator, grid: 3, budget: 100 }]),
  ];
  for (const [method, options] of rows) {
    const { values } = await explain(method, context, picture, { ...shared, ...options });
    close(
      values,
      values.map(() => 0),
      { absolute: 1e-5 },
      `${method.title} ${JSON.stringify(options)}`,
    );
  }
});

test('superpixels and regions of a mask are features too', async () => {
  const context = { model: smallNetwork(), ...small };
  const mask = Float32Array.from({ length: 256 }, (_, at) => (at % 16 < 5 ? 10 : at < 128 ? 20 : 30));
  const masked = await explain(shapley, context, picture, { target: 0, mask, estimator: 'exact' });
  assert.equal([masked.shape, masked.evaluations], [[1, 3], 8]);
  const parts = await explain(shapley, context, picture, { target: 0, segments: 6, estimator: 'kernel' });
  assert.is(parts.values.length, Math.max(...(parts.features as Int32Array)) + 1);
  assert.ok(Math.abs(parts.delta as number) < 1e-4);
  const owen = await explain(shapley, context, picture, { target: 0, segments: 6, estimator: 'partition' });
  assert.ok(Math.abs(owen.delta as number) < 1e-4);
  const again = await explain(lime, context, picture, { target: 0, segments: 6, samples: 100 });
  assert.equal(again.features, parts.features);
  assert.ok((again.fit?.rSquared as number) > 0 && (again.fit?.rSquared as number) <= 1);
});

/** relu-free: y = W x + b over pictures of 6 x 5, one channel. */
function linearNetwork(): { model: Model; weights: Float32Array } {
  const weights = noise(30, 9);
  const model = parseModel(
    encodeModel({
      nodes: [
        { op: 'Flatten', inputs: ['x'], outputs: ['f'], attributes: { axis: 1 } },
        { op: 'MatMul', inputs: ['f', 'w'], outputs: ['g'] },
        { op: 'Add', inputs: ['g', 'b'], outputs: ['y'] },
      ],
      initializers: [floatTensor('w', [30, 1], [...weights]), floatTensor('b', [1], [0.4])],
      inputs: { x: [1, 1, 6, 5] },
      outputs: ['y'],
    }),
    { name: 'linear' },
  );
  return { model, weights };
}

test('a linear network: every method finds input times weight', async () => {
  const { model, weights } = linearNetwork();
  const x = noise(30, 10);
  const expected = x.map((value, i) => value * weights[i]);
  const context = { model, size: [6, 5] as const, seed: 1 };
  const rows: [Method, Options][] = [
    [occlusion, { window: [1, 1], stride: [1, 1] }],
    [inputXGradient, {}],
    [featureAblation, { grid: 'pixels' }],
    [shapley, { grid: 'pixels', estimator: 'permutation', budget: 200 }],
    [shapley, { grid: 'pixels', estimator: 'kernel', budget: 200 }],
    [shapley, { grid: 'pixels', estimator: 'partition', budget: 4000 }],
    [lime, { grid: 'pixels', baseline: 0, samples: 200, ridge: 0 }],
  ];
  for (const [method, options] of rows) {
    const { values } = await explain(method, context, x, { target: 0, ...options });
    close(values, expected, { relative: 1e-4 }, `${method.title} ${JSON.stringify(options)}`);
  }
});

test('occlusion: nothing where the unit does not look; batched is one by one; sums are counts times means', async () => {
  const model = smallNetwork();
  const context = { model, ...small };
  const unit = { layer: 'd', channel: 1, position: [3, 1] as const };
  const { values } = await explain(occlusion, { ...context, unit }, picture, { window: [1, 1], stride: [1, 1] });
  // The 3 x 3 field of position (3, 1) with stride 2 begins at row 6, column 2.
  const slope = await explain(gradient, { ...context, unit }, picture);
  values.forEach((value, at) => {
    const [row, column] = [Math.floor((at % 256) / 16), at % 16];
    const isSeen = row >= 6 && row < 9 && column >= 2 && column < 5;
    if (!isSeen) assert.is(value, 0);
    else assert.is(value === 0, slope.values[at] === 0 && slope.score === 0);
  });
  assert.ok(slope.score > 0, 'the unit is awake');

  const options = { target: 1, window: [4, 6], stride: [3, 3] };
  const average = await explain(occlusion, context, picture, options);
  const total = await explain(occlusion, context, picture, { ...options, overlap: 'sum' });
  const ones = await explain(occlusion, context, picture, { ...options, baseline: 'blur' });
  assert.not.equal(average.values, ones.values);
  const ratios = average.values.map((value, at) => total.values[at] / value);
  for (const ratio of ratios) assert.ok(Math.abs(ratio - Math.round(ratio)) < 1e-3 && ratio > 0.9);
});

test('scores of many masks at once are those of one at a time, windows those of masks', async () => {
  const context = { device, model: smallNetwork(), ...small };
  const at = { input: picture, baseline: noise(768, 12), target: 2 };
  const masks = noise(23 * 256, 13).map((value) => (value > 0 ? 1 : 0.3));
  const fill = (k: number, row: Float32Array) => row.set(masks.subarray(k * 256, (k + 1) * 256));
  const many = await Scorer.create(context, 10);
  const single = await Scorer.create(context, 1);
  const windows = await Scorer.create(context, 7, 'windows');
  try {
    const together = await many.score(at, 23, fill);
    close(together, await single.score(at, 23, fill), { relative: 1e-5 }, 'masks');
    const boxes = range(9).map((k) => [k, k + 4, 2 * (k % 3), 2 * (k % 3) + 5]);
    const asMasks = await many.score(at, 9, (k, row) => {
      const [top, bottom, left, right] = boxes[k];
      for (const p of range(256)) {
        const [i, j] = [p >> 4, p & 15];
        row[p] = i >= top && i < bottom && j >= left && j < right ? 0 : 1;
      }
    });
    close(await windows.score(at, 9, (k, row) => row.set(boxes[k])), asMasks, { relative: 1e-5 }, 'windows');
    assert.is((await many.score(at, 0, fill)).length, 0);
  } finally {
    for (const scorer of [many, single, windows]) scorer.dispose();
  }
});

test("the slide's network: sets, Shapley values, integrated gradients agree; leaving one out counts together twice", async () => {
  const context = { model: witnessModel(), size: witnessSize };
  const [input, baseline] = [witnessInput(), witnessBaseline()];
  const scorer = await Scorer.create({ device, ...context }, 4, witnessFeatures());
  const sets = await scorer.score({ input, baseline, target: 0 }, 4, (set, row) => row.set([set & 1, set >> 1]));
  scorer.dispose();
  close(sets, witnessScores, { absolute: 1e-6 }, 'sets');
  const shared = { target: 0, baseline };
  for (const estimator of estimators) {
    const { values } = await explain(shapley, context, input, { ...shared, grid: 'pixels', estimator });
    close(values, [1.25, 1.25], { absolute: 1e-6 }, estimator);
  }
  const path = await explain(integratedGradients, context, input, { ...shared, steps: 2000, rule: 'riemann-middle' });
  close(path.values, [1.25, 1.25], { absolute: 2e-3 }, 'integrated gradients');
  const product = await explain(inputXGradient, context, input, { target: 0 });
  const ablated = await explain(featureAblation, context, input, { ...shared, grid: 'pixels' });
  for (const { values } of [product, ablated]) close(values, [1.5, 1.5], { absolute: 1e-6 }, 'leave one out');
});

test('probabilities are explained on request', async () => {
  const context = { model: smallNetwork(), ...small, scoreKind: 'prob' as const };
  const found = await explain(shapley, context, picture, { target: 1, grid: 2, estimator: 'exact' });
  assert.ok(found.score > 0 && found.score < 1);
  const others = await Promise.all(
    [0, 2].map((target) => explain(shapley, context, picture, { target, grid: 2, estimator: 'exact' })),
  );
  // Probabilities sum to 1 with or without a feature.
  const sums = found.values.map((value, i) => value + others[0].values[i] + others[1].values[i]);
  close(sums, [0, 0, 0, 0], { absolute: 1e-5 }, 'over classes');
});

test('RISE: on a linear network the mean of its masks; the same seed the same map; errors shrink', async () => {
  const { model, weights } = linearNetwork();
  const x = noise(30, 10);
  const context = { model, size: [6, 5] as const, seed: 4 };
  const run = (samples: number, seed = 4) =>
    explain(rise, { ...context, seed }, x, { target: 0, samples, cells: 3, baseline: 0 });
  const [few, again, other, many] = [await run(200), await run(200), await run(200, 5), await run(3200)];
  assert.equal(few.values, again.values);
  assert.not.equal(few.values, other.values);
  assert.is(few.evaluations, 202);
  assert.ok(Math.abs(few.score - 0.4 - sum(x.map((value, i) => value * weights[i]))) < 1e-4);
  assert.ok(Math.abs((few.baselineScore as number) - 0.4) < 1e-5);
  const mean = ({ standardErrors }: Attribution) => sum(standardErrors as Float32Array) / 30;
  assert.ok(mean(many) < 0.3 * mean(few), `${mean(few)} -> ${mean(many)}`);
  // The two runs agree within what both say of their errors.
  const outside = range(30).filter(
    (i) =>
      Math.abs(few.values[i] - many.values[i]) >
      3 * Math.hypot((few.standardErrors as Float32Array)[i], (many.standardErrors as Float32Array)[i]),
  ).length;
  assert.ok(outside <= 1, `${outside} of 30 differ`);
});

test('at the signal, an estimate so far; from what does not estimate, the reason', async () => {
  const context = { device, model: smallNetwork(), ...small };
  const run = async (method: Method, options: Options) => {
    const attributor = await method.prepare(context, options);
    const abort = new AbortController();
    const seen: number[] = [];
    try {
      return await attributor.attribute({
        input: picture,
        target: 1,
        signal: abort.signal,
        progress: (done, _, soFar) => {
          if (soFar) seen.push(soFar().values.length);
          if (done >= (method === rise ? 2 : 600)) abort.abort(new Error('enough'));
        },
      });
    } finally {
      attributor.dispose();
    }
  };
  for (const [method, options] of [
    [shapley, { estimator: 'permutation', grid: 4, budget: 20_000 }],
    [shapley, { estimator: 'kernel', grid: 4, budget: 20_000 }],
    [shapley, { estimator: 'partition', grid: 8, budget: 20_000 }],
    [lime, { grid: 4, samples: 20_000 }],
    [rise, { samples: 20_000 }],
  ] as [Method, Options][]) {
    const found = await run(method, options);
    assert.ok(found.evaluations < 10_000, `${method.title}: ${found.evaluations}`);
    assert.ok(found.values.every(Number.isFinite));
    if (options.estimator !== 'partition') {
      assert.ok(Math.max(...(found.standardErrors as Float32Array)) > 0);
    }
  }
  for (const [method, options] of [
    [shapley, { estimator: 'exact', grid: 4 }],
    [occlusion, { window: [3, 3], stride: [1, 1] }],
  ] as [Method, Options][]) {
    const attributor = await method.prepare(context, options);
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    const reason = await attributor
      .attribute({ input: picture, target: 1, signal: abort.signal })
      .then(() => 'nothing was thrown')
      .catch((error: Error) => error.message);
    attributor.dispose();
    assert.is(reason, 'enough');
  }
});

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
