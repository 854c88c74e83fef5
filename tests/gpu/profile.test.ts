// profile.test.ts: a profile has a row for each dispatch, with the work of the plan, and leaves a program as it was: states,
// outputs, what follows, and memory.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { costOf } from '../../src/engine/cost.ts';
import { Connection } from '../../src/engine/gpu/connection.ts';
import { type Device, DeviceError, openDevice } from '../../src/engine/gpu/device.ts';
import { profile } from '../../src/engine/gpu/profile.ts';
import { compile, type Program } from '../../src/engine/gpu/program.ts';
import { measureRoofline, RooflineRounds } from '../../src/engine/gpu/roofline.ts';
import { timeVariants } from '../../src/engine/gpu/variants.ts';
import { type Computation, computation, Graph, type OpNode } from '../../src/engine/graph.ts';
import {
  adam,
  add,
  conv2d,
  conv2dInput,
  maxPool,
  mean,
  relu,
  square,
  stepCounter,
  sub,
  transpose,
} from '../../src/engine/ops/index.ts';
import { optimize } from '../../src/engine/optimize.ts';
import { ROTATED } from '../../src/engine/passes/rotate.ts';
import { makePlan } from '../../src/engine/plan.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { kernelsFor } from '../../src/engine/tuning.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const test = suite('profile on the device');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

/** An Adam step on the weights of a small network: states that steps write over themselves, and shared buffers. */
function trainingStep(): Computation {
  const graph = new Graph();
  const next = randomNumbers(3);
  const numbers = (...shape: number[]) => ({
    shape,
    data: Float32Array.from({ length: sizeOf(shape) }, () => next() - 0.5),
  });
  const x = graph.input('x', [2, 10, 10, 4]);
  const w = graph.state('w', numbers(3, 3, 4, 8));
  const b = graph.state('b', numbers(8));
  const counter = stepCounter(graph);
  const hidden = relu(add(conv2d(x, w, { label: 'conv' }), b));
  const pooled = maxPool(hidden, { kernel: [2, 2], strides: [2, 2], label: 'pool' });
  const loss = mean(square(sub(pooled, 0.2)));
  return computation({ loss, pooled }, [...adam([w, b], gradient(loss, [w, b]), { lr: 0.05 }), counter.update]);
}

const picture = (): Float32Array => {
  const next = randomNumbers(8);
  return Float32Array.from({ length: 800 }, () => 2 * next() - 1);
};

/** All that a user may read of it. */
async function contents(program: Program): Promise<Record<string, number[]>> {
  const states = program.plan.graph.nodes.flatMap((node) => (node.kind === 'state' ? [node.name] : []));
  const read = await program.readAll([...states, ...program.plan.outputs.keys()]);
  return Object.fromEntries(Object.entries(read).map(([name, data]) => [name, [...new Uint32Array(data.buffer)]]));
}

for (const clock of ['timestamps', 'wall'] as const) {
  test(`by ${clock}: a row for each step, the work of the plan, and nothing changed`, async () => {
    const [program, untouched] = [await compile(device, trainingStep()), await compile(device, trainingStep())];
    for (const each of [program, untouched]) {
      each.write('x', picture());
      each.run(2);
    }
    const before = await contents(program);
    const { bytes, buffers } = device.memory;
    const rounds: number[] = [];
    const found = await profile(program, {
      rounds: 2,
      clock: device.gpu.features.has('timestamp-query') ? clock : 'wall',
      onProgress: (done, total) => rounds.push(done / total),
    });
    assert.equal(await contents(program), before, 'states and outputs to the bit');
    assert.equal({ ...device.memory, peakBytes: 0 }, { bytes, buffers, peakBytes: 0 });
    assert.is(rounds.at(-1), 1);

    const { steps, plan } = program;
    assert.equal(
      found.steps.map(({ op, variant }) => [op, variant]),
      steps.map(({ op, variant }) => [op, variant]),
    );
    for (const { micros, low, high, label, workgroupSize, gbytes, share, kernel } of found.steps) {
      assert.ok(micros > 0 && low <= micros && micros <= high, `${label}: ${low}, ${micros}, ${high} us`);
      assert.ok(gbytes > 0 && share > 0, label);
      assert.ok(workgroupSize.every((size) => size >= 1));
      assert.match(kernel.source, /@compute/);
    }
    const flops = plan.steps.reduce((sum, { node }) => sum + costOf(plan.graph, node).flops, 0);
    assert.is(
      found.steps.reduce((sum, step) => sum + step.flops, 0),
      flops,
    );
    assert.ok(found.replayMicros > 0 && found.stepMicros > 0);
    assert.is(found.memory.live.length, steps.length);

    for (const each of [program, untouched]) each.run(3);
    assert.equal(await contents(program), await contents(untouched), 'what follows is as if nothing had been');
    program.dispose();
    untouched.dispose();
  });
}

test('stops when it is told to, and puts everything back', async () => {
  const program = await compile(device, trainingStep());
  program.write('x', picture());
  program.run();
  const before = await contents(program);
  const { bytes } = device.memory;
  const control = new AbortController();
  let message = '';
  try {
    await profile(program, { signal: control.signal, onProgress: () => control.abort(new Error('enough')) });
  } catch (error) {
    message = (error as Error).message;
  }
  assert.is(message, 'enough');
  assert.equal(await contents(program), before);
  assert.is(device.memory.bytes, bytes);
  program.dispose();
});

