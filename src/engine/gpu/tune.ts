// tune.ts: times the variants of a computation's ops on a device, within a time budget. What is kept of it is a `Tuning`
// (../tuning.ts); nothing here changes what the device does until `device.useTuning`.

import { costOf } from '../cost.ts';
import { type Computation, computation, Graph, type OpNode } from '../graph.ts';
import { optimize } from '../optimize.ts';
import { makePlan, type PlannedStep } from '../plan.ts';
import { printComputation } from '../print.ts';
import { sizeOf } from '../../kernels/shape.ts';
import type { DeviceTraits, Shape } from '../../kernels/types.ts';
import {
  DIRECT,
  emptyTuning,
  kernelsFor,
  kernelsOf,
  loweredVariants,
  opKey,
  type TunedOp,
  type Tuning,
} from '../tuning.ts';
import { type Device, DeviceError, DeviceLostError } from './device.ts';
import { compile, type Program } from './program.ts';
import { LapTimer, repeatsFor, type Timed } from './lapTimer.ts';

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
  /** Ops with a choice that the budget did not reach. */
  readonly untimed: number;
}

const DEFAULT_BUDGET_MILLIS = 30_000;
/** One measurement is repeated in a submit until it lasts about so long; a page stays responsive in between. */
const SAMPLE_MICROS = 20_000;
const QUALIFYING_ROUNDS = 2;
const LEAST_ROUNDS = 3;
const MOST_ROUNDS = 9;
/** A variant so many times slower than the best is not timed further. */
const CLEARLY_SLOWER = 2;
/** One that was so many times slower on all shapes so far, on this many of them, is not tried on the others; or on one. */
const SLOW = { factor: 4, shapes: 2 };
const VERY_SLOW = { factor: 12, shapes: 1 };
/** What replaces the heuristic's choice is faster by this share in the median, and in most rounds. */
const LEAST_GAIN = 0.05;
const MOST_OF_ROUNDS = 0.75;
/** Arithmetic that takes about as long as moving a byte: to tell heavy ops from light ones before anything is timed. */
const FLOPS_PER_BYTE = 4;

/** Steps that are alike, as one thing to be timed. */
interface Task {
  readonly key: string;
  readonly node: OpNode;
  readonly inputs: readonly Shape[];
  /** Inputs that depend on constants alone, so that what is made of them is made once. */
  readonly fixed: readonly boolean[];
  readonly work: number;
  count: number;
}

function collect(computations: readonly Computation[], traits: DeviceTraits): Task[] {
  const tasks = new Map<string, Task>();
  for (const source of computations) {
    const plan = makePlan(optimize(source, { traits, measured: () => DIRECT }));
    for (const step of plan.steps) {
      const { node } = step;
      const inputs = node.inputs.map((id) => plan.graph.nodes[id]?.shape);
      if (inputs.includes(undefined as never)) continue; // copies that the plan adds
      const key = opKey(node, inputs);
      const task = tasks.get(key);
      if (task) task.count++;
      else {
        const { flops, bytes } = costOf(plan.graph, node);
        tasks.set(key, { key, node, inputs, fixed: fixedInputs(step), work: flops + FLOPS_PER_BYTE * bytes, count: 1 });
      }
    }
  }
  return [...tasks.values()];
}

const fixedInputs = ({ node, inputs }: PlannedStep): boolean[] =>
  inputs.slice(0, node.inputs.length).map(({ kind }) => kind === 'constant' || kind === 'baked');

/** Numbers in -1..1; every array of the tuner is a part of this one. */
function makeNumbers(tasks: readonly Task[]): Float32Array {
  const most = tasks.reduce((most, { inputs }) => Math.max(most, ...inputs.map(sizeOf)), 1);
  let seed = 1;
  return Float32Array.from({ length: most }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 31 - 1;
  });
}

const inputName = (k: number): string => `x${k}`;

/** The op of a task and nothing else. */
function alone({ node, inputs, fixed }: Task, numbers: Float32Array): Computation {
  const graph = new Graph();
  const values = inputs.map((shape, k) =>
    fixed[k] ? graph.constant({ shape, data: numbers.subarray(0, sizeOf(shape)) }) : graph.input(inputName(k), shape),
  );
  const { op, attrs, shape } = node;
  return computation({ y: graph.add({ kind: 'op', op, attrs, shape, inputs: values.map(({ id }) => id) }) });
}

interface Candidates {
  readonly names: readonly string[];
  /** What runs where nothing was measured. */
  readonly usual: string;
}

function candidatesOf(task: Task, source: Computation, traits: DeviceTraits): Candidates {
  const kernels = kernelsFor(task.node, task.inputs, traits).map(({ variant }) => variant);
  if (kernels.length === 0) return { names: [], usual: '' };
  const printed = (name: string | undefined) => printComputation(optimize(source, { traits, measured: () => name }));
  const direct = printed(DIRECT);
  const lowered = loweredVariants.filter((name) => printed(name) !== direct);
  const usual = printed(undefined);
  return {
    names: [...kernels, ...lowered],
    usual: lowered.find((name) => printed(name) === usual) ?? kernels[kernels.length - 1],
  };
}

