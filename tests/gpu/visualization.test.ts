// visualization.test.ts: whole runs on a real network (the shipped CIFAR-10 twin): they rise, repeat and resume.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { adam, mean, square, stepCounter, sub } from '../../src/engine/ops/index.ts';
import { ModelError } from '../../src/models/error.ts';
import { type Model, parseModel } from '../../src/models/model.ts';
import { finishedWeights, initialWeights, toOnnx } from '../../src/training/network.ts';
import { channel, logit, neuron } from '../../src/viz/features/objectives.ts';
import { defaultParam, traceParam } from '../../src/viz/features/param.ts';
import { traceTransforms, transformedSize, transformsFor } from '../../src/viz/features/transforms.ts';
import { renderVis, Visualization, type VisualizationOptions } from '../../src/viz/features/visualization.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { fetchAsset } from '../support/fetch.ts';
import { suite } from '../support/suite.ts';

const test = suite('visualization');
let device: Device;
let model: Model;
let layer: string;
test.before(async () => {
  device = await openDevice();
  const bytes = await fetchAsset('assets/cifar10-twin-standard.onnx');
  model = parseModel(bytes, { name: 'cifar10-twin-standard' });
  const relus = model.layers.filter(({ op }) => op === 'Relu');
  layer = relus[3].name;
});

async function run(steps: readonly number[], options: VisualizationOptions = {}, objective = channel(layer, 5)) {
  const visualization = await Visualization.create(device, model, objective, options);
  for (const count of steps) await visualization.advance(count);
  const { data } = await visualization.readImage();
  const history = await visualization.readHistory();
  visualization.dispose();
  return { data, history };
}

test('the objective rises', async () => {
  const { history } = await run([40]);
  const average = (values: Float32Array) => values.reduce((a, b) => a + b) / values.length;
  assert.is(history.length, 40);
  assert.ok(average(history.slice(-8)) > 3 * Math.abs(average(history.slice(0, 4))), `history ${[...history]}`);
});

test('the same seed gives the same bytes, another seed another picture', async () => {
  const [first, again, other] = [await run([20]), await run([20]), await run([20], { seed: 1 })];
  assert.equal([...again.data], [...first.data]);
  assert.not.equal([...other.data], [...first.data]);
});

test('however the steps are cut into submits, the bits are the same', async () => {
  const whole = await run([24]);
  const cut = await run([1, 3, 20]);
  assert.equal([...cut.data], [...whole.data]);
});

test('step 0 is the untouched parameterization', async () => {
  const { data } = await run([0], { seed: 3 });
  const graph = new Graph();
  const { image } = traceParam(graph, { ...defaultParam, size: [32, 32], seed: 3 });
  const program = await compile(device, computation({ image }));
  program.run();
  assert.equal([...data], [...(await program.read('image'))]);
  program.dispose();
});

test('frames come at the thresholds', async () => {
  const visualization = await Visualization.create(device, model, logit(3));
  const steps: number[] = [];
  for await (const frame of renderVis(visualization, { thresholds: [0, 2, 7] })) {
    steps.push(frame.step);
    assert.ok(frame.data.every((value) => value >= 0 && value <= 1));
  }
  assert.equal(steps, [0, 2, 7]);
  visualization.dispose();
});

test('no step is done beyond the last, whatever the thresholds', async () => {
  const visualization = await Visualization.create(device, model, logit(3), { redirectSteps: 0 });
  await visualization.advance(1);
  visualization.millisPerStep = 0.01;
  const steps: number[] = [];
  for await (const frame of renderVis(visualization, { steps: 5, thresholds: [3, 40, 50] })) steps.push(frame.step);
  assert.equal(steps, [3, 5]);
  visualization.dispose();
});

