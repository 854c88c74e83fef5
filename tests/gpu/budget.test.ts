// budget.test.ts: what does not fit is refused before anything is made, batches are cut until they fit, and what the GPU
// itself refuses is told with the op or the buffer it belongs to.

import * as assert from 'uvu/assert';
import { type Device, DeviceError, openDevice, OutOfMemoryError } from '../../src/engine/gpu/device.ts';
import { bytesToAdd, defaultBudget, largestBatch } from '../../src/engine/gpu/memory.ts';
import { compile, type CompileOptions } from '../../src/engine/gpu/program.ts';
import { type Computation, computation, Graph } from '../../src/engine/graph.ts';
import { add, matmul, mul, relu, stepCounter } from '../../src/engine/ops/index.ts';
import { optimize } from '../../src/engine/optimize.ts';
import { makePlan } from '../../src/engine/plan.ts';
import { printPlan } from '../../src/engine/print.ts';
import type { Kernel } from '../../src/kernels/types.ts';
import { parseModel } from '../../src/models/model.ts';
import { Runner } from '../../src/models/run.ts';
import type { Method } from '../../src/viz/attribution/method.ts';
import { methods } from '../../src/viz/attribution/methods.ts';
import { logit } from '../../src/viz/features/objectives.ts';
import { Visualization } from '../../src/viz/features/visualization.ts';
import { randomNumbers } from '../support/draw.ts';
import { fetchAsset } from '../support/fetch.ts';
import { suite } from '../support/suite.ts';

const test = suite('budget');
const MIB = 2 ** 20;
const GIB = 2 ** 30;
let small: Device;
let device: Device;
test.before(async () => {
  device = await openDevice();
  small = await openDevice({ memoryMiB: 8 });
});

async function refusal(promise: Promise<unknown>, kind: new (message: string) => Error): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.is((error as Error).constructor, kind, String(error));
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

const weights = { shape: [64, 64], data: new Float32Array(64 * 64).fill(0.01) };

/** Rows of 64 numbers through two layers. */
function layers(rows: number): Computation {
  const graph = new Graph();
  const x = graph.input('x', [rows, 64]);
  const first = relu(matmul(x, graph.constant(weights)), 'first');
  return computation({ y: matmul(first, graph.constant(weights)) });
}

test('what a plan needs is what its program takes', async () => {
  const graph = new Graph();
  const counter = stepCounter(graph);
  const big = graph.constant({ shape: [100, 100], data: new Float32Array(10000).fill(2) });
  const y = add(matmul(graph.input('x', [7, 100]), matmul(big, big)), counter.value);
  for (const source of [layers(33), computation({ y }, [counter.update])]) {
    const plan = makePlan(optimize(source));
    const before = device.memory.bytes;
    const program = await compile(device, source);
    const { total, temporary } = plan.memory;
    assert.is(device.memory.bytes - before, total - temporary, printPlan(plan));
    assert.match(printPlan(plan), /all buffers \d+\.\d\d MiB, \d+\.\d\d MiB of them only while the program is built/);
    const held = plan.tensors.filter((tensor) => !plan.temporary.tensors.includes(tensor));
    assert.is(bytesToAdd(device, plan), total - sum(held.map(({ data }) => data.byteLength)));
    const second = await compile(device, source, { shareStates: program });
    const shared = bytesToAdd(device, plan, () => true);
    second.dispose();
    const inUse = device.memory.bytes;
    const third = await compile(device, source, { shareStates: program });
    assert.is(device.memory.bytes - inUse, shared - temporary);
    third.dispose();
    program.dispose();
    assert.is(device.memory.bytes, before);
  }
});

const sum = (list: readonly number[]): number => list.reduce((total, value) => total + value, 0);

test('what does not fit is refused in one sentence, before anything is made', async () => {
  const holder = await compile(small, layers(1000), { label: 'holder' });
  const { bytes, buffers, peakBytes } = small.memory;
  const message = await refusal(compile(small, layers(20_000), { label: 'rows' }), OutOfMemoryError);
  assert.match(
    message,
    /^rows needs \d+\.\d\d MiB of GPU memory; of the budget of 8\.00 MiB, 0\.\d\d MiB are in use\. Use a smaller picture or batch, or raise the budget \(--memory\)\.$/,
  );
  assert.equal({ ...small.memory }, { bytes, buffers, peakBytes });
  holder.dispose();
});

test('programs made at the same time share the budget', async () => {
  const { bytes } = small.memory;
  const made = await Promise.allSettled([compile(small, layers(8192)), compile(small, layers(8192))]);
  const programs = made.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const errors = made.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
  assert.is(programs.length, 1);
  assert.instance(errors[0], OutOfMemoryError);
  for (const program of programs) program.dispose();
  assert.is(small.memory.bytes, bytes);
});

