// abort.test.ts: preparation that is given up: the signal is heard while pipelines are being compiled, what is made of them
// afterwards is freed, and the device goes on.

import * as assert from 'uvu/assert';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { tune } from '../../src/engine/gpu/tune.ts';
import { type Computation, computation, Graph } from '../../src/engine/graph.ts';
import { exp, matmul, sum } from '../../src/engine/ops/index.ts';
import { Runner } from '../../src/models/run.ts';
import { logit } from '../../src/viz/features/objectives.ts';
import { Visualization } from '../../src/viz/features/visualization.ts';
import { compileTask } from '../../src/viz/tasks.ts';
import { onUnheardRejection } from '../support/adapter.ts';
import { size, smallNetwork } from '../support/smallNetwork.ts';
import { suite } from '../support/suite.ts';

const test = suite('preparation that is given up');
let device: Device;
const unheard: unknown[] = [];
test.before(async () => {
  device = await openDevice();
  onUnheardRejection((reason) => unheard.push(reason));
});
test.after(() => device.close());

/** Lets no pipeline become ready until `release`, as a slow compiler would. */
function holdPipelines({ gpu } = device): { readonly asked: Promise<void>; readonly count: number; release(): void } {
  const compilePipeline = gpu.createComputePipelineAsync.bind(gpu);
  let [isAsked, release]: (() => void)[] = [];
  const asked = new Promise<void>((resolve) => {
    isAsked = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let count = 0;
  gpu.createComputePipelineAsync = async (descriptor) => {
    count++;
    isAsked();
    await gate;
    return compilePipeline(descriptor);
  };
  return {
    asked,
    get count() {
      return count;
    },
    release() {
      gpu.createComputePipelineAsync = compilePipeline;
      release();
    },
  };
}

function network(length: number): Computation {
  const x = new Graph().input('x', [1, length]);
  return computation({ y: sum(exp(x)) });
}

/** What a promise is rejected with; undefined where it is not. */
const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  );

/** Buffers are made once all pipelines are asked for, before anything else happens. */
const buffersAreMade = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Waits until nothing is held on the device any more. */
async function untilFreed(): Promise<void> {
  await buffersAreMade();
  const end = performance.now() + 60_000;
  while (device.memory.buffers > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal([device.memory.buffers, device.memory.bytes], [0, 0]);
  await device.idle();
  device.check();
  assert.equal(unheard, []);
}

const model = smallNetwork({ activation: 'Relu' });
/** Each with pipelines that the others have not. */
const preparations: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
  'a program': (signal) => compile(device, network(3), { signal }),
  'a run of a network': (signal) => Runner.create(device, model, [1, ...size, 3], [], { signal }),
  'a visualization': (signal) => Visualization.create(device, model, logit(1), { signal }),
  'a task': (signal) => compileTask(device, smallNetwork({ activation: 'Tanh' }), 'gradient', {}, signal),
};

for (const [what, prepare] of Object.entries(preparations)) {
  test(`${what}: the waiting ends at once, and what comes of it later is freed`, async () => {
    const { asked, release } = holdPipelines();
    try {
      const control = new AbortController();
      const reason = new Error('enough');
      const preparing = reasonOf(prepare(control.signal));
      await Promise.race([asked, preparing.then(() => assert.unreachable('nothing was compiled'))]);
      control.abort(reason);
      assert.is(await preparing, reason); // while no pipeline is ready
      await buffersAreMade();
      assert.ok(device.memory.buffers > 0, 'what was begun is held until its pipelines are there');
    } finally {
      release();
    }
    await untilFreed();
  });
}

test('the second program of a visualization: the first one goes too', async () => {
  const { asked, release } = holdPipelines();
  const control = new AbortController();
  const preparing = reasonOf(Visualization.create(device, model, logit(2), { batch: 2, signal: control.signal }));
  await asked;
  release(); // the first program's pipelines
  let second: ReturnType<typeof holdPipelines> | undefined = holdPipelines();
  try {
    await Promise.race([second.asked, preparing.then(() => assert.unreachable('no second program was compiled'))]);
    control.abort(new Error('enough'));
    assert.is(((await preparing) as Error).message, 'enough');
  } finally {
    second.release();
    second = undefined;
  }
  await untilFreed();
});

test('a signal that came before: nothing is begun', async () => {
  const before = device.pipelineCount;
  const reason = new Error('before');
  const signal = AbortSignal.abort(reason);
  assert.is(await reasonOf(compile(device, network(5), { signal })), reason);
  assert.is(device.pipelineCount, before);
  assert.is(device.memory.buffers, 0);
});

test('a signal that comes afterwards changes nothing; the pipelines of what was given up are used', async () => {
  const control = new AbortController();
  const program = await compile(device, network(3), { signal: control.signal });
  control.abort();
  const { y } = await program.evaluate({ x: Float32Array.of(0, 0, 0) });
  assert.equal([...y], [3]);
  program.dispose();
});

test('a device that closes has a few pipelines to wait for, not all of a network', async () => {
  const closing = await openDevice({ pipelinesAtOnce: 3 });
  const held = holdPipelines(closing);
  const preparing = reasonOf(Runner.create(closing, model, [1, ...size, 3]));
  await held.asked;
  await buffersAreMade();
  assert.is(held.count, 3);
  closing.close();
  held.release();
  assert.match(((await preparing) as Error).message, /This device was closed/);
  await buffersAreMade();
  assert.is(held.count, 3);
  assert.equal(unheard, []);
});

test('the tuner stops while a variant is compiled, and keeps nothing of that op', async () => {
  const { asked, release } = holdPipelines();
  const control = new AbortController();
  const graph = new Graph();
  const y = matmul(graph.input('x', [16, 64]), graph.constant({ shape: [64, 32], data: new Float32Array(2048) }));
  const tuning = tune(device, [computation({ y })], { signal: control.signal });
  try {
    await Promise.race([asked, tuning.then(() => assert.unreachable('nothing was compiled'))]);
    control.abort();
    const { ops, untimed } = await tuning;
    assert.is(ops.length, 0);
    assert.ok(untimed > 0);
  } finally {
    release();
  }
  await untilFreed();
});
