// attribution-guided.test.ts: guided backpropagation and the deconvnet: what they share with the gradient, where they differ,
// and the unpooling of which they are made.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { maxPool, maxPoolInput, maxPoolSwitches } from '../../src/engine/ops/index.ts';
import type { Model } from '../../src/models/model.ts';
import { gradient, inputXGradient } from '../../src/viz/attribution/gradient.ts';
import { deconvnet, guidedBackprop } from '../../src/viz/attribution/guided.ts';
import type { Method } from '../../src/viz/attribution/method.ts';
import { close } from '../support/close.ts';
import { draw, network, node, stem, stemWeights, tail } from '../support/ruleNetworks.ts';
import {
  type Asked,
  explain as explainOn,
  type Given,
  noise,
  picture,
  range,
  smallNetwork,
  sum,
} from '../support/smallNetwork.ts';
import { suite } from '../support/suite.ts';

const test = suite('guided backpropagation and the deconvnet');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

const explain = (method: Method, context: Given, input: Float32Array, asked: Asked = {}) =>
  explainOn(device, method, context, input, asked);

test('without a ReLU both are the gradient; with one, guided is the deconvnet where the unit was active', async () => {
  const linear = { model: smallNetwork() };
  const slope = await explain(gradient, linear, picture);
  for (const method of [guidedBackprop, deconvnet]) {
    close((await explain(method, linear, picture)).values, slope.values, { absolute: 0 }, method.title);
  }
  const [last, votes] = tail('d', 1568);
  const model = network([stem, node('Relu', 'c', 'd'), ...last], { ...stemWeights, ...votes });
  const at = async (method: Method) => (await explain(method, { model, layer: 'c' }, picture)).values;
  const active = await explain(inputXGradient, { model, layer: 'd' }, picture);
  const weights = await explain(gradient, { model, layer: 'd' }, picture);
  const sent = await at(deconvnet);
  close(
    sent,
    weights.values.map((v) => Math.max(v, 0)),
    { absolute: 0 },
    'deconvnet is rectified weights',
  );
  close(
    await at(guidedBackprop),
    sent.map((v, i) => (active.values[i] !== 0 ? v : 0)),
    { absolute: 0 },
    'guided',
  );
});

test("Zeiler and Fergus's map knows no biases but through the switches; a gradient does", async () => {
  // Pooled before the ReLU: a bias moves no switch, but wakes units. The layer has one place, whose unit is always awake.
  const build = (bias: number): Model =>
    network(
      [
        stem,
        node('MaxPool', 'c', 'd', { kernel_shape: [2, 2], strides: [2, 2] }),
        node('Relu', 'd', 'e'),
        node('Conv', 'e r high', 'f', { kernel_shape: [7, 7] }),
        node('Relu', 'f', 'g'),
        ...tail('g', 4)[0],
      ],
      {
        ...stemWeights,
        b: [[8], new Float32Array(8).fill(bias)],
        r: draw(6, 0.2, 4, 8, 7, 7),
        high: [[4], [90, 90, 90, 90]],
        ...tail('g', 4)[1],
      },
    );
  const [few, all] = [build(-0.7), build(6)];
  for (const keep of ['max', 'all'] as const) {
    const [one, two] = await Promise.all(
      [few, all].map((model) => explain(deconvnet, { model, layer: 'g' }, picture, { channel: 2, keep })),
    );
    assert.ok(one.score > 1 && Math.abs(two.score - one.score) > 0.1, `${one.score}, ${two.score}`);
    assert.is(one.target, undefined);
    const [a, b] = [one, two].map(({ values, score }) => values.map((value) => value / score));
    assert.ok(a.some((value) => value !== 0));
    close(b, a, { relative: 2e-6 }, `deconvnet, ${keep}`);
  }
  for (const method of [gradient, guidedBackprop]) {
    const unit = { layer: 'g', channel: 2 };
    const [one, two] = await Promise.all([few, all].map((model) => explain(method, { model, unit }, picture)));
    const change = sum(one.values.map((v, i) => Math.abs(v - two.values[i]))) / sum(one.values.map(Math.abs));
    assert.ok(change > 0.05, `${method.title}: ${change}`);
  }
});

test('what is unpooled pools to itself; where windows overlap, what they send adds up', async () => {
  for (const [kernel, strides] of [
    [2, 2],
    [3, 2],
  ]) {
    const window = {
      kernel: [kernel, kernel] as const,
      strides: [strides, strides] as const,
      pads: [0, 0, 0, 0] as const,
      dilations: [1, 1] as const,
      ceilMode: false,
    };
    const side = kernel === 2 ? 8 : 9;
    const graph = new Graph();
    const x = graph.input('x', [1, side, side, 2]);
    const y = graph.input('y', [1, 4, 4, 2]);
    const back = maxPoolInput(maxPoolSwitches(x, window), y, window, [side, side]);
    const outputs = computation({ back, again: maxPool(back, window) });
    const program = await compile(device, outputs);
    const [input, signal] = [noise(side * side * 2, 51), noise(32, 52).map((v) => Math.abs(v))];
    const found = await program.evaluate({ x: input, y: signal });
    program.dispose();
    const expected = new Float64Array(side * side * 2);
    for (const o of range(32)) {
      const [p, q, c] = [Math.floor(o / 8), Math.floor(o / 2) % 4, o % 2];
      const taps = range(kernel * kernel).map((t) => {
        const [h, w] = [p * strides + Math.floor(t / kernel), q * strides + (t % kernel)];
        return (h * side + w) * 2 + c;
      });
      expected[taps.reduce((best, i) => (input[i] > input[best] ? i : best))] += signal[o];
    }
    close(found.back, expected, { relative: 3e-7 }, `${kernel}x${kernel}, unpooled`);
    if (kernel === strides) close(found.again, signal, { absolute: 0 }, 'pooled again');
  }
});

test('nothing stays on the device', () => {
  assert.is(device.memory.buffers, 0);
});
