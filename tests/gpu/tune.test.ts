// tune.test.ts: the tuner on a device: it finds a variant for every op that has a choice, and programs take what was found.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { type Device, openDevice } from '../../src/engine/gpu/device.ts';
import { compile, type Program } from '../../src/engine/gpu/program.ts';
import { tune, type TuneReport } from '../../src/engine/gpu/tune.ts';
import { type Computation, computation, Graph, type OpNode } from '../../src/engine/graph.ts';
import { add, conv2d, matmul, maxPool, relu, reshape, sum } from '../../src/engine/ops/index.ts';
import { printSteps } from '../../src/engine/print.ts';
import {
  emptyTuning,
  kernelsFor,
  kernelsOf,
  loweredVariants,
  opKey,
  readTuning,
  type Tuning,
} from '../../src/engine/tuning.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const test = suite('tuner');
/** So long that every op is reached, also on a busy machine. */
const ENOUGH_MILLIS = 300_000;
const patient = { timeoutSeconds: 400 };
let device: Device;
let report: TuneReport;
let progress: [number, number][];
test.before(async () => {
  device = await openDevice({ recoveryMillis: [0, 50, 200, 1000] });
  progress = [];
  report = await tune(device, [network()], {
    budgetMillis: ENOUGH_MILLIS,
    progress: (done, total) => void progress.push([done, total]),
  });
});

const numbers = (seed: number, ...shape: number[]) => {
  const next = randomNumbers(seed);
  return { shape, data: Float32Array.from({ length: shape.reduce((p, d) => p * d, 1) }, () => next() - 0.5) };
};

/** Two equal convolutions, pool and product, with the gradient of the input. */
function network(): Computation {
  const graph = new Graph();
  const x = graph.input('x', [1, 12, 12, 8]);
  const layer = (value: typeof x, seed: number) =>
    relu(
      add(
        conv2d(value, graph.constant(numbers(seed, 3, 3, 8, 8)), { pads: [1, 1, 1, 1] }),
        graph.constant(numbers(9, 8)),
      ),
    );
  const pooled = maxPool(layer(layer(x, 1), 2), { kernel: [2, 2], strides: [2, 2] });
  const y = matmul(reshape(pooled, [1, 288]), graph.constant(numbers(3, 288, 12)));
  return computation({ y, dx: gradient(sum(y), [x])[0] });
}

const input = numbers(4, 1, 12, 12, 8).data;

async function run(): Promise<{ program: Program; y: Float32Array; dx: Float32Array }> {
  const program = await compile(device, network());
  const { y, dx } = await program.evaluate({ x: input });
  return { program, y, dx };
}

/** A tuning of all ops of the report, those that the machine was too busy for among them, with other winners. */
const withVariant = (choose: (variants: readonly string[]) => string): Tuning => ({
  ...report.tuning,
  ops: Object.fromEntries(
    report.ops.map(({ op, attrs, inputs, output, timings }) => {
      const node = { op, attrs, shape: output } as OpNode;
      const kernels = kernelsOf(kernelsFor(node, inputs, device.traits));
      const variant = choose(timings.map(({ variant }) => variant));
      return [opKey(node, inputs), { variant, kernels, micros: {} }];
    }),
  ),
});

const decidedOf = ({ ops }: Pick<TuneReport, 'ops'>): number => ops.filter(({ isDecided }) => isDecided).length;

/** Variants of the steps of an op. */
const variantsIn = (program: Program, op: string): string[] =>
  program.steps.flatMap((step) => (step.op === op ? [step.variant] : []));

