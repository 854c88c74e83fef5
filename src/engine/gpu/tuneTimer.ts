// tuneTimer.ts: times the variants of one op on a device, in turns, and leaves early those that cannot win.

import { sizeOf } from '../../kernels/shape.ts';
import type { Shape } from '../../kernels/types.ts';
import type { Computation, OpNode } from '../graph.ts';
import { race, type Timing, type Verdict } from '../race.ts';
import { answerFor, loweredVariants } from '../tuning.ts';
import type { Connection } from './connection.ts';
import { type Device, DeviceError, DeviceLostError } from './device.ts';
import { type Clock, LapTimer, repeatsFor, type Timed } from './lapTimer.ts';
import { compile, type Program } from './program.ts';

/**
 * A lap of one variant is repeated in a pass until it lasts about so long: many grains of the clock, so that short kernels are
 * told from the cost of a pass, and no longer, so that a lap has a chance to pass undisturbed and its neighbours lie close.
 */
const LAP_MICROS: Record<Clock, number> = { timestamps: 4000, wall: 10_000 };
/** A variant whose runs all take so long, and so many times as long as the usual one's, gets no other when that is spent. */
const HOPELESS = { micros: 100_000, factor: 4, spent: 500_000 };
/**
 * One that was so many times slower on all shapes so far, on this many of them, is not tried on the others. A busy machine
 * makes kernels a few times slower, not thirty.
 */
const SLOW = { factor: 4, shapes: 3 };
const VERY_SLOW = { factor: 30, shapes: 1 };
/** How much slower than the usual one a variant may be that was never run: it is run only where there is time for that. */
const SLOWEST = 30;

/** A clock that saw no time pass is not a kernel that takes none. */
const LEAST_MICROS = 1e-3;

const NO_TIME = 'no time left for it';

/** Steps that are alike, as one thing to be timed. */
export interface Task {
  readonly key: string;
  readonly node: OpNode;
  readonly inputs: readonly Shape[];
  /** Inputs that depend on constants alone, so that what is made of them is made once. */
  readonly fixed: readonly boolean[];
  readonly work: number;
  count: number;
  /** The op and nothing else, its inputs named by `inputName`. */
  readonly source: Computation;
  /** Its variants, and the one that runs where nothing was measured. */
  readonly names: readonly string[];
  readonly usual: string;
}

const isHopeless = (micros: number, usualMicros: number): boolean =>
  micros > HOPELESS.micros && micros > HOPELESS.factor * usualMicros;

export const inputName = (k: number): string => `x${k}`;

/** What was found out about a task. */
export interface Outcome extends Verdict {
  readonly timings: readonly Timing[];
}

/** A variant that is being timed. */
interface Contender extends Timing {
  readonly program: Program;
  readonly work: Timed;
  repeats: number;
  /** What its next lap is expected to take. */
  lapMicros?: number;
}

const workOf = ({ steps }: Program): Timed => ({
  encode(pass) {
    for (const { pipeline, bindGroup, workgroups } of steps) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(...workgroups);
    }
  },
});

export class TuneTimer {
  /** How many times slower than the best a variant was, one number a shape; by op and variant. */
  private readonly slowness = new Map<string, number[]>();

  private constructor(
    private readonly device: Device,
    private readonly numbers: Float32Array,
    private connection: Connection,
    private laps: LapTimer,
  ) {}

  /** `numbers` are what the arrays of the tasks are filled with. */
  static async open(device: Device, numbers: Float32Array): Promise<TuneTimer> {
    const { connection } = device;
    return new TuneTimer(device, numbers, connection, await LapTimer.open(connection));
  }

  /** Goes on after a loss, when the GPU is back; what was slow stays known. */
  async reopen(): Promise<void> {
    this.connection = this.device.connection;
    this.laps = await LapTimer.open(this.connection);
  }

  dispose(): void {
    this.laps.dispose();
  }

  /**
   * Throws a `DeviceLostError` where the GPU is lost in the middle of it. At the deadline and at the signal it ends undecided,
   * with what was timed by then.
   */
  async time(task: Task, deadline: number, signal: AbortSignal): Promise<Outcome> {
    const timings = task.names.map((variant): Timing => ({ variant, samples: [] }));
    const contenders: Contender[] = [];
    let verdict: Verdict = { chosen: task.usual, isDecided: false };
    try {
      const isComplete = await this.gather(task, timings, contenders, deadline, signal);
      const [first, ...others] = contenders.filter(({ note }) => note === undefined);
      if (first) verdict = await race(first, others, (order) => this.round(order, deadline, signal));
      if (!isComplete && verdict.chosen === task.usual) verdict = { ...verdict, isDecided: false };
      this.learn(task, contenders);
    } catch (error) {
      if (error !== signal.reason) throw await this.connection.explain(error);
    } finally {
      for (const { program } of contenders) program.dispose();
    }
    return { timings, ...verdict };
  }