test('the limits of the device are measured once, and again only for the better', async () => {
  const first = await measureRoofline(device);
  assert.ok(first.flopsPerSecond > 1e8 && first.bytesPerSecond > 1e7, JSON.stringify(first));
  assert.ok(first.copyBytesPerSecond > 1e7 && first.dispatchMicros > 0 && first.dispatchMicros < 1e4);
  assert.is(await measureRoofline(device), first);
  const second = await measureRoofline(device, true);
  assert.ok(second.flopsPerSecond >= first.flopsPerSecond && second.dispatchMicros <= first.dispatchMicros);
});

test('a limit whose shader does not compile leaves no buffers behind', async () => {
  const { connection } = device;
  const { buffers, bytes } = device.memory;
  for (const name of ['multiply-adds', 'copy by a kernel']) {
    connection.pipeline = (label, ...rest) =>
      label.startsWith(name)
        ? Promise.reject(new DeviceError(`"${label}" does not compile`))
        : Connection.prototype.pipeline.call(connection, label, ...rest);
    try {
      await measureRoofline(device, true);
      assert.unreachable(name);
    } catch (error) {
      assert.match((error as Error).message, `"${name}`);
    } finally {
      Reflect.deleteProperty(connection, 'pipeline');
    }
    assert.equal([device.memory.buffers, device.memory.bytes], [buffers, bytes], name);
  }
});

test('rounds of the limits raise them, and tell of the worst', async () => {
  const before = await measureRoofline(device);
  const { bytes, buffers } = device.memory;
  const limits = new RooflineRounds(device);
  for (let round = 0; round < 3; round++) await limits.round();
  const { rounds, worst, ...found } = await limits.result();
  assert.is(rounds, 3);
  assert.ok(found.flopsPerSecond >= before.flopsPerSecond && found.bytesPerSecond >= before.bytesPerSecond);
  assert.ok(found.dispatchMicros <= before.dispatchMicros);
  assert.ok(worst.flopsPerSecond > 0 && worst.flopsPerSecond <= found.flopsPerSecond);
  assert.ok(worst.bytesPerSecond > 0 && worst.bytesPerSecond <= found.bytesPerSecond);
  assert.ok(worst.dispatchMicros >= found.dispatchMicros);
  assert.equal(await measureRoofline(device), found, 'the best is remembered');
  assert.equal({ ...device.memory, peakBytes: 0 }, { bytes, buffers, peakBytes: 0 });
});

test('filters made of constants stay fixed while the variants of a step are timed', async () => {
  const graph = new Graph();
  const filters = transpose(
    graph.constant({ shape: [1, 1, 8, 8], data: new Float32Array(64).fill(0.5) }),
    [0, 1, 3, 2],
  );
  const dx = conv2dInput(graph.input('dy', [1, 6, 6, 8]), filters, { inputSize: [6, 6] });
  const program = await compile(device, computation({ dx }), { optimize: false });
  const [{ node }] = program.plan.steps;
  const found = await timeVariants(device, program.plan.graph, node, { budgetMillis: 20_000 });
  const rotated = found.own?.timings.find(({ variant }) => variant === ROTATED);
  assert.ok(rotated?.micros && rotated.micros > 0, JSON.stringify(found));
  program.dispose();
});

test('times what the other kernels of a step would take', async () => {
  const program = await compile(device, trainingStep());
  const { graph, steps } = program.plan;
  const conv = steps.find(({ node }) => node.op === 'conv2d')?.node;
  assert.ok(conv);
  const found = await timeVariants(device, graph, conv, { budgetMillis: 20_000 });
  const names = kernelsFor(
    conv,
    conv.inputs.map((id) => graph.nodes[id].shape),
    device.traits,
  ).map(({ variant }) => variant);
  for (const name of names) {
    assert.ok(
      found.own?.timings.some(({ variant }) => variant === name),
      name,
    );
  }
  assert.ok(found.own?.timings.some(({ micros }) => micros !== undefined && micros > 0));
  assert.is(found.whole, undefined);
  program.dispose();
});

for (const [variant, op] of [
  ['winograd-2', 'conv2d'],
  [ROTATED, 'conv2dInput'],
] as const) {
  test(`of a part of ${op} as ${variant}, times its kernels and all variants of the whole`, async () => {
    const graph = new Graph();
    const w = graph.constant({ shape: [3, 3, 8, 8], data: new Float32Array(576).fill(0.5) });
    const x = graph.input('x', [1, 8, 8, 8]);
    const pads = [1, 1, 1, 1] as const;
    const y = op === 'conv2d' ? conv2d(x, w, { pads }) : conv2dInput(x, w, { pads, inputSize: [8, 8] });
    const target = { traits: device.traits, measured: (node: OpNode) => (node.op === op ? variant : undefined) };
    const plan = makePlan(optimize(computation({ y: relu(y) }), target));
    const { node } = plan.steps[plan.steps.length > 1 ? 1 : 0];
    const { own, whole } = await timeVariants(device, plan.graph, node, { budgetMillis: 40_000 });
    const names = whole?.timings.map((timing) => timing.variant) ?? [];
    assert.is(whole?.op, op);
    for (const name of ['naive', 'winograd-2', 'winograd-4', ...(op === 'conv2dInput' ? [ROTATED] : [])]) {
      assert.ok(names.includes(name), `${name}: ${names}`);
    }
    assert.ok(
      whole?.timings.some(({ variant: name, micros }) => name === variant && micros !== undefined && micros > 0),
    );
    const kernels = kernelsFor(
      node,
      node.inputs.map((id) => plan.graph.nodes[id].shape),
      device.traits,
    );
    assert.is(own?.op, node.op);
    assert.equal(own?.timings.map((timing) => timing.variant).sort(), kernels.map((kernel) => kernel.variant).sort());
  });
}
