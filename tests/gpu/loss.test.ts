// loss.test.ts: the GPU is lost in the middle of things, and what comes out is what would have come out.

import * as assert from 'uvu/assert';
import { type Device, DeviceError, DeviceLostError, openDevice } from '../../src/engine/gpu/device.ts';
import { compile, type Program } from '../../src/engine/gpu/program.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { add, matmul, mul, relu, sgd, stepCounter, sum } from '../../src/engine/ops/index.ts';
import { type Model, parseModel } from '../../src/models/model.ts';
import { Runner } from '../../src/models/run.ts';
import { type Examples, train, Trainer } from '../../src/training/train.ts';
import { findMethod } from '../../src/viz/attribution/methods.ts';
import { channel } from '../../src/viz/features/objectives.ts';
import { renderVis, Visualization } from '../../src/viz/features/visualization.ts';
import { randomNumbers } from '../support/draw.ts';
import { fetchAsset } from '../support/fetch.ts';
import { suite } from '../support/suite.ts';

const test = suite('loss of the GPU');
let device: Device;
let model: Model;
let layer: string;
test.before(async () => {
  device = await openDevice({ recoveryMillis: [0, 50, 200, 1000] });
  const bytes = await fetchAsset('assets/drawings.onnx');
  model = parseModel(bytes, { name: 'drawings' });
  layer = 'conv2';
});

/** What a driver that resets does, as far as a page can tell. */
const lose = (): void => device.gpu.destroy();

/** The same, waiting until all is made good. */
async function loseAndRecover(): Promise<void> {
  const { lost } = device.gpu;
  lose();
  await lost;
  await device.ready();
}

const numbers = (seed: number, ...shape: number[]) => {
  const next = randomNumbers(seed);
  return { shape, data: Float32Array.from({ length: shape.reduce((p, d) => p * d, 1) }, () => next() - 0.5) };
};

async function messageOf(promise: Promise<unknown>, kind: new () => Error): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof kind, `threw ${error}`);
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

const STEPS = 28;

/** A whole run with frames at two steps, bothered after each submit. */
async function visualize(onProgress: (step: number) => void = () => undefined) {
  const run = await Visualization.create(device, model, channel(layer, 5), { size: [32, 32] });
  const recoveredAt: number[] = [];
  const stop = device.onRecovered(() => void recoveredAt.push(run.step));
  const frames: { step: number; bits: number[] }[] = [];
  for await (const { step, data } of renderVis(run, { steps: STEPS, thresholds: [7, STEPS], onProgress })) {
    frames.push({ step, bits: bits(data) });
  }
  const history = bits(await run.readHistory());
  stop();
  run.dispose();
  return { frames, history, recoveredAt };
}

const bits = (data: Float32Array): number[] => [...new Uint32Array(data.slice().buffer)];

let undisturbed: Awaited<ReturnType<typeof visualize>>;

test('a visualization that loses the GPU ends with the same bits', async () => {
  undisturbed = await visualize();
  assert.equal(
    undisturbed.frames.map(({ step }) => step),
    [7, STEPS],
  );
  let lostAt = 0;
  const lost = await visualize((step) => {
    if (step <= 20 || lostAt > 0) return;
    lostAt = step;
    lose();
  });
  assert.is(lost.recoveredAt.length, 1);
  assert.ok(
    lost.recoveredAt[0] >= 16 && lost.recoveredAt[0] < lostAt,
    `lost at ${lostAt}, back at ${lost.recoveredAt}`,
  );
  assert.equal(lost.frames, undisturbed.frames);
  assert.equal(lost.history, undisturbed.history);
});

test('losses in the redirected steps, after a checkpoint, during one, and before the picture is read', async () => {
  const run = await Visualization.create(device, model, channel(layer, 5), { size: [32, 32] });
  let losses = 0;
  const stop = device.onRecovered(() => void losses++);
  await run.advance(5);
  lose();
  await run.advance(13);
  await loseAndRecover(); // in case that the last steps seemed done on a GPU already lost
  await run.advance(18 - run.step);
  await run.checkpoint();
  await run.advance(3);
  await loseAndRecover();
  assert.is(run.step, 18);
  await run.advance(STEPS - 18);
  const checkpoint = run.checkpoint().catch(() => undefined);
  await loseAndRecover();
  await checkpoint;
  assert.ok(losses >= 3, `${losses} losses`);
  await run.advance(STEPS - run.step);
  const reading = run.readImage();
  lose();
  const early = await reading;
  assert.ok(early.step >= 18 && early.step <= STEPS, `the picture of step ${early.step}`);
  await run.advance(STEPS - run.step);
  const { data, step } = await run.readImage();
  assert.equal({ step, bits: bits(data) }, undisturbed.frames[1]);
  assert.equal(bits(await run.readHistory()), undisturbed.history);
  stop();
  run.dispose();
});

test('after a checkpoint the run goes back no further', async () => {
  const run = await Visualization.create(device, model, channel(layer, 5), { size: [32, 32] });
  await run.advance(20);
  await run.checkpoint();
  const { data } = await run.readImage();
  await run.advance(3);
  await loseAndRecover();
  assert.is(run.step, 20);
  const again = await run.readImage();
  assert.is(again.step, 20);
  assert.equal(bits(again.data), bits(data));
  run.dispose();
});