test('the history keeps the last 4096 values in order', async () => {
  const { history } = await run([4], { redirectSteps: 0, transforms: 'none' });
  const visualization = await Visualization.create(device, model, channel(layer, 5), {
    redirectSteps: 0,
    transforms: 'none',
  });
  // As if 4094 steps had been done, whose values are zeros here: the next four go round the end of the ring.
  visualization.step = 4094;
  visualization.programs[0].write('step', Float32Array.of(4094));
  await visualization.advance(4);
  const long = await visualization.readHistory();
  visualization.dispose();
  assert.is(long.length, 4096);
  assert.ok(long.slice(0, -4).every((value) => value === 0));
  assert.equal([...long.slice(-4)], [...history]);
});

test('callers at the same time get steps one after the other', async () => {
  const whole = await run([24]);
  const visualization = await Visualization.create(device, model, channel(layer, 5));
  const [, warm] = visualization.programs;
  const counts: number[] = [];
  const submit = warm.run.bind(warm);
  warm.run = (count = 1) => {
    counts.push(count);
    submit(count);
  };
  await visualization.advance(1);
  const submitMillis = 1e6; // as many steps a submit as can be
  const [, early] = await Promise.all([
    visualization.advance(9, { submitMillis }),
    visualization.readHistory(),
    visualization.advance(14, { submitMillis }),
  ]);
  assert.is(visualization.step, 24);
  assert.equal(counts, [1, 9, 6], 'no more steps with redirected gradients than there shall be');
  assert.equal([...early], [...whole.history.slice(0, 10)]);
  assert.equal([...(await visualization.readImage()).data], [...whole.data]);
  visualization.dispose();
});

test('a run that is disposed of while it goes on ends with an error, and the device lives', async () => {
  const visualization = await Visualization.create(device, model, channel(layer, 5));
  const going = visualization.advance(1000).catch((error: Error) => error);
  visualization.dispose();
  assert.match(String(await going), /disposed/);
  await device.idle();
});

test('an aborted run stops and keeps what was finished', async () => {
  const visualization = await Visualization.create(device, model, channel(layer, 1));
  const abort = new AbortController();
  const frames = [];
  for await (const frame of renderVis(visualization, {
    steps: 1000,
    thresholds: [1000],
    signal: abort.signal,
    onProgress: (step) => step >= 3 && abort.abort(),
  })) {
    frames.push(frame);
  }
  assert.is(frames.length, 1);
  assert.ok(frames[0].step >= 3 && frames[0].step < 1000);
  visualization.dispose();
});

test('a neuron looks at its receptive field alone', async () => {
  const early = model.layers.filter(({ op }) => op === 'Relu')[1].name;
  const graph = new Graph();
  const x = graph.input('x', [1, 32, 32, 3]);
  const trace = model.trace(x);
  const value = neuron(early, 0, 8, 8).evaluate({ layer: (name) => trace.layer(name), logits: trace.output, image: x });
  const [dx] = gradient(value, [x]);
  const program = await compile(device, computation({ dx }));
  const next = randomNumbers(4);
  const touched = new Set<number>();
  for (let sample = 0; sample < 8; sample++) {
    program.write(
      'x',
      Float32Array.from({ length: 3072 }, () => next()),
    );
    program.run();
    (await program.read('dx')).forEach((slope, i) => {
      if (slope !== 0) touched.add(Math.floor(i / 3));
    });
  }
  program.dispose();
  const rows = [...touched].map((pixel) => Math.floor(pixel / 32));
  // Stem 3x3, then a 3x3 of stride 2: unit 8 of the second layer reads pixels 14..18.
  assert.ok(
    touched.size > 0 && Math.min(...rows) >= 14 && Math.max(...rows) <= 18,
    `rows ${Math.min(...rows)}..${Math.max(...rows)}`,
  );
});