test('every op with a choice is timed, equal ones once, and nothing else', () => {
  assert.is(report.untimed, 0);
  assert.is(Object.keys(report.tuning.ops).length, decidedOf(report));
  const names = report.ops.map(({ op }) => op);
  for (const op of ['conv2d', 'conv2dInput', 'maxPool', 'matmul']) assert.ok(names.includes(op), `${op} in ${names}`);
  assert.is(report.ops.find(({ op }) => op === 'conv2d')?.count, 2);
  assert.is(names.filter((op) => op === 'conv2d').length, 1);
  for (const { op, timings, chosen, usual } of report.ops) {
    assert.ok(timings.length > 1, op);
    const best = timings.find(({ variant }) => variant === chosen);
    assert.ok(best?.micros && best.micros > 0, `${op}: ${JSON.stringify(timings)}`);
    assert.ok(timings.find(({ variant }) => variant === usual)?.micros, `${op}: the usual variant is always timed`);
    for (const { micros, note } of timings) assert.ok(micros !== undefined || note, `${op}: left out without a word`);
  }
  assert.equal(
    progress,
    report.ops.map((_, k) => [k + 1, report.ops.length]),
  );
});

test('tuning by itself changes nothing, and leaves no buffer behind', () => {
  assert.is(device.tuning, undefined);
  assert.is(device.memory.buffers, 0);
});

test('programs take what was found, and compute the same within rounding', async () => {
  const usual = await run();
  await device.useTuning(readTuning(JSON.stringify(report.tuning)));
  const tuned = await run();
  for (const { op, chosen } of report.ops) {
    if (loweredVariants.includes(chosen)) assert.is(variantsIn(tuned.program, op).length, 0, op);
    else assert.ok(variantsIn(tuned.program, op).includes(chosen), `${op}: ${printSteps(tuned.program)}`);
  }
  // Sums of 288 products behind sums of 72, each rounded once a term.
  const relative = 2 ** -24 * (288 + 2 * 72 + 8);
  close(tuned.y, usual.y, { relative }, 'y');
  close(tuned.dx, usual.dx, { relative }, 'dx');
  const again = await run();
  assert.equal([...again.y, ...again.dx], [...tuned.y, ...tuned.dx], 'equal programs give equal bytes');
  for (const { program } of [usual, tuned, again]) program.dispose();
  await device.useTuning(undefined);
});

test('what is kept is obeyed, also where it is slow; unknown names and other devices are not', async () => {
  const usual = await run();
  const usualSteps = usual.program.steps.map(({ variant }) => variant);
  const cases: [Tuning | undefined, (steps: readonly string[], program: Program) => void][] = [
    [
      withVariant(([naive]) => naive),
      (_, program) => {
        for (const op of ['conv2d', 'conv2dInput', 'maxPool', 'matmul'])
          for (const variant of variantsIn(program, op)) assert.is(variant, 'naive', op);
        assert.is(variantsIn(program, 'conv2d').length, 2);
      },
    ],
    [withVariant(() => 'of the past'), (steps) => assert.equal(steps, usualSteps)],
    [{ ...withVariant(([naive]) => naive), device: 'another' }, (steps) => assert.equal(steps, usualSteps)],
    [emptyTuning(device.key), (steps) => assert.equal(steps, usualSteps)],
    [undefined, (steps) => assert.equal(steps, usualSteps)],
  ];
  for (const [tuning, check] of cases) {
    await device.useTuning(tuning);
    const { program, y } = await run();
    check(
      program.steps.map(({ variant }) => variant),
      program,
    );
    close(y, usual.y, { relative: 2 ** -24 * (288 + 2 * 72 + 8) }, 'y');
    program.dispose();
  }
  usual.program.dispose();
  await device.useTuning(undefined);
});

test('a budget that is spent, or a signal, ends it early and in order', async () => {
  const nothing = await tune(device, [network()], { budgetMillis: 0 });
  assert.is(nothing.ops.length, 0);
  assert.is(nothing.untimed, report.ops.length);
  assert.equal(nothing.tuning, emptyTuning(device.key));
  const control = new AbortController();
  const one = await tune(device, [network()], {
    budgetMillis: ENOUGH_MILLIS,
    signal: control.signal,
    progress: () => control.abort(),
  });
  assert.is(one.ops.length, 1);
  assert.is(Object.keys(one.tuning.ops).length, decidedOf(one), 'what was decided is kept');
  assert.is(one.untimed, report.ops.length - 1);
  assert.is(device.memory.buffers, 0);
});