test('a run that does nothing but lose the GPU gives up', async () => {
  const run = await Visualization.create(device, model, channel(layer, 5), { size: [32, 32] });
  const stop = device.onRecovered(lose);
  lose();
  const message = await messageOf(run.advance(20), DeviceLostError);
  stop();
  assert.match(message, /lost/);
  await device.ready();
  run.dispose();
});

test('networks and attributions are evaluated again', async () => {
  const { data: input } = numbers(3, 32, 32, 3);
  const runner = await Runner.create(device, model, [1, 32, 32, 3], [layer]);
  const attributor = await findMethod('gradient').prepare({ device, model, size: [32, 32] });
  const before = await runner.run(input);
  const slopes = await attributor.attribute({ input, target: 3 });
  for (let times = 0; times < 2; times++) {
    const running = runner.run(input);
    lose();
    const after = await running;
    assert.equal(bits(after.output.data), bits(before.output.data));
    assert.equal(bits(after.layers.get(layer)!.data), bits(before.layers.get(layer)!.data));
    const attributing = attributor.attribute({ input, target: 3 });
    lose();
    assert.equal(bits((await attributing).values), bits(slopes.values));
  }
  runner.dispose();
  attributor.dispose();
});

test('sums over noisy copies begin anew', async () => {
  const { data: input } = numbers(4, 32, 32, 3);
  const context = { device, model, size: [32, 32] as const, seed: 5 };
  const attributor = await findMethod('smoothgrad').prepare(context, { samples: 1000 });
  const whole = await attributor.attribute({ input, target: 3 });
  let losses = 0;
  const progress = (done: number): void => {
    if (done === 2 && losses++ === 0) lose();
  };
  const after = await attributor.attribute({ input, target: 3, progress });
  assert.is(losses, 2); // the second time nothing is lost
  assert.equal(bits(after.values), bits(whole.values));
  attributor.dispose();
});

test('building is begun again', async () => {
  const graph = new Graph();
  const compiling = compile(device, computation({ y: mul(graph.input('x', [3]), 2) }));
  lose();
  const program = await compiling;
  assert.equal([...(await program.evaluate({ x: Float32Array.of(1, 2, 3) })).y], [2, 4, 6]);
  program.dispose();
});

/** Too large to be folded on the CPU. */
const weights = numbers(1, 100, 100);

/** A program with an input, a weight, a value precomputed from it, and a state. */
async function everything(label: string, onRestored?: () => void): Promise<Program> {
  const graph = new Graph();
  const counter = stepCounter(graph);
  const weight = graph.constant(weights);
  const y = add(matmul(matmul(graph.input('x', [4, 100]), weight), matmul(weight, weight)), counter.value);
  return compile(device, computation({ y, total: sum(relu(y)) }, [counter.update]), { label, onRestored });
}

test('weights, precomputed values, inputs and states are there again', async () => {
  const { bytes, buffers } = device.memory;
  const program = await everything('all', () => undefined);
  const during = { ...device.memory };
  program.write('x', numbers(2, 4, 100).data);
  program.run(3);
  await program.checkpoint();
  program.run();
  const expected = await program.readAll(['y', 'step', 'x']);
  await loseAndRecover();
  assert.equal([device.memory.bytes, device.memory.buffers], [during.bytes, during.buffers]);
  assert.equal(bits(await program.read('x')), bits(expected.x), 'what was written last');
  assert.equal([...(await program.read('step'))], [3], 'the state at the checkpoint');
  const message = await messageOf(
    Promise.resolve().then(() => program.read('y')),
    DeviceLostError,
  );
  assert.match(message, /all: the GPU was lost after "y" was computed, and is back\. Run it again\./);
  program.run();
  assert.equal(bits(await program.read('y')), bits(expected.y));
  program.dispose();
  assert.equal([device.memory.bytes, device.memory.buffers], [bytes, buffers]);
});

test('states that went back are not used without a word', async () => {
  const program = await everything('counting');
  program.run(2);
  await program.idle();
  await loseAndRecover();
  assert.throws(
    () => program.run(),
    (error: Error) =>
      error instanceof DeviceLostError && /counting: .* states are those of the last checkpoint/.test(error.message),
  );
  program.run();
  assert.equal([...(await program.read('step'))], [1], 'said once');
  program.write('step', Float32Array.of(7));
  await loseAndRecover();
  program.run();
  assert.equal([...(await program.read('step'))], [8], 'a state that was written counts as kept');
  program.dispose();
});

test('what was disposed of is not rebuilt, and frees nothing twice', async () => {
  const { bytes, buffers } = device.memory;
  const [gone, going, staying] = [await everything('gone'), await everything('going'), await everything('staying')];
  gone.dispose();
  const { lost } = device.gpu;
  lose();
  await lost;
  going.dispose(); // while the others are being rebuilt
  await device.ready();
  const made = device.memory.buffers - buffers;
  const single = await everything('single');
  // The weight is shared, so a second program makes all its buffers but that one.
  assert.is(device.memory.buffers - buffers - made, made - 1);
  single.dispose();
  staying.dispose();
  gone.dispose();
  assert.equal([device.memory.bytes, device.memory.buffers], [bytes, buffers]);
});