/** The ops of the computations that have a choice, with their variants timed as far as the budget goes. */
export async function tune(
  device: Device,
  computations: readonly Computation[],
  options: TuneOptions = {},
): Promise<TuneReport> {
  await device.ready();
  const deadline = performance.now() + (options.budgetMillis ?? DEFAULT_BUDGET_MILLIS);
  const { traits } = device;
  const all = collect(computations, traits);
  const numbers = makeNumbers(all);
  const tasks = all
    .map((task) => ({ ...task, source: alone(task, numbers) }))
    .map((task) => ({ ...task, ...candidatesOf(task, task.source, traits) }))
    .filter(({ names }) => names.length > 1)
    .sort((a, b) => b.count * b.work - a.count * a.work);

  const timer = new Timer(device, numbers);
  const found = new Map<string, { timed: TimedOp; tuned: TunedOp }>();
  const queue = lightestFirst(tasks);
  try {
    for (const [k, task] of queue.entries()) {
      const left = deadline - performance.now();
      if (left <= 0 || options.signal?.aborted) break;
      const rest = queue.slice(k).reduce((sum, { count, work }) => sum + count * work, 0);
      const share = Math.max((left * task.count * task.work) / rest, left / (queue.length - k) / 2);
      const timings = await timer.time(task, performance.now() + share, options.signal);
      if (options.signal?.aborted) break;
      const chosen = timer.winner(timings, task.usual);
      const { node, inputs, count, usual } = task;
      const timed = {
        op: node.op,
        label: node.label ?? node.op,
        inputs,
        attrs: node.attrs,
        output: node.shape,
        count,
        timings: timings.map(({ variant, samples, note }) => ({ variant, micros: median(samples), note })),
        usual,
        chosen,
      };
      const micros = Object.fromEntries(
        timed.timings.flatMap(({ variant, micros }) => (micros ? [[variant, micros]] : [])),
      );
      found.set(task.key, {
        timed,
        tuned: { variant: chosen, kernels: kernelsOf(kernelsFor(node, inputs, traits)), micros },
      });
      options.progress?.(found.size, queue.length, timed);
    }
  } finally {
    timer.dispose();
  }
  const done = tasks.flatMap(({ key }) => found.get(key) ?? []);
  return {
    tuning: {
      ...emptyTuning(device.key),
      ops: Object.fromEntries([...found].map(([key, { tuned }]) => [key, tuned])),
    },
    ops: done.map(({ timed }) => timed),
    untimed: tasks.length - done.length,
  };
}

/** Of each op its lightest task, to learn which variants are slow where that costs little; then the heaviest first. */
function lightestFirst<T extends Task>(tasks: readonly T[]): T[] {
  const lightest = new Map<string, T>();
  for (const task of tasks) {
    const known = lightest.get(task.node.op);
    if (!known || task.work < known.work) lightest.set(task.node.op, task);
  }
  const first = new Set(lightest.values());
  return [...first, ...tasks.filter((task) => !first.has(task))];
}