test('a budget ends it in the middle of an op, which then keeps its usual kernel', async () => {
  for (const budgetMillis of [1, 300]) {
    const began = performance.now();
    const { ops, tuning, untimed } = await tune(device, [network()], { budgetMillis });
    // One dispatch, and what a busy machine makes of it.
    assert.ok(performance.now() - began < budgetMillis + 3000, `${performance.now() - began} ms of ${budgetMillis}`);
    assert.is(ops.length + untimed, report.ops.length);
    for (const { isDecided, chosen, usual } of ops) if (!isDecided) assert.is(chosen, usual);
    assert.is(Object.keys(tuning.ops).length, decidedOf({ ops }));
  }
  await device.idle();
});

test(
  'a loss costs the op that was being timed; what was timed stays, and the others follow',
  async () => {
    const { lost } = device.gpu;
    const heard: string[] = [];
    const found = await tune(device, [network()], {
      budgetMillis: ENOUGH_MILLIS,
      progress: (_, __, op) => {
        if (heard.push(op.op) === 2) device.gpu.destroy();
      },
    });
    await lost;
    assert.is(found.ops.length, report.ops.length - 1);
    assert.is(found.untimed, 1);
    assert.is(found.tuning.device, device.key);
    assert.is(Object.keys(found.tuning.ops).length, decidedOf(found));
    assert.equal(found.ops.map(({ op }) => op).sort(), heard.sort());
    assert.is(device.memory.buffers, 0);
    await device.useTuning(found.tuning);
    const { program } = await run();
    for (const { op, chosen } of found.ops)
      if (!loweredVariants.includes(chosen)) assert.ok(variantsIn(program, op).includes(chosen), op);
    program.dispose();
    await device.useTuning(undefined);
  },
  patient,
);

test('what was timed is told also where the GPU does not come back', async () => {
  const other = await openDevice({ recoveryMillis: [] });
  const found = await tune(other, [network()], { budgetMillis: ENOUGH_MILLIS, progress: () => other.gpu.destroy() });
  assert.is(found.ops.length, 1);
  assert.is(found.untimed, report.ops.length - 1);
  assert.is(found.tuning.device, device.key);
  const error = await other.ready().then(
    () => undefined,
    (error) => error,
  );
  assert.match(error?.message ?? '', 'could not be restored');
});

test('after a loss a program has the kernels it had, whatever was tuned meanwhile', async () => {
  await device.useTuning(withVariant(([naive]) => naive));
  const { program, y, dx } = await run();
  const steps = program.steps.map(({ variant }) => variant);
  await device.useTuning(undefined);
  const { lost } = device.gpu;
  device.gpu.destroy();
  await lost;
  await device.ready();
  assert.equal(
    program.steps.map(({ variant }) => variant),
    steps,
  );
  const after = await program.evaluate({ x: input });
  assert.equal([...after.y, ...after.dx], [...y, ...dx]);
  program.dispose();
});

test('a device that came back is tuned as before', async () => {
  const tuning = withVariant(([naive]) => naive);
  await device.useTuning(tuning);
  const { lost } = device.gpu;
  device.gpu.destroy();
  await lost;
  await device.ready();
  const { program } = await run();
  assert.equal(new Set(variantsIn(program, 'conv2d')), new Set(['naive']));
  program.dispose();
  await device.useTuning(undefined);
});

test('the kernels that are timed are those a program chooses among', async () => {
  const choices: [OpNode, string[]][] = [];
  const program = await compile(device, network(), {
    choose: (kernels, node) => {
      choices.push([node, kernels.map(({ variant }) => variant)]);
      return kernels[0];
    },
  });
  const { graph } = program.plan;
  for (const [node, variants] of choices) {
    const shapes = node.inputs.map((id) => graph.nodes[id].shape);
    const timed = kernelsFor(node, shapes, device.traits);
    assert.equal(
      timed.map(({ variant }) => variant),
      variants,
      node.op,
    );
  }
  assert.ok(choices.some(([, variants]) => variants.length > 1));
  program.dispose();
});
