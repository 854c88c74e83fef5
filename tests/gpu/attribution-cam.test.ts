// attribution-cam.test.ts: class activation maps against their definitions on a network with a linear head, and on photos
// with a dog and a cat.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { type Model, parseModel } from '../../src/models/model.ts';
import { preprocessPixels, presets } from '../../src/models/preprocess.ts';
import { lastSpatialLayer } from '../../src/viz/attribution/cam.ts';
import { inputXGradient } from '../../src/viz/attribution/gradient.ts';
import { guidedBackprop } from '../../src/viz/attribution/guided.ts';
import type { Method } from '../../src/viz/attribution/method.ts';
import { methods } from '../../src/viz/attribution/methods.ts';
import { resizeBilinear } from '../../src/viz/render/maps.ts';
import { close } from '../support/close.ts';
import { fetchBytes, fetchFixture, fetchPixels } from '../support/fetch.ts';
import { encodeModel, floatTensor } from '../support/onnx.ts';
import { type Asked, explain as explainOn, type Given, noise, picture, range, sum } from '../support/smallNetwork.ts';
import { suite } from '../support/suite.ts';

const test = suite('class activation maps');
let device: Device;
test.before(async () => {
  device = await openDevice();
});
const explain = (method: Method, context: Given, input: Float32Array, asked: Asked = {}) =>
  explainOn(device, method, context, input, asked);

const [K, SIDE] = [6, 14];
const PLACES = SIDE * SIDE;
/** [K,3] of the head. */
const votes = noise(K * 3, 1);

/** Convolution, ReLU ("maps"), mean, linear head; `shift` is added to all logits. */
function network(shift = 0): Model {
  return parseModel(
    encodeModel({
      nodes: [
        { op: 'Conv', inputs: ['x', 'a'], outputs: ['c'], attributes: { kernel_shape: [3, 3] } },
        { op: 'Relu', inputs: ['c'], outputs: ['maps'] },
        { op: 'GlobalAveragePool', inputs: ['maps'], outputs: ['means'] },
        { op: 'Flatten', inputs: ['means'], outputs: ['list'], attributes: { axis: 1 } },
        { op: 'Gemm', inputs: ['list', 'w', 'b'], outputs: ['y'] },
      ],
      initializers: [
        floatTensor('a', [K, 3, 3, 3], [...noise(K * 27, 2)]),
        floatTensor('w', [K, 3], [...votes]),
        floatTensor('b', [3], [shift, shift, shift]),
      ],
      inputs: { x: [1, 3, 16, 16] },
      outputs: ['y'],
    }),
    { name: 'pooled', preprocess: presets.unit },
  );
}

/** The activations [K,SIDE,SIDE]: input times gradient there is A w / places. */
async function activations(model: Model): Promise<number[]> {
  const { values } = await explain(inputXGradient, { model, layer: 'maps' }, picture);
  return [...values].map((value, i) => (value / votes[3 * Math.floor(i / PLACES) + 1]) * PLACES);
}
const weighted = (A: readonly number[], weights: ArrayLike<number>): number[] =>
  range(PLACES).map((i) => sum(range(K).map((k) => weights[k] * A[k * PLACES + i])));

test('a mean and a linear head: the maps are the weighted activations, exactly as each method says', async () => {
  const model = network();
  const A = await activations(model);
  const own = range(K).map((k) => votes[3 * k + 1]);
  const means = range(K).map((k) => sum(A.slice(k * PLACES, (k + 1) * PLACES)) / PLACES);
  const score = sum(own.map((w, k) => w * means[k]));
  const slopes = own.map((w) => w / PLACES);
  const rows: [keyof typeof methods, number[]][] = [
    ['grad-cam', slopes],
    ['hires-cam', slopes],
    ['xgrad-cam', slopes],
    ['layer-cam', slopes.map((w) => Math.max(w, 0))],
    ['ablation-cam', own.map((w, k) => (w * means[k]) / score)],
    [
      'grad-cam++',
      slopes.map((g, k) => (PLACES * (g * g * Math.max(g, 0))) / (2 * g * g + PLACES * means[k] * g ** 3)),
    ],
  ];
  for (const [name, weights] of rows) {
    const expected = weighted(A, weights);
    const found = await explain(methods[name], { model }, picture);
    assert.equal([found.shape, found.layer, found.signed], [[1, 1, SIDE, SIDE], 'maps', false]);
    const size = Math.max(...expected.map(Math.abs));
    // Scores that differ by little lose digits where they are subtracted.
    const tolerance = { absolute: (name === 'ablation-cam' ? 2e-5 : 3e-6) * size };
    close(
      found.values,
      expected.map((value) => Math.max(0, value)),
      tolerance,
      name,
    );
    const signed = await explain(methods[name], { model }, picture, { relu: false });
    close(signed.values, expected, tolerance, `${name}, signed`);
    assert.ok(signed.signed);
    if (name === 'ablation-cam') continue; // its weights are shares of the score
    const shifted = await explain(methods[name], { model: network(5) }, picture, { relu: false });
    close(shifted.values, signed.values, { absolute: 0 }, `${name}, logits shifted`);
  }
  // Shapes of evidence: with the mean, HiResCAM sums to the score.
  const hires = await explain(methods['hires-cam'], { model }, picture, { relu: false });
  close([sum(hires.values)], [score], { absolute: 3e-6 * sum(hires.values.map(Math.abs)) }, 'sum');
});

