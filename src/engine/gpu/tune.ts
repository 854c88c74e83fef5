// tune.ts: times the variants of a computation's ops on a device, within a time budget. What is kept of it is a `Tuning`
// (../tuning.ts); nothing here changes what the device does until `device.useTuning`.

import { costOf } from '../cost.ts';
import { type Computation, computation, Graph, nameOf } from '../graph.ts';
import { optimize } from '../optimize.ts';
import { makePlan } from '../plan.ts';
import { printComputation } from '../print.ts';
import { median } from '../statistics.ts';
import { sizeOf } from '../../kernels/shape.ts';
import type { DeviceTraits, Shape } from '../../kernels/types.ts';
import {
  answerFor,
  DIRECT,
  emptyTuning,
  kernelsFor,
  kernelsOf,
  loweredVariantsFor,
  opKey,
  type Timing,
  type TunedOp,
  type Tuning,
  winnerOf,
} from '../tuning.ts';
import { type Device, DeviceLostError } from './device.ts';
import { inputName, type Task, TuneTimer } from './tuneTimer.ts';

export interface TuneOptions {
  /** Ends after about so long; what it has not come to by then keeps the heuristic's choice. */
  readonly budgetMillis?: number;
  readonly signal?: AbortSignal;
  /** Called when an op is done: `done` of `total` ops, `op` being the one that was timed last. */
  progress?(done: number, total: number, op: TimedOp): void;
}

/** An op with more than one variant, and what was found out about them. */
export interface TimedOp {
  readonly op: string;
  /** Label of one of the steps that are like it. */
  readonly label: string;
  readonly inputs: readonly Shape[];
  readonly attrs: unknown;
  readonly output: Shape;
  /** Steps of the computations that are like it. */
  readonly count: number;
  readonly timings: readonly VariantTiming[];
  /** What the heuristics take, and what is taken with the tuning. */
  readonly usual: string;
  readonly chosen: string;
}

export interface VariantTiming {
  readonly variant: string;
  /** Microseconds, the median; undefined where it was not run. */
  readonly micros?: number;
  /** Why it was left out, or left early. */
  readonly note?: string;
}

export interface TuneReport {
  readonly tuning: Tuning;
  /** Heaviest first. */
  readonly ops: readonly TimedOp[];
  /** Ops with a choice that the budget did not reach, and those in the middle of which the GPU was lost. */
  readonly untimed: number;
}

const DEFAULT_BUDGET_MILLIS = 30_000;
/** Arithmetic that takes about as long as moving a byte: to tell heavy ops from light ones before anything is timed. */
const FLOPS_PER_BYTE = 4;

/** The steps of the computations, equal ones once. Ops that could be lowered are still themselves. */
function collect(computations: readonly Computation[], traits: DeviceTraits): Found[] {
  const found = new Map<string, Found>();
  for (const source of computations) {
    const { graph, steps } = makePlan(optimize(source, { traits, measured: () => DIRECT }));
    for (const { node, inputs: places } of steps) {
      const inputs = node.inputs.map((id) => graph.nodes[id].shape);
      const key = opKey(node, inputs);
      const known = found.get(key);
      if (known) {
        known.count++;
        continue;
      }
      const { flops, bytes } = costOf(graph, node);
      const fixed = inputs.map((_, k) => places[k].kind === 'constant' || places[k].kind === 'baked');
      found.set(key, { key, node, inputs, fixed, work: flops + FLOPS_PER_BYTE * bytes, count: 1 });
    }
  }
  return [...found.values()];
}

type Found = Omit<Task, 'source' | 'names' | 'usual'>;

/** Numbers in -1..1; every array of the tuner is a part of this one. */
function makeNumbers(all: readonly Found[]): Float32Array {
  const most = all.reduce((most, { inputs }) => Math.max(most, ...inputs.map(sizeOf)), 1);
  const numbers = new Float32Array(most);
  let seed = 1;
  for (let i = 0; i < most; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    numbers[i] = seed / 2 ** 31 - 1;
  }
  return numbers;
}

/** An op and nothing else. */
function alone({ node, inputs, fixed }: Found, numbers: Float32Array): Computation {
  const graph = new Graph();
  const values = inputs.map((shape, k) =>
    fixed[k] ? graph.constant({ shape, data: numbers.subarray(0, sizeOf(shape)) }) : graph.input(inputName(k), shape),
  );
  const { op, attrs, shape } = node;
  return computation({ y: graph.add({ kind: 'op', op, attrs, shape, inputs: values.map(({ id }) => id) }) });
}

