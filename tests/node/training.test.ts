// Training without a GPU: the loss, small networks and their files, checkpoints, schedules.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { encodeModel } from '../../src/models/onnx/export.ts';
import { parseModel, preprocessGraph, preprocessRgb } from '../../src/models/index.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/training/checkpoint.ts';
import { drawingClasses, drawings } from '../../src/training/drawings.ts';
import {
  drawingsFile,
  drawingsLayers,
  drawingsPreprocess,
  drawingsWeights,
} from '../../src/training/drawingsNetwork.ts';
import { countCorrect, crossEntropy, writeOneHot } from '../../src/training/losses.ts';
import { finishedWeights, initialWeights, standardize, toOnnx, traceForTraining } from '../../src/training/network.ts';
import { oneCycle } from '../../src/training/train.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const losses = suite('losses');

losses('cross-entropy and its gradient are those of the formula', () => {
  const graph = new Graph();
  const logits = graph.input('logits', [2, 3]);
  const loss = crossEntropy(logits, graph.input('target', [2, 3]));
  const [dlogits] = gradient(loss, [logits]);
  const rows = [
    [0.5, -1, 2],
    [3, 0, -0.25],
  ];
  const labels = [2, 1];
  const target = new Float32Array(6);
  writeOneHot(labels, 3, target);
  const softmax = rows.map((row) => {
    const powers = row.map(Math.exp);
    return powers.map((power) => power / powers.reduce((a, b) => a + b));
  });
  const { outputs } = interpret(computation({ loss, dlogits }), { logits: rows.flat(), target });
  const expected = -(Math.log(softmax[0][2]) + Math.log(softmax[1][1])) / 2;
  close(outputs.loss.data, [expected], { relative: 1e-7 }, 'loss');
  const slopes = softmax.flatMap((row, n) => row.map((p, k) => (p - Number(k === labels[n])) / 2));
  close(outputs.dlogits.data, slopes, { relative: 1e-7 }, 'gradient');
});

losses('a network that knows nothing loses log(classes)', () => {
  const graph = new Graph();
  const zeros = graph.constant({ shape: [4, 10], data: new Float32Array(40) });
  const target = new Float32Array(40);
  writeOneHot([1, 9, 0, 4], 10, target);
  const loss = crossEntropy(zeros, graph.constant({ shape: [4, 10], data: target }));
  close(interpret(computation({ loss })).outputs.loss.data, [Math.log(10)], { relative: 1e-7 }, 'loss');
});

losses('refuse what does not fit', () => {
  const graph = new Graph();
  const [a, b] = [graph.input('a', [2, 3]), graph.input('b', [2, 4])];
  assert.throws(() => crossEntropy(a, b), /crossEntropy: logits are \[2,3\], target is \[2,4\]/);
  assert.throws(() => writeOneHot([0, 3], 3, new Float32Array(6)), /label 1 is 3, none of 0\.\.2/);
});

losses('right answers are counted', () => {
  assert.is(countCorrect([1, 2, 0, 5, 4, 3, 0, 0, 1], [1, 0, 1]), 2);
});

const networks = suite('networks');

networks('standardized filters have mean 0 and the length of their gain', () => {
  const next = randomNumbers(3);
  const data = Float32Array.from({ length: 3 * 3 * 4 * 5 }, () => next() + 0.5);
  const gains = [1, 2, 0.5, -1, 0];
  const graph = new Graph();
  const w = graph.constant({ shape: [3, 3, 4, 5], data });
  const filters = standardize(w, graph.constant({ shape: [5], data: Float32Array.from(gains) }));
  const result = interpret(computation({ filters })).outputs.filters.data;
  for (let k = 0; k < 5; k++) {
    const filter = Array.from({ length: 36 }, (_, i) => result[5 * i + k]);
    const total = filter.reduce((a, b) => a + b);
    const squares = filter.reduce((a, b) => a + b * b, 0);
    assert.ok(Math.abs(total) < 1e-5, `sum ${total}`);
    // 1 / variance of a ReLU of a normal number: what keeps the next layer's inputs at variance 1.
    close([squares], [gains[k] ** 2 / (0.5 - 0.5 / Math.PI)], { relative: 1e-4, absolute: 1e-12 }, `filter ${k}`);
  }
});

networks('first weights keep the size of numbers from layer to layer', () => {
  const layers = ['a', 'b', 'c', 'd'].map((name) => ({ kind: 'conv', name, filters: 24, side: 3 }) as const);
  const graph = new Graph();
  const x = graph.input('x', [1, 12, 12, 8]);
  const next = randomNumbers(4);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const { logits } = traceForTraining(layers, x, initialWeights(layers, 8, 5));
  const run = interpret(computation({ last: logits }), { x: Float32Array.from({ length: 12 * 12 * 8 }, normal) });
  const values = run.outputs.last.data;
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  // Four layers at He's variance without standardization, or a factor 2 lost in each, are far outside.
  assert.ok(variance > 0.2 && variance < 5, `variance ${variance}`);
});