for (const fft of [false, true]) {
  test(`a picture can be fitted with ${fft ? 'Fourier coefficients' : 'pixels'}`, async () => {
    // Lucid's own test of its parameterizations: mean error below 0.01 within 1000 steps of Adam at 0.05.
    const size = [16, 16] as const;
    const graph = new Graph();
    const next = randomNumbers(8);
    const target = graph.constant({
      shape: [1, 16, 16, 3],
      data: Float32Array.from({ length: 768 }, () => 0.1 + 0.8 * next()),
    });
    const { state, image } = traceParam(graph, { ...defaultParam, size, fft });
    const counter = stepCounter(graph);
    const difference = sub(image, target);
    const updates = adam(state, gradient(mean(square(difference)), [state])[0], { lr: 0.05 });
    const program = await compile(device, computation({ difference }, [...updates, counter.update]));
    program.run(1000);
    const error = (await program.read('difference')).reduce((sum, value) => sum + Math.abs(value), 0) / 768;
    program.dispose();
    assert.ok(error < 0.01, `mean error ${error}`);
  });
}

test('transformations that change nothing give back the picture', async () => {
  const graph = new Graph();
  const image = graph.input('image', [2, 12, 10, 3]);
  const step = graph.input('step', []);
  const same = traceTransforms(
    image,
    step,
    { pad: 0, moves: [{ jitter: 0 }, { scale: [1] }, { rotate: [0] }] },
    [12, 10],
    0,
  );
  assert.not.equal(same.id, image.id);
  const program = await compile(device, computation({ same }));
  const next = randomNumbers(2);
  const data = Float32Array.from({ length: 720 }, () => next());
  program.write('image', data);
  program.write('step', Float32Array.of(5));
  program.run();
  close(await program.read('same'), data, { absolute: 1e-6 }, 'picture');
  program.dispose();
});

test("Lucid's list leaves 140 of 128 pixels, and shrinks its shifts for small pictures", () => {
  assert.equal(transformedSize([128, 128], transformsFor('lucid', [128, 128])), [140, 140]);
  assert.equal(transformedSize([32, 32], transformsFor('lucid', [32, 32])), [38, 38]);
});

for (const [what, objective, message] of [
  ['an unknown layer', channel('blob', 0), /has no layer "blob"/],
  ['a channel out of range', () => channel(layer, 4000), /there is no channel 4000/],
  ['a class out of range', logit(10), /classes 0 to 9; there is no class 10/],
] as const) {
  test(`${what} is refused before anything is allocated`, async () => {
    const { buffers } = device.memory;
    try {
      await Visualization.create(device, model, typeof objective === 'function' ? objective() : objective);
      assert.unreachable();
    } catch (error) {
      assert.ok(error instanceof ModelError, String(error));
      assert.match((error as Error).message, message);
    }
    assert.is(device.memory.buffers, buffers);
  });
}

test('a size that the network does not take is refused', async () => {
  try {
    await Visualization.create(device, model, logit(1), { size: [64, 64] });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /takes pictures of 32x32 only, not 64x64/);
  }
});

test(
  'a thousand renders leave no buffer behind',
  async () => {
    const layers = [
      { kind: 'conv', name: 'conv', filters: 4, side: 3 },
      { kind: 'average', name: 'pool' },
      { kind: 'dense', name: 'logits', outputs: 2 },
    ] as const;
    const weights = finishedWeights(layers, initialWeights(layers, 3, 1));
    const tiny = parseModel(toOnnx(layers, weights, { name: 'tiny', channels: 3, metadata: {} }));
    const { buffers, bytes } = device.memory;
    for (let i = 0; i < 1000; i++) {
      const render = await Visualization.create(device, tiny, logit(i % 2), {
        size: [8, 8],
        seed: i,
        redirectSteps: 0,
      });
      await render.advance(2);
      if (i % 100 === 0) assert.ok((await render.readImage()).data.every(Number.isFinite));
      render.dispose();
    }
    assert.equal({ ...device.memory, peakBytes: 0 }, { buffers, bytes, peakBytes: 0 });
  },
  { timeoutSeconds: 240 },
);

test('runs leave no buffer behind', () => {
  assert.is(device.memory.buffers, 0);
});
