// program.test.ts: what a compiled program promises: replays create nothing, repeat exactly, and leave nothing behind.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { type Device, DeviceError, openDevice } from '../../src/engine/gpu/device.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { type Computation, computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { adam, add, matmul, max, mean, mul, relu, square, stepCounter, sub } from '../../src/engine/ops/index.ts';
import { printSteps } from '../../src/engine/print.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const test = suite('program');
let device: Device;
test.before(async () => {
  device = await openDevice();
});

/** One Adam step of a small regression: everything a training or visualization step has. */
function regressionStep(): Computation {
  const graph = new Graph();
  const next = randomNumbers(5);
  const numbers = (...shape: number[]) => {
    const data = Float32Array.from({ length: shape.reduce((p, d) => p * d, 1) }, () => next() - 0.5);
    return { shape, data };
  };
  const x = graph.constant(numbers(16, 8));
  const target = graph.constant(numbers(16, 4));
  const w = graph.state('w', numbers(8, 4));
  const b = graph.state('b', numbers(4));
  const counter = stepCounter(graph);
  const loss = mean(square(sub(relu(add(matmul(x, w), b)), target)));
  const updates = adam([w, b], gradient(loss, [w, b]), { lr: 0.05 });
  return computation({ loss }, [...updates, counter.update]);
}

test('a replay creates no GPU object', async () => {
  const program = await compile(device, regressionStep());
  program.run();
  await device.idle();
  const created: string[] = [];
  const gpu = device.gpu as unknown as Record<string, (...args: unknown[]) => unknown>;
  // A command encoder is the one object a submit cannot do without.
  const makers = [
    'Buffer',
    'BindGroup',
    'BindGroupLayout',
    'PipelineLayout',
    'ShaderModule',
    'ComputePipeline',
    'ComputePipelineAsync',
    'Texture',
    'Sampler',
    'QuerySet',
  ];
  for (const what of makers) {
    const name = `create${what}`;
    gpu[name] = function (this: unknown, ...args: unknown[]) {
      created.push(what);
      return (GPUDevice.prototype as unknown as typeof gpu)[name].apply(device.gpu, args);
    };
  }
  const writes: unknown[] = [];
  device.gpu.queue.writeBuffer = ((...args: unknown[]) => writes.push(args)) as never;
  program.run(10);
  await device.idle();
  for (const what of makers) delete gpu[`create${what}`];
  delete (device.gpu.queue as Partial<GPUQueue>).writeBuffer;
  assert.equal(created, []);
  assert.is(writes.length, 0, 'a replay uploads nothing');
  program.dispose();
});

test('many steps follow the interpreter', async () => {
  const source = regressionStep();
  const program = await compile(device, source);
  program.run(5);
  let states: Record<string, Float64Array> = {};
  let loss = 0;
  for (let step = 0; step < 5; step++) {
    const run = interpret(source, states);
    states = Object.fromEntries(Object.entries(run.states).map(([name, array]) => [name, array.data]));
    loss = run.outputs.loss.data[0];
  }
  close(await program.read('w'), states.w, { relative: 1e-5 }, 'weights after 5 steps');
  close(await program.read('loss'), [loss], { relative: 1e-5 }, 'loss of step 5');
  assert.equal([...(await program.read('step'))], [5]);
  program.dispose();
});

test('two runs from one state give equal bytes, however many steps a submit holds', async () => {
  const results: Float32Array[] = [];
  for (const submits of [[12], [5, 7], [1, 1, 10]]) {
    const program = await compile(device, regressionStep());
    for (const steps of submits) program.run(steps);
    results.push(await program.read('w'));
    program.dispose();
  }
  assert.equal([...results[1]], [...results[0]]);
  assert.equal([...results[2]], [...results[0]]);
});

test('states can be shared: a second program goes on where the first stopped', async () => {
  const first = await compile(device, regressionStep());
  first.run(3);
  const second = await compile(device, regressionStep(), { shareStates: first });
  second.run(2);
  const whole = await compile(device, regressionStep());
  whole.run(5);
  assert.equal([...(await first.read('w'))], [...(await whole.read('w'))]);
  for (const program of [second, first, whole]) program.dispose();
});

test('a thousand programs leave no buffer behind', async () => {
  const source = (() => {
    const graph = new Graph();
    return computation({ y: relu(mul(graph.input('x', [64]), 3)) });
  })();
  const before = { ...device.memory };
  const pipelines = device.pipelineCount;
  for (let i = 0; i < 1000; i++) {
    const program = await compile(device, source);
    program.write('x', new Float32Array(64).fill(i));
    program.run();
    if (i % 100 === 0) assert.is((await program.read('y'))[0], 3 * i);
    program.dispose();
  }
  assert.is(device.memory.buffers, before.buffers);
  assert.is(device.memory.bytes, before.bytes);
  assert.ok(device.pipelineCount - pipelines <= 1, 'equal text is compiled once');
});