/** The drawings network before training, gains and biases not at their neutral values. */
function disturbedStates(): Map<string, Float32Array> {
  const next = randomNumbers(6);
  return new Map(
    [...drawingsWeights()].map(([name, { data }]) => [name, data.map((v) => v + 0.2 * (next() - 0.5))] as const),
  );
}

networks('the file of a network gives the logits of its training graph', () => {
  const states = disturbedStates();
  const model = parseModel(drawingsFile(states), { name: 'drawings' });
  assert.equal(model.labels, [...drawingClasses]);
  assert.equal(model.nominalSize, [64, 64]);
  assert.equal(model.preprocess, { ...drawingsPreprocess, source: 'metadata' });
  assert.is(model.outputName, 'logits');
  const names = model.layers.map(({ name }) => name);
  assert.equal(names.slice(0, 3), ['conv1_pre', 'conv1', 'pool1']);
  assert.is(model.layer('conv4').preRelu, 'conv4_pre');
  assert.equal(model.layer('conv1').shape, [24, 32, 32]);
  assert.is(model.input.height, undefined);

  // Part of a drawing, not square, as two pictures.
  const [N, H, W] = [2, 24, 32];
  const pixels = drawings(3, 0, 1).images.subarray(0, N * H * W * 3);
  const training = new Graph();
  const images = preprocessGraph(training.input('images', [N, H, W, 3]), drawingsPreprocess);
  const { logits } = traceForTraining(drawingsLayers, images, drawingsWeights());
  const feeds = Object.fromEntries(states);
  const expected = interpret(computation({ logits }), { images: pixels, ...feeds }).outputs.logits;

  const graph = new Graph();
  const { output } = model.trace(graph.input('x', [N, H, W, 3]));
  const x = preprocessRgb(pixels.slice(), model.preprocess, [H, W]).data;
  const actual = interpret(computation({ output }), { x }).outputs.output;
  assert.equal(actual.shape, expected.shape);
  // Filters and pictures were rounded to float32 on the way.
  close(actual.data, expected.data, { relative: 2e-6 }, 'logits');
});

networks('what cannot be written is refused', () => {
  const layers = drawingsLayers.slice(0, 2);
  const finished = finishedWeights(drawingsLayers, drawingsWeights());
  assert.throws(() => toOnnx(layers, finished, { name: 'x', channels: 3, metadata: {} }), /last layer must be of kind/);
  assert.throws(
    () => toOnnx(drawingsLayers, new Map(), { name: 'x', channels: 3, metadata: {} }),
    /no weight "conv1.weight"/,
  );
  const value = { name: 'x', shape: ['N'] };
  const parts = {
    name: 'm',
    weights: new Map(),
    inputs: [value],
    outputs: [{ name: 'y', shape: ['N'] }],
    metadata: {},
  };
  const node = (inputs: string[], output: string) => ({ op: 'Relu', inputs, output });
  assert.throws(() => encodeModel({ ...parts, nodes: [node(['z'], 'y')] }), /Relu "y" reads "z", which nothing makes/);
  assert.throws(() => encodeModel({ ...parts, nodes: [node(['x'], 'x')] }), /two values are called "x"/);
  assert.throws(() => encodeModel({ ...parts, nodes: [] }), /nothing makes its output "y"/);
});

const runs = suite('training runs');

runs('a checkpoint is read back as it was', () => {
  const states = new Map([
    ['w', Float32Array.of(1, -2.5, 1e-30)],
    ['lr', new Float32Array(0)],
    ['größe', Float32Array.of(Number.NaN)],
  ]);
  const bytes = encodeCheckpoint({ step: 120, states });
  // At an odd offset, as a part of a larger buffer.
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  const { step, states: read } = decodeCheckpoint(shifted.subarray(1));
  assert.is(step, 120);
  const listed = (map: ReadonlyMap<string, Float32Array>) =>
    [...map].map(([name, data]) => [name, [...data].map(String)]);
  assert.equal(listed(read), listed(states));
  assert.throws(() => decodeCheckpoint(bytes.subarray(0, bytes.length - 1)), /damaged/);
  assert.throws(() => decodeCheckpoint(Uint8Array.of(1, 2, 3)), /damaged/);
});

runs('one cycle rises to the peak and falls to nothing', () => {
  const rate = oneCycle(0.5, 0.2);
  close([0, 0.1, 0.2, 0.6, 1].map(rate), [0.05, 0.275, 0.5, 0.25, 0], { absolute: 1e-12 }, 'rate');
});