test('a training goes back to its last epoch and ends with the same weights', async () => {
  const source = (first: number, count: number): Examples => {
    const { data } = numbers(100 + first, count, 4, 4, 3);
    return { images: data, labels: Array.from({ length: count }, (_, n) => (first + n) % 2) };
  };
  const result = async (bother: (step: number) => void) => {
    const trainer = await Trainer.create(device, {
      network: (images) => {
        const { graph } = images;
        const w = graph.state('w', numbers(9, 3, 2));
        const b = graph.state('b', numbers(10, 2));
        const pooled = sum(images, [1, 2]);
        return { logits: add(matmul(pooled, w), b), parameters: [w, b] };
      },
      size: [4, 4],
      classes: 2,
      batch: 4,
      optimizer: (parameters, gradients, rate) => sgd(parameters, gradients, { lr: rate }),
    });
    const steps: number[] = [];
    await train(trainer, {
      train: source,
      heldOut: source,
      heldOutCount: 4,
      steps: 50,
      epoch: 20,
      schedule: () => 0.1,
      onProgress: ({ step }) => {
        steps.push(step);
        bother(steps.length);
      },
    });
    const states = await trainer.states();
    trainer.dispose();
    return { w: bits(states.get('w') as Float32Array), steps };
  };
  const expected = await result(() => undefined);
  assert.equal(expected.steps, [10, 20, 30, 40, 50]);
  const lost = await result((looks) => {
    if (looks === 3) lose();
  });
  assert.equal(lost.steps, [10, 20, 30, 30, 40, 50]);
  assert.equal(lost.w, expected.w);
});

test('a GPU that cannot be had back is one sentence', async () => {
  const gpu = {
    asked: 0,
    requestAdapter(options: GPURequestAdapterOptions) {
      return this.asked++ === 0 ? navigator.gpu.requestAdapter(options) : Promise.resolve(null);
    },
  };
  const other = await openDevice({ gpu: gpu as unknown as GPU, recoveryMillis: [0, 10] });
  const program = await compile(other, computation({ y: mul(new Graph().input('x', [3]), 2) }));
  const running = program.evaluate({ x: new Float32Array(3) });
  other.gpu.destroy();
  const message = await messageOf(running, DeviceLostError);
  assert.match(message, /^The GPU was lost \(.*\) and could not be restored: WebGPU finds no adapter\./);
  assert.is(gpu.asked, 3);
  assert.throws(() => other.check(), /could not be restored/);
  assert.match(
    await messageOf(compile(other, computation({ y: mul(new Graph().input('x', [3]), 2) })), DeviceError),
    /lost/,
  );
  program.dispose();
  assert.is(other.memory.buffers, 0);
});

test('a loss while the GPU is being got back is got over too', async () => {
  let opened = 0;
  const gpu = {
    async requestAdapter(options: GPURequestAdapterOptions) {
      const adapter = (await navigator.gpu.requestAdapter(options)) as GPUAdapter;
      const request = adapter.requestDevice.bind(adapter);
      adapter.requestDevice = async (descriptor) => {
        const made = await request(descriptor);
        if (++opened === 2) setTimeout(() => made.destroy());
        return made;
      };
      return adapter;
    },
  };
  const other = await openDevice({ gpu: gpu as unknown as GPU, recoveryMillis: [0, 10, 10] });
  const program = await compile(other, computation({ y: mul(new Graph().input('x', [3]), 2) }));
  const running = program.evaluate({ x: Float32Array.of(1, 2, 3) });
  other.gpu.destroy();
  const first = await running.catch((error) => error);
  assert.ok(first instanceof DeviceLostError || [...first.y].join() === '2,4,6', String(first));
  assert.equal([...(await program.evaluate({ x: Float32Array.of(1, 2, 3) })).y], [2, 4, 6]);
  assert.is(opened, 3);
  other.close();
});

test('a listener that throws does not keep the GPU from coming back, nor the others from hearing of it', async () => {
  const other = await openDevice({ recoveryMillis: [0, 10, 10] });
  const program = await compile(other, computation({ y: mul(new Graph().input('x', [3]), 2) }));
  let [thrown, heard] = [0, 0];
  other.onRecovered(() => {
    thrown++;
    throw new Error('this listener is broken');
  });
  other.onRecovered(() => void heard++);
  const { lost } = other.gpu;
  other.gpu.destroy();
  await lost;
  await other.ready();
  assert.equal([thrown, heard], [1, 1]);
  assert.is(await messageOf(other.idle(), Error as never), 'this listener is broken');
  await other.idle(); // told once
  assert.equal([...(await program.evaluate({ x: Float32Array.of(1, 2, 3) })).y], [2, 4, 6]);
  other.close();
});

test('nothing is left', () => {
  assert.is(device.memory.buffers, 0);
  device.close();
});