test('Score-CAM is its definition, one picture at a time', async () => {
  const model = network();
  const A = await activations(model);
  const scores: number[] = [];
  for (const k of range(K)) {
    const large = resizeBilinear(A.slice(k * PLACES, (k + 1) * PLACES), [SIDE, SIDE], [16, 16]);
    const [low, high] = [Math.min(...large), Math.max(...large)];
    const masked = picture.map((value, i) => (value * (large[Math.floor(i / 3)] - low)) / (high - low));
    scores.push((await explain(methods.gradient, { model }, masked)).score);
  }
  const most = Math.max(...scores);
  const shares = scores.map((score) => Math.exp(score - most));
  const expected = weighted(
    A,
    shares.map((share) => share / sum(shares)),
  );
  const found = await explain(methods['score-cam'], { model }, picture);
  close(found.values, expected, { relative: 1e-5 }, 'Score-CAM');
});

test('Eigen-CAM: no direction has longer projections; guided Grad-CAM is a product', async () => {
  const model = network();
  const A = await activations(model);
  const found = await explain(methods['eigen-cam'], { model }, picture, { relu: false });
  const length = sum([...found.values].map((value) => value * value));
  let v = range(K).map(() => 1);
  for (let round = 0; round < 2000; round++) {
    const projected = weighted(A, v);
    const next = range(K).map((k) => sum(projected.map((p, i) => p * A[k * PLACES + i])));
    const norm = Math.hypot(...next);
    v = next.map((value) => value / norm);
  }
  close([length], [sum(weighted(A, v).map((p) => p * p))], { relative: 3e-6 }, 'length');

  const guided = await explain(guidedBackprop, { model }, picture);
  const cam = await explain(methods['grad-cam'], { model }, picture);
  for (const nearest of [false, true]) {
    const large = nearest
      ? range(256).map(
          (i) => cam.values[Math.floor(((i >> 4) * SIDE) / 16) * SIDE + Math.floor(((i & 15) * SIDE) / 16)],
        )
      : resizeBilinear(cam.values, [SIDE, SIDE], [16, 16]);
    const product = guided.values.map((value, i) => value * large[i % 256]);
    const both = await explain(methods['guided-grad-cam'], { model }, picture, { nearest });
    close(both.values, product, { relative: 2e-6 }, `nearest ${nearest}`);
  }
});

test('layers: the last with places that are no classes; a sentence where there are none', async () => {
  assert.is(lastSpatialLayer(network(), [16, 16]), 'maps');
  const shared = async (file: string) => parseModel(await fetchBytes(`data/models/${file}.onnx`), { name: file });
  const squeezenet = await shared('squeezenet1_1-caffe');
  const suggested = squeezenet.layer(lastSpatialLayer(squeezenet, [224, 224]));
  assert.is(suggested.shape[0], 512);
  const attention = parseModel(await fetchFixture('networks/transformer-opset13.onnx'), { name: 'transformer' });
  const layer = attention.layer(lastSpatialLayer(attention, [24, 24]));
  assert.is(layer.op, 'Conv');
  const message = await explain(methods['grad-cam'], { model: network(), layer: 'list' }, picture).then(
    () => 'nothing was thrown',
    (error: Error) => error.message,
  );
  assert.match(message, 'need a layer with an extent in space; "list" is [6]');
});

/** Boxes of the animals as shares of the picture: top, left, bottom, right. */
const PHOTOS = {
  both: { dog: [0.04, 0.34, 0.62, 0.78], cat: [0.52, 0.18, 1, 0.92], classes: { dog: [245], cat: [281, 282] } },
  dog_cat: { dog: [0.15, 0, 0.9, 0.64], cat: [0.42, 0.7, 0.9, 1], classes: { dog: [208], cat: [281, 282, 285] } },
} as const;

for (const [photo, { classes, ...boxes }] of Object.entries(PHOTOS)) {
  test(
    `${photo}.png: Grad-CAM of GoogLeNet and SqueezeNet tell the dog from the cat`,
    async () => {
      for (const file of ['googlenet-bvlc', 'squeezenet1_1-caffe']) {
        const model = parseModel(await fetchBytes(`data/models/${file}.onnx`), { name: file });
        const pixels = await fetchPixels(`data/photos/${photo}.png`);
        const input = preprocessPixels(pixels, model.preprocess, [224, 224]).data;
        const attributor = await methods['grad-cam'].prepare({ device, model, size: [224, 224] });
        const inside: Record<string, { dog: number; cat: number }> = {};
        for (const animal of ['dog', 'cat'] as const) {
          const maps = [];
          for (const target of classes[animal]) maps.push(await attributor.attribute({ input, target }));
          // Of several kinds the likeliest.
          const { values, shape } = maps.reduce((best, map) => (map.score > best.score ? map : best));
          const [, , h, w] = shape;
          const large = resizeBilinear(values, [h, w], [224, 224]);
          const share = ([top, left, bottom, right]: readonly number[]): number =>
            sum(
              large.filter((_, i) => {
                const [row, column] = [(Math.floor(i / 224) + 0.5) / 224, ((i % 224) + 0.5) / 224];
                return row >= top && row < bottom && column >= left && column < right;
              }),
            ) / sum(large);
          inside[animal] = { dog: share(boxes.dog), cat: share(boxes.cat) };
        }
        attributor.dispose();
        const shown = `${file}: ${JSON.stringify(inside)}`;
        assert.ok(inside.dog.dog > inside.cat.dog && inside.cat.cat > inside.dog.cat, shown);
      }
    },
    { timeoutSeconds: 300 },
  );
}

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