test('what depends on constants alone is computed once, when the program is built', async () => {
  const graph = new Graph();
  const x = graph.input('x', [4]);
  const big = graph.constant({ shape: [100, 100], data: new Float32Array(10000).fill(2) });
  const program = await compile(device, computation({ y: mul(x, mean(square(big))) }));
  assert.is(program.steps.length, 1, printSteps(program));
  program.write('x', Float32Array.of(1, 2, 3, 4));
  program.run();
  assert.equal([...(await program.read('y'))], [4, 8, 12, 16]);
  program.dispose();
});

test('a program that cannot be built leaves no buffer behind', async () => {
  const before = { ...device.memory };
  const graph = new Graph();
  const x = graph.input('x', [64]);
  const weights = graph.constant({ shape: [64], data: new Float32Array(64).fill(2) });
  const large = Math.floor(device.gpu.limits.maxStorageBufferBindingSize / 4 / 64) + 1;
  try {
    await compile(device, computation({ y: relu(mul(x, weights)), z: mul(graph.input('large', [large, 64]), 2) }));
    assert.unreachable();
  } catch (error) {
    assert.ok(error instanceof DeviceError, String(error));
    assert.match((error as Error).message, /Use a smaller picture or batch/);
  }
  assert.is(device.memory.buffers, before.buffers);
  assert.is(device.memory.bytes, before.bytes);
});

test('infinite constants reach the device', async () => {
  const graph = new Graph();
  const x = graph.input('x', [3]);
  const program = await compile(device, computation({ y: mul(max(x, Number.NEGATIVE_INFINITY), 2) }));
  program.write('x', Float32Array.of(-1, 0, 3));
  program.run();
  assert.equal([...(await program.read('y'))], [-2, 0, 6]);
  program.dispose();
});

test('an output that is a state shows what the run began with', async () => {
  const graph = new Graph();
  const counter = stepCounter(graph);
  const program = await compile(device, computation({ before: counter.value }, [counter.update]));
  program.run(3);
  assert.equal([(await program.read('before'))[0], (await program.read('step'))[0]], [2, 3]);
  program.dispose();
});

test('an output of the name of an input does not stand in its way', async () => {
  const graph = new Graph();
  const program = await compile(device, computation({ x: add(graph.input('x', [2]), 1) }));
  program.write('x', Float32Array.of(1, 2));
  program.run();
  assert.equal([...(await program.read('x'))], [2, 3]);
  program.dispose();
});

test('states are shared only where their shapes agree', async () => {
  const counting = (shape: number[]) => {
    const state = new Graph().state('s', { shape, data: new Float32Array(shape[0]) });
    return computation({}, [{ state, value: add(state, 1) }]);
  };
  const before = device.memory.buffers;
  const owner = await compile(device, counting([2]));
  try {
    await compile(device, counting([3]), { shareStates: owner });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /state "s" is \[3\] here and \[2\] in the program it is taken over from/);
  }
  owner.dispose();
  assert.is(device.memory.buffers, before);
});

test('mistakes are named', async () => {
  const graph = new Graph();
  const program = await compile(device, computation({ y: relu(graph.input('x', [4])) }), { label: 'tiny' });
  assert.throws(() => program.write('x', new Float32Array(3)), /tiny: "x" takes 4 numbers \(\[4\]\), got 3/);
  assert.throws(() => program.write('z', new Float32Array(4)), /there is no "z". Known are "x"/);
  program.dispose();
  // Touching a destroyed buffer would be an error of the device, and end every other program on it too.
  const uses = [() => program.run(), () => program.write('x', new Float32Array(4)), () => program.read('y')];
  for (const use of uses) {
    assert.throws(use, (error: Error) => error instanceof DeviceError && /disposed/.test(error.message));
  }
  await device.idle();
});

test('pipelines are compiled while weights are made ready', async () => {
  const own = await openDevice();
  const pipelines: number[] = [];
  const weights = {
    shape: [70, 70],
    get data() {
      pipelines.push(own.pipelineCount);
      return new Float32Array(70 * 70).fill(1);
    },
  };
  const graph = new Graph();
  const x = graph.input('x', [3, 70]);
  const y = matmul(x, graph.constant(weights));
  pipelines.length = 0; // what the check of its shape saw
  const program = await compile(own, computation({ y }));
  assert.ok(pipelines.length > 0);
  assert.equal(new Set(pipelines), new Set([1]), 'nothing asked for its numbers before');
  const { y: sums } = await program.evaluate({ x: new Float32Array(3 * 70).fill(1) });
  assert.equal(new Set(sums), new Set([70]));
  own.close();
});

test('what is begun besides the opening of a device goes before it', async () => {
  const order: string[] = [];
  const gpu = { requestAdapter: async () => void order.push('adapter') } as unknown as GPU;
  const opening = openDevice({ gpu });
  order.push('besides');
  assert.instance(await opening.catch((error) => error), DeviceError);
  assert.equal(order, ['besides', 'adapter']);
});
