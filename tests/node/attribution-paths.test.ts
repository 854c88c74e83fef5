// attribution-paths.test.ts: what of the path methods needs no device: integrals of a smooth network in float64, the scale
// space, the guided way, and the greedy choice of regions.

import * as assert from 'uvu/assert';
import { computation, Graph, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { mul, reshape, sum } from '../../src/engine/ops/index.ts';
import { type Model, parseModel } from '../../src/models/model.ts';
import { GuidedPath, risingOrder } from '../../src/viz/attribution/guidedPath.ts';
import { traceStraight } from '../../src/viz/attribution/integratedGradients.ts';
import { quadrature } from '../../src/viz/attribution/quadrature.ts';
import { sumAttribution } from '../../src/viz/attribution/reduce.ts';
import { grownRegions, regionGains } from '../../src/viz/attribution/regionGains.ts';
import type { Attribution } from '../../src/viz/attribution/result.ts';
import { traceScaleSpace } from '../../src/viz/attribution/scaleSpace.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { encodeModel, floatTensor } from '../support/onnx.ts';
import { suite } from '../support/suite.ts';

const test = suite('paths of attribution');

const noise = (length: number, seed: number): Float32Array => {
  const next = randomNumbers(seed);
  return Float32Array.from({ length }, () => 2 * next() - 1);
};
const total = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);

