// attribution-layers.test.ts: attribution to the activations of a layer and of a unit, against their direct definitions.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import type { Model } from '../../src/models/model.ts';
import { toFileLayout } from '../../src/models/onnx/layout.ts';
import { gradient, inputXGradient } from '../../src/viz/attribution/gradient.ts';
import { gradientShap } from '../../src/viz/attribution/gradientShap.ts';
import { integratedGradients } from '../../src/viz/attribution/integratedGradients.ts';
import type { Method } from '../../src/viz/attribution/method.ts';
import { sumAttribution } from '../../src/viz/attribution/reduce.ts';
import type { Attribution } from '../../src/viz/attribution/result.ts';
import { traceInput } from '../../src/viz/attribution/subject.ts';
import { sumChannels } from '../../src/viz/render/maps.ts';
import { close } from '../support/close.ts';
import {
  changes,
  type Asked,
  explain as explainOn,
  gapOf,
  type Given,
  head,
  inFile,
  LAST,
  missed,
  other,
  picture,
  range,
  size,
  smallNetwork as network,
  sum,
  times,
} from '../support/smallNetwork.ts';
import { suite } from '../support/suite.ts';

const test = suite('attribution to layers and of units');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

const explain = (method: Method, context: Given, input: Float32Array, asked: Asked = {}): Promise<Attribution> =>
  explainOn(device, method, context, input, asked);

/** A layer's values in the order of the file. */
async function activation(model: Model, input: Float32Array, layer: string): Promise<Float32Array> {
  const trace = model.trace(new Graph().input('x', [1, 16, 16, 3]), { until: layer });
  const program = await compile(device, computation({ value: trace.output }));
  const { value } = await program.evaluate({ x: input });
  program.dispose();
  return toFileLayout(value, trace.layoutOf(layer), trace.output.shape).data;
}

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