test('a buffer larger than the device allows is named', async () => {
  const rows = Math.floor(device.maxBufferBytes / 4 / 64) + 1;
  const x = new Graph().input('x', [1, 64]);
  const wide = mul(x, x.graph.input('column', [rows, 1]), 'stretch');
  const message = await refusal(compile(device, computation({ wide }), { label: 'wide' }), OutOfMemoryError);
  assert.match(
    message,
    /^wide: the result of "stretch" needs a buffer of \d+\.\d\d MiB; this device allows \d+\.\d\d MiB\./,
  );
});

test('the largest batch that fits', async () => {
  const needed = (rows: number) => makePlan(optimize(layers(rows))).memory.total;
  for (const wanted of [1, 9, 1000, 50_000, 70_001]) {
    const batch = largestBatch(small, wanted, layers, 'rows');
    const parts = 2 ** Math.ceil(Math.log2(wanted / batch));
    assert.is(batch, Math.ceil(wanted / parts), `${batch} of ${wanted}`);
    assert.ok(needed(batch) <= 8 * MIB);
    assert.ok(
      batch === wanted || needed(Math.ceil((2 * wanted) / parts)) > 8 * MIB,
      `not more than ${batch} of ${wanted}`,
    );
  }
  const shared = largestBatch(small, 50_000, layers, 'rows', 0.5);
  assert.ok(needed(shared) <= 4 * MIB && needed(2 * shared) > 4 * MIB, `${shared} rows leave half of it`);
  assert.is(small.memory.bytes, 0);
  const thick = (batch: number) => computation({ y: mul(new Graph().input('x', [batch, 4 * MIB]), 2) });
  assert.throws(() => largestBatch(small, 4, thick, 'thick'), /^thick needs \d+\.\d\d MiB/);
});

test('a run of many pictures cuts itself to fit and gives the same numbers', async () => {
  const bytes = await fetchAsset('assets/drawings.onnx');
  const model = parseModel(bytes);
  const next = randomNumbers(4);
  const [count, side] = [41, 64];
  const input = Float32Array.from({ length: count * side * side * 3 }, () => next());
  const whole = await Runner.create(device, model, [count, side, side, 3], ['conv1', 'conv4']);
  const parts = await Runner.create(small, model, [count, side, side, 3], ['conv1', 'conv4']);
  assert.is(whole.batch, count);
  assert.ok(parts.batch < count, `batch ${parts.batch}`);
  const [a, b] = [await whole.run(input), await parts.run(input)];
  assert.equal(b.output.shape, a.output.shape);
  assert.equal([...b.output.data], [...a.output.data]);
  for (const name of ['conv1', 'conv4']) {
    const [wanted, got] = [a, b].map(({ layers }) => layers.get(name)!);
    assert.equal(got.shape, wanted.shape);
    assert.ok(
      got.data.every((value, i) => value === wanted.data[i]),
      name,
    );
  }
  assert.ok(small.memory.peakBytes <= 8 * MIB + 4 * (parts.batch + 1) * 64 * side * side, 'and what is read back');
  const message = await refusal(
    Visualization.create(small, model, logit(0), { size: [64, 64], batch: 16 }),
    OutOfMemoryError,
  );
  assert.match(message, /^visualize needs \d+\.\d\d MiB of GPU memory/);
  whole.dispose();
  parts.dispose();
  assert.equal([device.memory.bytes, small.memory.bytes], [0, 0]);
});

test('the budget nobody chose', () => {
  assert.is(defaultBudget({ software: true, maxBufferSize: GIB, hostBytes: 16 * GIB }), 8 * GIB);
  assert.is(defaultBudget({ software: false, maxBufferSize: GIB, hostBytes: 16 * GIB }), 4 * GIB);
  assert.is(defaultBudget({ software: false, maxBufferSize: 4 * GIB, hostBytes: 16 * GIB }), 8 * GIB);
  assert.is(defaultBudget({ software: true, maxBufferSize: GIB }), 2 * GIB);
  assert.is(small.budgetBytes, 8 * MIB);
  assert.ok(device.budgetBytes >= GIB, `${device.budgetBytes}`);
});

// --- what the GPU itself refuses ---

/** The device works on: another program gives the right numbers, and nothing waits to be thrown. */
async function worksOn(): Promise<void> {
  const program = await compile(device, computation({ y: mul(new Graph().input('x', [3]), 2) }));
  assert.equal([...(await program.evaluate({ x: Float32Array.of(1, 2, 3) })).y], [2, 4, 6]);
  await program.idle();
  program.dispose();
  await device.idle();
  device.check();
}

/**
 * A real lack of memory cannot be had on order, so the scope around this buffer is made to answer as if there had been one.
 */