/** Convolution, tanh, product with a matrix; pictures of 6 x 6, two channels, three classes. */
function smoothNetwork(): Model {
  const tensor = (name: string, shape: number[], seed: number) =>
    floatTensor(name, shape, [
      ...noise(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
    ]);
  return parseModel(
    encodeModel({
      nodes: [
        { op: 'Conv', inputs: ['x', 'a', 'b'], outputs: ['c'], attributes: { kernel_shape: [3, 3] } },
        { op: 'Tanh', inputs: ['c'], outputs: ['d'] },
        { op: 'Flatten', inputs: ['d'], outputs: ['h'], attributes: { axis: 1 } },
        { op: 'MatMul', inputs: ['h', 'w'], outputs: ['y'] },
      ],
      initializers: [tensor('a', [4, 2, 3, 3], 1), tensor('b', [4], 2), tensor('w', [64, 3], 3)],
      inputs: { x: [1, 2, 6, 6] },
      outputs: ['y'],
    }),
    { name: 'smooth' },
  );
}

test('twenty points integrate the gradient of a tanh network to 1e-6, of the input and of a layer', () => {
  const model = smoothNetwork();
  const [input, baseline] = [noise(72, 4), noise(72, 5)];
  for (const layer of [undefined, 'x', 'c', 'd', 'h', 'y']) {
    const n = 20;
    const graph = new Graph();
    const x = graph.input('x', [1, 6, 6, 2]);
    const alpha = graph.input('alpha', [n + 2]);
    const subject = { model, size: [6, 6] as const, layer };
    const { map, scores } = traceStraight(subject, x, graph.input('baseline', x.shape), alpha, n + 2);
    const weights = graph.input('weights', [n + 2]);
    const each = reshape(weights, [n + 2, ...map.shape.slice(1).map(() => 1)]);
    const { points, weights: shares } = quadrature('gausslegendre', n);
    const { outputs } = interpret(computation({ values: sum(mul(map, each), [0]), scores }), {
      x: input,
      baseline,
      target: [0, 1, 0],
      alpha: [...points, 1, 0],
      weights: [...shares, 0, 0],
    });
    const gap = outputs.scores.data[n] - outputs.scores.data[n + 1];
    const error = Math.abs(total(outputs.values.data) / gap - 1);
    assert.ok(error <= 1e-6, `layer ${layer}: relative error ${error}`);
    assert.ok(Math.abs(gap) > 0.1);
  }
});

/** Blurs of a picture by each sigma, and their derivatives, [sigmas,H,W,C]. */
function scaleSpace(picture: ArrayLike<number>, shape: number[], sigmas: number[]) {
  const graph = new Graph();
  const traced = traceScaleSpace(graph.input('x', shape), graph.input('sigma', [sigmas.length]));
  const { outputs } = interpret(computation({ ...traced } as Record<string, Value>), { x: picture, sigma: sigmas });
  return { blurred: outputs.blurred.data, slope: outputs.slope.data };
}

test('no blur gives the picture, any blur keeps the mean of a channel and constants', () => {
  const shape = [1, 9, 12, 2];
  const picture = noise(216, 1);
  close(scaleSpace(picture, shape, [0]).blurred, picture, { absolute: 1e-6 }, 'no blur');
  for (const sigma of [0.3, 2, 50]) {
    const { blurred } = scaleSpace(picture, shape, [sigma]);
    for (const c of [0, 1]) {
      const of = (data: ArrayLike<number>) => total(Array.from(data).filter((_, i) => i % 2 === c)) / 108;
      close([of(blurred)], [of(picture)], { absolute: 1e-6 }, `mean at ${sigma}`);
    }
    close(
      scaleSpace(new Float32Array(216).fill(3), shape, [sigma]).blurred,
      Array(216).fill(3),
      { absolute: 1e-5 },
      'flat',
    );
  }
  const means = [0, 1].map((c) => total(picture.filter((_, i) => i % 2 === c)) / 108);
  const { blurred } = scaleSpace(picture, shape, [100]);
  close(
    blurred,
    Float64Array.from(blurred, (_, i) => means[i % 2]),
    { absolute: 1e-6 },
    'in the end only the mean',
  );
});

test('two blurs are one of the summed variance; the derivative is that of finite differences', () => {
  const shape = [1, 10, 7, 1];
  const picture = noise(70, 2);
  const { blurred: once } = scaleSpace(picture, shape, [1.2]);
  const { blurred: twice } = scaleSpace(once, shape, [0.9]);
  close(twice, scaleSpace(picture, shape, [1.5]).blurred, { absolute: 1e-6 }, '1.2² + 0.9² = 1.5²');
  for (const sigma of [0.2, 1, 4]) {
    const { blurred, slope } = scaleSpace(picture, shape, [sigma - 1e-4, sigma + 1e-4, sigma]);
    const differences = Array.from({ length: 70 }, (_, i) => (blurred[70 + i] - blurred[i]) / 2e-4);
    close(Array.from(slope).slice(140), differences, { absolute: 1e-6 }, `at ${sigma}`);
  }
});

test('a point becomes a Gaussian: positive, of variance sigma²; blurred wide enough, that of the continuum', () => {
  const n = 41;
  const point = new Float32Array(n * n);
  point[20 * n + 20] = 1;
  for (const sigma of [0.4, 1, 3]) {
    const { blurred } = scaleSpace(point, [1, n, n, 1], [sigma]);
    assert.ok(blurred.every((value) => value > -1e-7));
    const variance = total(blurred.map((value, i) => value * (Math.floor(i / n) - 20) ** 2));
    close([variance], [sigma ** 2], { relative: 1e-3 }, `variance at ${sigma}`);
  }
  const { blurred } = scaleSpace(point, [1, n, n, 1], [3]);
  const gaussian = blurred.map((_, i) => {
    const squared = (Math.floor(i / n) - 20) ** 2 + ((i % n) - 20) ** 2;
    return Math.exp(-squared / 18) / (18 * Math.PI);
  });
  close(blurred, gaussian, { relative: 0.03 }, 'Gaussian');
});

test('numbers are ordered as a sort orders them', () => {
  const next = randomNumbers(3);
  const keys = Float32Array.from({ length: 5000 }, (_, i) => (i % 7 === 0 ? 0 : next() * 10 ** (8 * next() - 6)));
  const expected = Array.from(keys.keys()).sort((a, b) => keys[a] - keys[b] || a - b);
  assert.equal(Array.from(risingOrder(keys)), expected);
});

/** Follows the guided way under slopes that depend on the point. */
function follow(
  way: Float64Array,
  options: { fraction: number; maxDist: number },
  steps: number,
  slopesAt: (alpha: Float64Array) => Float32Array,
  check: (alpha: Float64Array, goal: number, before: Float64Array) => void = () => {},
) {
  const path = new GuidedPath(way, options);
  const values = new Float64Array(way.length);
  for (let k = 1; k <= steps; k++) {
    const before = path.alpha.slice();
    const slopes = slopesAt(path.alpha);
    path.advance(slopes, k / steps).forEach((move, i) => {
      values[i] += slopes[i] * move;
    });
    check(path.alpha, k / steps, before);
  }
  return { values, alpha: path.alpha };
}

test('the guided way keeps its band and its pace, moves forward only, and ends at the input', () => {
  const way = Float64Array.from(noise(300, 1), (d, i) => (i % 10 === 0 ? 0 : d));
  const whole = total(way.map(Math.abs));
  for (const maxDist of [0.02, 0.2, 1]) {
    let round = 0;
    const { alpha } = follow(
      way,
      { fraction: 0.25, maxDist },
      40,
      () => noise(300, ++round),
      (positions, goal, before) => {
        const behind = total(way.map((d, i) => Math.abs(d) * positions[i]));
        assert.ok(Math.abs(behind / whole - goal) < 1e-8, `${behind / whole} behind, expected ${goal}`);
        positions.forEach((position, i) => {
          assert.ok(position >= before[i]);
          if (way[i] !== 0) assert.ok(Math.abs(position - goal) <= maxDist + 1e-12);
        });
      },
    );
    assert.ok(way.every((d, i) => d === 0 || Math.abs(alpha[i] - 1) < 1e-6));
  }
});

test('small slopes go first, a share of the features at a time', () => {
  // Four features of equal way; half of the distance is for two of them.
  const { alpha } = follow(Float64Array.of(1, -1, 1, -1), { fraction: 0.25, maxDist: 1 }, 1, () =>
    Float32Array.of(4, 1, -3, -2),
  );
  assert.equal([...alpha], [1, 1, 1, 1]);
  const path = new GuidedPath(Float64Array.of(1, -1, 1, -1), { fraction: 0.25, maxDist: 1 });
  assert.equal([...path.advance(Float32Array.of(4, 1, -3, -2), 0.5)], [0, -1, 0, -1]);
  assert.equal([...path.alpha], [0, 1, 0, 1]);
  path.advance(Float32Array.of(4, 1, -3, -2), 0.625);
  assert.equal([...path.alpha], [0, 1, 0.5, 1]);
  // Within the band, who was passed over is brought up first.
  const banded = new GuidedPath(Float64Array.of(1, 1), { fraction: 0.5, maxDist: 0.125 });
  banded.advance(Float32Array.of(1, 2), 0.25);
  assert.equal([...banded.alpha], [0.375, 0.125]);
  // Equal slopes go together, whatever their order.
  const equal = new GuidedPath(Float64Array.of(1, 1, 1, 1), { fraction: 0.25, maxDist: 1 });
  equal.advance(new Float32Array(4), 0.25);
  assert.equal([...equal.alpha], [0.25, 0.25, 0.25, 0.25]);
});

test('without room to leave the straight way, the guided way is the straight one', () => {
  const way = Float64Array.from(noise(50, 8));
  // f = Σ x³/3, so that slopes change on the way.
  const slopesAt = (alpha: ArrayLike<number>) => Float32Array.from(way, (d, i) => (d * alpha[i]) ** 2);
  const { values } = follow(way, { fraction: 0.25, maxDist: 0 }, 20, slopesAt);
  const { points, weights } = quadrature('riemann-left', 20);
  const expected = way.map((d) => d * points.reduce((sum, a, k) => sum + weights[k] * (d * a) ** 2, 0));
  close(values, expected, { relative: 1e-6 }, 'left sums');
});

test('along any guided way a linear function is shared out exactly', () => {
  const [way, slopes] = [Float64Array.from(noise(80, 1)), noise(80, 2)];
  const { values } = follow(way, { fraction: 0.1, maxDist: 0.3 }, 7, () => slopes);
  close(
    values,
    way.map((d, i) => d * slopes[i]),
    { relative: 1e-7 },
    'slope times way',
  );
});

/** The choice of regions by its definition: all means computed anew each time. */
function gainsByDefinition(values: readonly number[], regions: readonly number[][], least: number): Float32Array {
  const gains = new Float32Array(values.length);
  const taken = new Set<number>();
  const mean = (pixels: number[]) => total(pixels.map((p) => values[p])) / pixels.length;
  for (;;) {
    const fresh = regions.map((region) => region.filter((p) => !taken.has(p))).filter((part) => part.length >= least);
    if (fresh.length === 0) break;
    const best = fresh.reduce((a, b) => (mean(b) > mean(a) ? b : a));
    for (const p of best) {
      gains[p] = mean(best);
      taken.add(p);
    }
  }
  const rest = values.map((_, p) => p).filter((p) => !taken.has(p));
  for (const p of rest) gains[p] = mean(rest);
  return gains;
}

test('regions are taken by the mean of what they add; the sum is kept', () => {
  const next = randomNumbers(6);
  const values = Array.from({ length: 200 }, () => next() - 0.4);
  const regions = Array.from({ length: 40 }, () => {
    const [first, length] = [Math.floor(180 * next()), 2 + Math.floor(30 * next())];
    return Array.from({ length: 200 }, (_, p) => p).filter((p) => p >= first && p < first + length);
  });
  for (const least of [1, 5]) {
    const { gains, ranks } = regionGains(values, regions, { least });
    close(gains, gainsByDefinition(values, regions, least), { absolute: 1e-6 }, `at least ${least}`);
    close([total(gains)], [total(values)], { absolute: 1e-5 }, 'sum');
    assert.ok(ranks.every((rank) => rank >= 0));
    assert.is(gains[ranks.indexOf(0)], Math.max(...gains));
  }
});

test('regions grow by a disc and keep their own pixels', () => {
  const ids = new Int32Array(7 * 9);
  ids[3 * 9 + 4] = 1;
  const [outside, point] = grownRegions(ids, [7, 9], 2);
  assert.is(point.length, 13); // a disc of radius 2
  assert.is(outside.length, 63); // grows over the point
  assert.equal([...grownRegions(ids, [7, 9], 0)[1]], [3 * 9 + 4]);
});

test('sums over places and over channels', () => {
  const attribution: Attribution = {
    method: 'gradient',
    values: Float32Array.from({ length: 12 }, (_, i) => i),
    shape: [1, 3, 2, 2],
    score: 1,
    standardErrors: new Float32Array(12),
    signed: true,
    evaluations: 1,
    millis: 1,
  };
  const channels = sumAttribution(attribution, 'channels');
  assert.equal([...channels.values], [6, 22, 38]);
  assert.equal(channels.shape, [1, 3]);
  assert.is(channels.standardErrors, undefined);
  const space = sumAttribution(attribution, 'space');
  assert.equal([...space.values], [12, 15, 18, 21]);
  assert.equal(space.shape, [1, 1, 2, 2]);
  const list = { ...attribution, shape: [1, 12], layer: 'fc' };
  assert.equal([...sumAttribution(list, 'channels').values], [...attribution.values]);
  assert.throws(() => sumAttribution(list, 'space'), /"fc" is \[1,12\]/);
  assert.throws(() => sumAttribution({ ...list, features: new Int32Array(12) }, 'channels'), /one a feature/);
});