  /**
   * Makes ready what is worth timing, the usual one first, if it fits on the device; what is not to race has a note. False
   * where there was not time for all.
   */
  private async gather(
    task: Task,
    timings: readonly Timing[],
    contenders: Contender[],
    deadline: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    // Heuristics prefer the last, and the first is naive.
    const order = [...timings]
      .reverse()
      .sort((a, b) => Number(b.variant === task.usual) - Number(a.variant === task.usual));
    const worthwhile = order.filter((timing) => timing.variant === task.usual || !this.isKnownSlow(task, timing));
    // A software adapter compiles one after the other whatever is asked for, so that there it can still be left alone.
    const isSoftware = this.device.traits.kind === 'software';
    const batches = isSoftware ? worthwhile.map((timing) => [timing]) : [worthwhile];
    let isComplete = true;
    for (const batch of batches) {
      if (performance.now() > deadline) {
        for (const timing of batch) timing.note = NO_TIME;
        isComplete = false;
        continue;
      }
      const built = await allOf(batch.map((timing) => this.build(task, timing, signal)));
      contenders.push(...built);
      for (const contender of built) {
        const usual = contenders[0];
        if (contender === usual || performance.now() + this.longestMillis(task, contender, usual) < deadline) {
          await this.settle(contender, usual, signal);
        } else {
          contender.note = NO_TIME;
          isComplete = false;
        }
      }
    }
    return isComplete;
  }

  /** Notes it, where a variant was slow on other shapes. */
  private isKnownSlow(task: Task, timing: Timing): boolean {
    const factors = this.slownessOf(task, timing.variant);
    const factor = Math.min(...factors);
    const isSlow = [SLOW, VERY_SLOW].some((rule) => factors.length >= rule.shapes && factor > rule.factor);
    if (isSlow) timing.note = `at least ${factor.toFixed(0)} times slower on other shapes`;
    return isSlow;
  }

  /** What a first run may take, from what was seen of the variant. */
  private longestMillis(task: Task, { variant }: Timing, usual: Contender): number {
    const factors = this.slownessOf(task, variant);
    const factor = factors.length > 0 ? Math.max(...factors) : SLOWEST;
    return (factor * (usual.lapMicros as number)) / usual.repeats / 1000;
  }

  private learn(task: Task, contenders: readonly Contender[]): void {
    const timed = contenders.filter(({ samples }) => samples.length > 0);
    const best = Math.min(...timed.flatMap(({ samples }) => samples));
    for (const { variant, samples } of timed) this.slownessOf(task, variant).push(Math.min(...samples) / best);
  }

  private slownessOf({ node }: Task, variant: string): number[] {
    const name = `${node.op} ${variant}`;
    const known = this.slowness.get(name) ?? [];
    this.slowness.set(name, known);
    return known;
  }

  /** Undefined for a variant that does not fit on this device; the timing then says why. */
  private async build(
    { key, source, inputs, fixed }: Task,
    timing: Timing,
    signal: AbortSignal,
  ): Promise<Contender | undefined> {
    const { variant } = timing;
    const isLowered = loweredVariants.includes(variant);
    const label = `timing ${variant}`;
    try {
      const program = isLowered
        ? await compile(this.device, source, {
            label,
            signal,
            target: { traits: this.device.traits, measured: answerFor(key, variant) },
          })
        : await compile(this.device, source, {
            label,
            signal,
            optimize: false,
            choose: (kernels) => kernels.find((kernel) => kernel.variant === variant) ?? kernels[0],
          });
      inputs.forEach((shape, k) => {
        if (!fixed[k]) program.write(inputName(k), this.numbers.subarray(0, sizeOf(shape)));
      });
      return Object.assign(timing, { program, work: workOf(program), repeats: 1 });
    } catch (error) {
      if (!(error instanceof DeviceError) || error instanceof DeviceLostError) throw error;
      timing.note = error.message;
      return undefined;
    }
  }

  /** A lap of each, in this order: microseconds of one replay. */
  private async lapsOf(order: readonly Contender[], signal: AbortSignal): Promise<number[]> {
    const laps = order.map(({ work, repeats, lapMicros }) => ({ work, repeats, expectedMicros: lapMicros }));
    const micros = await this.laps.time(laps, signal);
    return order.map((contender, k) => {
      const { repeats } = contender;
      const span = LAP_MICROS[this.laps.clock];
      // A moment in which the machine was busy with something else must not leave it at too few.
      contender.repeats = Math.max(repeats, repeatsFor(span, repeats, micros[k], this.laps.grainMicros));
      contender.lapMicros = (micros[k] * contender.repeats) / repeats;
      return Math.max(micros[k] / repeats, LEAST_MICROS);
    });
  }

  /** Finds how often to repeat it, after the first run of its pipeline, which is slower; or that it is hopeless. */
  private async settle(contender: Contender, usual: Contender, signal: AbortSignal): Promise<void> {
    let [micros] = await this.lapsOf([contender], signal);
    const usualMicros = (usual.lapMicros as number) / usual.repeats;
    for (let spent = micros; contender !== usual && isHopeless(micros, usualMicros); spent += micros) {
      contender.samples.push(micros);
      if (spent > HOPELESS.spent) {
        contender.note = 'clearly slower';
        return;
      }
      [micros] = await this.lapsOf([contender], signal);
    }
    contender.samples.length = 0;
    for (;;) {
      const { repeats } = contender;
      await this.lapsOf([contender], signal);
      if (contender.repeats <= 2 * repeats) return;
    }
  }

  /** Undefined where it would not end before the deadline. */
  private async round(
    order: readonly Contender[],
    deadline: number,
    signal: AbortSignal,
  ): Promise<readonly number[] | undefined> {
    const millis = order.reduce((sum, { lapMicros }) => sum + (lapMicros as number), 0) / 1000;
    return performance.now() + millis > deadline ? undefined : this.lapsOf(order, signal);
  }
}

/** As `Promise.all`, when all have ended, without what did not fit; what was made beside one that fails is freed. */
async function allOf(builds: readonly Promise<Contender | undefined>[]): Promise<Contender[]> {
  const results = await Promise.allSettled(builds);
  const built = results.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (!failed) return built;
  for (const { program } of built) program.dispose();
  throw failed.reason;
}