async function withoutMemoryFor<T>(what: string, work: () => Promise<T>): Promise<T> {
  const { createBuffer, popErrorScope, pushErrorScope } = GPUDevice.prototype;
  const { gpu } = device;
  const scopes: { filter: GPUErrorFilter; lacks: boolean }[] = [];
  gpu.pushErrorScope = (filter) => {
    scopes.push({ filter, lacks: false });
    pushErrorScope.call(gpu, filter);
  };
  gpu.createBuffer = (descriptor) => {
    const scope = scopes.findLast(({ filter }) => filter === 'out-of-memory');
    if (scope) scope.lacks = descriptor.label?.includes(what) ?? false;
    return createBuffer.call(gpu, descriptor);
  };
  gpu.popErrorScope = async () => {
    const lacks = scopes.pop()?.lacks;
    const answer = await popErrorScope.call(gpu);
    return lacks ? ({ message: 'not enough memory left' } as GPUError) : answer;
  };
  try {
    return await work();
  } finally {
    for (const name of ['createBuffer', 'popErrorScope', 'pushErrorScope'] as const) {
      delete (gpu as Partial<GPUDevice>)[name];
    }
  }
}

test('no memory on the GPU: the buffer is named, all is freed, the device works on', async () => {
  const { bytes, buffers } = device.memory;
  const message = await refusal(
    withoutMemoryFor('slot 1', () => compile(device, layers(100), { label: 'rows' })),
    OutOfMemoryError,
  );
  assert.match(message, /^rows: slot 1, 0\.0\d MiB: the GPU has no memory left\. Use a smaller picture or batch/);
  assert.equal([device.memory.bytes, device.memory.buffers], [bytes, buffers]);
  await worksOn();
});

test('a method that cannot be prepared to the end frees what it has made', async () => {
  const model = parseModel(await fetchAsset('assets/drawings.onnx'));
  /** The program that each makes last. */
  const last = {
    'score-cam': 'masked scores',
    'ablation-cam': 'silenced channels',
    'gradient-shap': 'gradient shap',
    smoothgrad: 'noisy copies',
  } as const;
  for (const [name, label] of Object.entries(last)) {
    const { bytes, buffers } = device.memory;
    const method: Method = methods[name as keyof typeof last];
    const prepare = () => method.prepare({ device, model, size: [16, 16] });
    const message = await refusal(withoutMemoryFor(`${label}: slot 0`, prepare), OutOfMemoryError);
    assert.match(message, new RegExp(`^${label}: slot 0, `));
    assert.equal([device.memory.bytes, device.memory.buffers], [bytes, buffers], name);
  }
  await worksOn();
});

test('a shader that does not compile names the program and the op', async () => {
  const choose: CompileOptions['choose'] = (kernels, node) => {
    const kernel = kernels[kernels.length - 1];
    return node.op === 'matmul' ? ({ ...kernel, text: { ...kernel.text, TYPE: 'nonsense' } } as Kernel) : kernel;
  };
  const graph = new Graph();
  const y = matmul(relu(graph.input('a', [8, 8])), graph.input('b', [8, 8]), { label: 'product' });
  const { bytes } = device.memory;
  const message = await refusal(compile(device, computation({ y }), { label: 'broken', choose }), DeviceError);
  assert.match(message, /^broken: "product": The shader "matmul \w+": the GPU reports an error: .*'nonsense'/);
  assert.is(device.memory.bytes, bytes);
  await worksOn();
});

test('a grid larger than the device allows names the op', async () => {
  const choose: CompileOptions['choose'] = (kernels) => ({
    ...kernels[kernels.length - 1],
    workgroups: [1, 2 ** 20, 1],
  });
  const y = relu(new Graph().input('x', [8]), 'rectify');
  const message = await refusal(compile(device, computation({ y }), { label: 'grid', choose }), DeviceError);
  assert.match(
    message,
    /^grid: "rectify" takes a grid of 1x1048576x1 workgroups; this device allows 65535 a dimension\./,
  );
  await worksOn();
});

test('a run that the GPU refuses names the op, changes nothing, and hurts no other program', async () => {
  const graph = new Graph();
  const counter = stepCounter(graph);
  const x = graph.input('x', [8, 8]);
  const y = add(matmul(relu(x, 'first'), x, { label: 'second' }), counter.value);
  const program = await compile(device, computation({ y }, [counter.update]), { label: 'torn', optimize: false });
  const other = await compile(device, layers(4), { label: 'other' });
  program.run(2);
  await program.idle();
  program.buffer('x').destroy();
  program.run();
  other.run();
  await other.idle();
  assert.match(await refusal(program.idle(), DeviceError), /^torn: "first": the GPU reports an error: /);
  await program.idle(); // told once
  assert.equal([...(await program.read('step'))], [2]);
  other.dispose();
  program.dispose();
  await worksOn();
});

test('errors of no program are told once, to those who wait', async () => {
  device.connection.createBuffer('odd', 16, 0);
  assert.match(await refusal(device.idle(), DeviceError), /^odd, 0\.00 MiB: the GPU reports an error: /);
  await worksOn();
});