function variantsOf(
  { key, node, inputs }: Found,
  source: Computation,
  traits: DeviceTraits,
): Pick<Task, 'names' | 'usual'> {
  const kernels = kernelsFor(node, inputs, traits).map(({ variant }) => variant);
  const printed = (name: string | undefined) =>
    printComputation(optimize(source, { traits, measured: answerFor(key, name) }));
  const direct = printed(DIRECT);
  const usual = printed(undefined);
  const lowered = loweredVariantsFor(traits).filter((name) => printed(name) !== direct);
  return {
    names: [...kernels, ...lowered],
    usual: lowered.find((name) => printed(name) === usual) ?? kernels[kernels.length - 1],
  };
}

/**
 * The ops of the computations that have a choice, with their variants timed as far as the budget goes. A loss of the GPU costs
 * the op that was being timed, which may have caused it; what was timed before stays, also where the GPU does not come back.
 */
export async function tune(
  device: Device,
  computations: readonly Computation[],
  { budgetMillis = DEFAULT_BUDGET_MILLIS, signal, progress }: TuneOptions = {},
): Promise<TuneReport> {
  await device.ready();
  const deadline = performance.now() + budgetMillis;
  const { traits, key } = device;
  const all = collect(computations, traits);
  const numbers = makeNumbers(all);
  const tasks: Task[] = all
    .map((found) => ({ ...found, source: alone(found, numbers) }))
    .map((found) => ({ ...found, ...variantsOf(found, found.source, traits) }))
    .filter(({ names }) => names.length > 1)
    .sort((a, b) => b.count * b.work - a.count * a.work);

  const timer = await TuneTimer.open(device, numbers);
  const timed = new Map<string, TimedOp>();
  const queue = lightestFirst(tasks);
  try {
    for (const [k, task] of queue.entries()) {
      const left = deadline - performance.now();
      if (left <= 0 || signal?.aborted) break;
      // Heavy ops may take longer; light ones are not left without any time.
      const rest = queue.slice(k).reduce((sum, { count, work }) => sum + count * work, 0);
      const share = Math.max((left * task.count * task.work) / rest, left / (queue.length - k) / 2);
      const timings = await timer.time(task, performance.now() + share, signal).catch((error) => {
        if (!(error instanceof DeviceLostError)) throw error;
      });
      if (!timings) {
        if (await isBack(device, key, timer)) continue;
        break;
      }
      if (signal?.aborted) break;
      const op = timedOp(task, timings);
      timed.set(task.key, op);
      progress?.(timed.size, queue.length, op);
    }
  } finally {
    timer.dispose();
  }
  const done = tasks.filter(({ key }) => timed.has(key));
  const ops = done.map(({ key }) => timed.get(key) as TimedOp);
  const entries = done.map((task, k) => [task.key, tunedOp(task, ops[k], traits)] as const);
  return {
    tuning: { ...emptyTuning(key), ops: Object.fromEntries(entries) },
    ops,
    untimed: tasks.length - done.length,
  };
}

/** After a loss: waits until the GPU is back and can be timed on; false where it is gone, or another one came. */
async function isBack(device: Device, key: string, timer: TuneTimer): Promise<boolean> {
  try {
    await device.ready();
    if (device.key !== key) return false;
    await timer.reopen();
    return true;
  } catch {
    return false; // whoever uses the device next hears why
  }
}

function timedOp({ node, inputs, count, usual }: Task, timings: readonly Timing[]): TimedOp {
  return {
    op: node.op,
    label: nameOf(node),
    inputs,
    attrs: node.attrs,
    output: node.shape,
    count,
    timings: timings.map(({ variant, samples, note }) => ({
      variant,
      micros: samples.length > 0 ? median(samples) : undefined,
      note,
    })),
    usual,
    chosen: winnerOf(timings, usual),
  };
}

function tunedOp({ node, inputs }: Task, { chosen, timings }: TimedOp, traits: DeviceTraits): TunedOp {
  const micros = timings.flatMap(({ variant, micros }) => (micros === undefined ? [] : [[variant, micros] as const]));
  return { variant: chosen, kernels: kernelsOf(kernelsFor(node, inputs, traits)), micros: Object.fromEntries(micros) };
}

/** Of each op its lightest task, to learn which variants are slow where that costs little; then the heaviest first. */
function lightestFirst(tasks: readonly Task[]): Task[] {
  const lightest = new Map<string, Task>();
  for (const task of tasks) {
    const known = lightest.get(task.node.op);
    if (!known || task.work < known.work) lightest.set(task.node.op, task);
  }
  const first = new Set(lightest.values());
  return [...first, ...tasks.filter((task) => !first.has(task))];
}
