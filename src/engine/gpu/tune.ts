// tune.ts: times the variants of a computation's ops on a device, within a time budget. What is kept of it is a `Tuning`
// (../tuning.ts); nothing here changes what the device does until `device.useTuning`.

import { costOf } from '../cost.ts';
import { type Computation, computation, Graph, nameOf } from '../graph.ts';
import { optimize } from '../optimize.ts';
import { makePlan } from '../plan.ts';
import { printComputation } from '../print.ts';
import { loadKernels } from '../../kernels/families.ts';
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
  type TunedOp,
  type Tuning,
} from '../tuning.ts';
import { type Device, DeviceLostError } from './device.ts';
import { inputName, type Outcome, type Task, TuneTimer } from './tuneTimer.ts';

export interface TuneOptions {
  /** Ends after so long, within a dispatch; what is not decided by then keeps the heuristic's choice. */
  readonly budgetMillis?: number;
  /** Ends it as the end of the budget does: what is decided by then is kept. */
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
  /** False where its part of the budget was over before it was clear; the tuning then says nothing of it. */
  readonly isDecided: boolean;
}

export interface VariantTiming {
  readonly variant: string;
  /** Microseconds, the least of all rounds, which other work disturbs least; undefined where it was not run. */
  readonly micros?: number;
  /** Why it was left out, or left early. */
  readonly note?: string;
}

export interface TuneReport {
  readonly tuning: Tuning;
  /** Heaviest first. */
  readonly ops: readonly TimedOp[];
  /** Ops with a choice that nothing is said of: not reached, or in the middle of which it ended or the GPU was lost. */
  readonly untimed: number;
}

const DEFAULT_BUDGET_MILLIS = 30_000;
/** Arithmetic that takes about as long as moving a byte: to tell heavy ops from light ones before anything is timed. */
const FLOPS_PER_BYTE = 4;
/** Of what is left of the budget, an op takes what its work is of the work that is left, within these bounds. */
const [LEAST_SHARE, MOST_SHARE] = [1 / 2, 2 / 3];
/** What a timer can wait: 24 days. */
const LONGEST_WAIT_MILLIS = 2 ** 31 - 1;

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
  await loadKernels(
    all.map(({ node }) => node),
    traits.kind,
  );
  const numbers = makeNumbers(all);
  const tasks: Task[] = all
    .map((found) => ({ ...found, source: alone(found, numbers) }))
    .map((found) => ({ ...found, ...variantsOf(found, found.source, traits) }))
    .filter(({ names }) => names.length > 1)
    .sort((a, b) => b.count * b.work - a.count * a.work);

  const timer = await TuneTimer.open(device, numbers);
  const timed = new Map<string, TimedOp>();
  const stop = stopAt(deadline, signal);
  try {
    // What more can be won on comes first: a short budget then does the most good.
    for (const [k, task] of tasks.entries()) {
      const left = deadline - performance.now();
      if (left <= 0 || stop.signal.aborted) break;
      // Heavy ops may take longer, but none all that is left.
      const rest = tasks.slice(k).reduce((sum, { count, work }) => sum + count * work, 0);
      const share = left * Math.max(LEAST_SHARE, Math.min(MOST_SHARE, (task.count * task.work) / rest));
      const outcome = await timer.time(task, performance.now() + share, stop.signal).catch((error) => {
        if (!(error instanceof DeviceLostError)) throw error;
      });
      if (!outcome) {
        if (await isBack(device, key, timer)) continue;
        break;
      }
      if (stop.signal.aborted && !outcome.isDecided) break;
      const op = timedOp(task, outcome);
      timed.set(task.key, op);
      progress?.(timed.size, tasks.length, op);
    }
  } finally {
    stop.clear();
    timer.dispose();
  }
  const done = tasks.filter(({ key }) => timed.has(key));
  const ops = done.map(({ key }) => timed.get(key) as TimedOp);
  const entries = done.flatMap((task, k) =>
    ops[k].isDecided ? [[task.key, tunedOp(task, ops[k], traits)] as const] : [],
  );
  return {
    tuning: { ...emptyTuning(key), ops: Object.fromEntries(entries) },
    ops,
    untimed: tasks.length - done.length,
  };
}

/** A signal that aborts at the end of the budget, or with the caller's. Clear it afterwards. */
function stopAt(deadline: number, signal: AbortSignal | undefined): { signal: AbortSignal; clear(): void } {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  const timeout = setTimeout(abort, Math.min(LONGEST_WAIT_MILLIS, deadline - performance.now()));
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  return {
    signal: stop.signal,
    clear() {
      clearTimeout(timeout);
      signal?.removeEventListener('abort', abort);
    },
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

function timedOp({ node, inputs, count, usual }: Task, { timings, chosen, isDecided }: Outcome): TimedOp {
  return {
    op: node.op,
    label: nameOf(node),
    inputs,
    attrs: node.attrs,
    output: node.shape,
    count,
    timings: timings.map(({ variant, samples, note }) => ({
      variant,
      micros: samples.length > 0 ? Math.min(...samples) : undefined,
      note,
    })),
    usual,
    chosen,
    isDecided,
  };
}

function tunedOp({ node, inputs }: Task, { chosen, usual, timings }: TimedOp, traits: DeviceTraits): TunedOp {
  const micros = timings.flatMap(({ variant, micros }) => (micros === undefined ? [] : [[variant, micros] as const]));
  const kernels = kernelsOf(kernelsFor(node, inputs, traits));
  return { variant: chosen, usual, kernels, micros: Object.fromEntries(micros) };
}