function median(samples: readonly number[]): number | undefined {
  if (samples.length === 0) return undefined;
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

interface Timing {
  readonly variant: string;
  /** Microseconds, one a round; all variants that are still timed have one of each round. */
  readonly samples: number[];
  note?: string;
}

/** A variant that is being timed. */
interface Contender extends Timing {
  readonly program: Program;
  repeats: number;
}

class Timer {
  private readonly laps: LapTimer;
  /** How many times slower than the best a variant was, one number a shape; by op and variant. */
  private readonly slowness = new Map<string, number[]>();

  constructor(
    private readonly device: Device,
    private readonly numbers: Float32Array,
  ) {
    this.laps = new LapTimer(device.connection);
  }

  dispose(): void {
    this.laps.dispose();
  }

  async time(
    task: Task & Candidates & { readonly source: Computation },
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<Timing[]> {
    const timings: Timing[] = [];
    const contenders: Contender[] = [];
    try {
      for (const variant of task.names) {
        const timing: Timing = { variant, samples: [] };
        timings.push(timing);
        const factors = this.slownessOf(task, variant);
        const factor = Math.min(...factors);
        const isSlow = [SLOW, VERY_SLOW].some((rule) => factors.length >= rule.shapes && factor > rule.factor);
        if (isSlow && variant !== task.usual) {
          timing.note = `at least ${factor.toFixed(0)} times slower on other shapes`;
          continue;
        }
        const program = await this.build(task, variant, timing);
        if (program) contenders.push(Object.assign(timing, { program, repeats: 1 }));
      }
      await this.rounds(contenders, deadline, signal);
      const medians = contenders.map(({ samples }) => median(samples));
      const best = Math.min(...medians.flatMap((micros) => micros ?? []));
      contenders.forEach(({ variant }, k) => {
        this.slownessOf(task, variant).push((medians[k] ?? best) / best);
      });
    } finally {
      for (const { program } of contenders) program.dispose();
    }
    return timings;
  }

  private slownessOf({ node }: Task, variant: string): number[] {
    const name = `${node.op} ${variant}`;
    const known = this.slowness.get(name) ?? [];
    this.slowness.set(name, known);
    return known;
  }

  /** Undefined for a variant that does not fit on this device; the timing then says why. */
  private async build(
    { source, inputs, fixed }: Task & { readonly source: Computation },
    variant: string,
    timing: Timing,
  ): Promise<Program | undefined> {
    const isLowered = loweredVariants.some((name) => name === variant);
    const label = `timing ${variant}`;
    try {
      const program = isLowered
        ? await compile(this.device, source, {
            label,
            target: { traits: this.device.traits, measured: () => variant },
          })
        : await compile(this.device, source, {
            label,
            optimize: false,
            choose: (kernels) => kernels.find((kernel) => kernel.variant === variant) ?? kernels[0],
          });
      inputs.forEach((shape, k) => {
        if (!fixed[k]) program.write(inputName(k), this.numbers.subarray(0, sizeOf(shape)));
      });
      return program;
    } catch (error) {
      if (!(error instanceof DeviceError) || error instanceof DeviceLostError) throw error;
      timing.note = error.message;
      return undefined;
    }
  }

  /** Microseconds of one replay of a contender. */
  private async microsOf({ program, repeats }: Contender): Promise<number> {
    const work: Timed = {
      encode(pass) {
        for (const { pipeline, bindGroup, workgroups } of program.steps) {
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, bindGroup);
          pass.dispatchWorkgroups(...workgroups);
        }
      },
    };
    const [micros] = await this.laps.time([{ work, repeats }]);
    return micros / repeats;
  }

  /** As `microsOf`, repeated in one submit so often that the clock can tell. The first run of a pipeline is slower. */
  private async settle(contender: Contender): Promise<number> {
    await this.microsOf(contender);
    for (;;) {
      const micros = await this.microsOf(contender);
      const { repeats } = contender;
      contender.repeats = repeatsFor(SAMPLE_MICROS, repeats, micros * repeats, this.laps.grainMicros);
      if (contender.repeats <= 2 * repeats) return micros;
    }
  }

  /**
   * Rounds in which each is timed once, in turns, so that a slow moment hits all of them. After the qualifying rounds only
   * those go on that may still win.
   */
  private async rounds(contenders: readonly Contender[], deadline: number, signal?: AbortSignal): Promise<void> {
    const least = new Map<Contender, number>();
    const best = (): number => Math.min(...least.values());
    for (const contender of contenders) {
      if (signal?.aborted) return;
      least.set(contender, await this.settle(contender));
    }
    for (let round = 0; round < QUALIFYING_ROUNDS; round++) {
      for (const [contender, micros] of least) {
        if (signal?.aborted || micros > SLOW.factor * best()) continue;
        least.set(contender, Math.min(micros, await this.microsOf(contender)));
      }
    }
    const racing = contenders.filter((contender) => {
      const micros = least.get(contender) as number;
      if (micros <= CLEARLY_SLOWER * best()) return true;
      contender.samples.push(micros);
      contender.note = 'clearly slower';
      return false;
    });
    if (racing.length === 1) racing[0].samples.push(best());
    for (let round = 0; round < MOST_ROUNDS && racing.length > 1; round++) {
      if (signal?.aborted || (round >= LEAST_ROUNDS && performance.now() > deadline)) return;
      const order = round % 2 === 0 ? racing : [...racing].reverse();
      for (const contender of order) contender.samples.push(await this.microsOf(contender));
    }
  }

  /** The fastest, if it is clearly faster than the usual one. */
  winner(timings: readonly Timing[], usual: string): string {
    const timed = timings.filter(({ samples }) => samples.length > 0);
    const incumbent = timed.find(({ variant }) => variant === usual);
    const fastest = timed.reduce<Timing | undefined>(
      (best, timing) =>
        best && (median(best.samples) as number) <= (median(timing.samples) as number) ? best : timing,
      undefined,
    );
    if (!fastest || fastest === incumbent) return usual;
    if (!incumbent) return fastest.variant;
    const gain = 1 - (median(fastest.samples) as number) / (median(incumbent.samples) as number);
    const rounds = Math.min(fastest.samples.length, incumbent.samples.length);
    const won = fastest.samples.slice(0, rounds).filter((micros, k) => micros < incumbent.samples[k]).length;
    return gain > LEAST_GAIN && won >= MOST_OF_ROUNDS * rounds ? fastest.variant : usual;
  }
}
