// tuneTimer.ts: times the variants of one op on a device, in turns, and leaves early those that cannot win.

import { sizeOf } from '../../kernels/shape.ts';
import type { Shape } from '../../kernels/types.ts';
import type { Computation, OpNode } from '../graph.ts';
import { median } from '../statistics.ts';
import { answerFor, loweredVariants, type Timing } from '../tuning.ts';
import type { Connection } from './connection.ts';
import { type Device, DeviceError, DeviceLostError } from './device.ts';
import { LapTimer, repeatsFor, type Timed } from './lapTimer.ts';
import { compile, type Program } from './program.ts';

/** One measurement is repeated in a submit until it lasts about so long; a page stays responsive in between. */
const SAMPLE_MICROS = 20_000;
const LONG_MICROS = 150_000;
const QUALIFYING_ROUNDS = 2;
const LEAST_ROUNDS = 3;
const MOST_ROUNDS = 9;
/** A variant so many times slower than the best is not timed further. */
const CLEARLY_SLOWER = 2;
/** One that was so many times slower on all shapes so far, on this many of them, is not tried on the others; or on one. */
const SLOW = { factor: 4, shapes: 2 };
const VERY_SLOW = { factor: 12, shapes: 1 };

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

/** The second is so far behind the first that more rounds would say the same. */
const DECIDED = 1.25;

function isDecided(racing: readonly Timing[]): boolean {
  const [first, second] = racing.map(({ samples }) => median(samples)).sort((a, b) => a - b);
  return second > DECIDED * first;
}

export const inputName = (k: number): string => `x${k}`;

/** A variant that is being timed. */
interface Contender extends Timing {
  readonly program: Program;
  repeats: number;
}

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

  /** Throws a `DeviceLostError` where the GPU is lost in the middle of it; at the signal, what was timed by then. */
  async time(task: Task, deadline: number, signal: AbortSignal | undefined): Promise<Timing[]> {
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
        const program = await this.build(task, variant, timing, signal);
        if (program) contenders.push(Object.assign(timing, { program, repeats: 1 }));
      }
      await this.rounds(contenders, deadline, signal);
      const timed = contenders.filter(({ samples }) => samples.length > 0);
      const medians = timed.map(({ samples }) => median(samples));
      const best = Math.min(...medians);
      timed.forEach(({ variant }, k) => {
        this.slownessOf(task, variant).push(medians[k] / best);
      });
    } catch (error) {
      if (error !== signal?.reason) throw await this.connection.explain(error);
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
    { key, source, inputs, fixed }: Task,
    variant: string,
    timing: Timing,
    signal: AbortSignal | undefined,
  ): Promise<Program | undefined> {
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
      return program;
    } catch (error) {
      if (!(error instanceof DeviceError) || error instanceof DeviceLostError) throw error;
      timing.note = error.message;
      return undefined;
    }
  }

  /** Microseconds of one replay of a contender, repeated in one submit so often that the clock can tell. */
  private async microsOf(contender: Contender): Promise<number> {
    const { program, repeats } = contender;
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
    // A moment in which the machine was busy with something else must not leave it at too few.
    const enough = repeatsFor(SAMPLE_MICROS, repeats, micros, this.laps.grainMicros);
    contender.repeats = Math.max(repeats, enough);
    return micros / repeats;
  }

  /** As `microsOf`, when the first run of its pipeline, which is slower, is done. */
  private async settle(contender: Contender): Promise<number> {
    await this.microsOf(contender);
    for (;;) {
      const { repeats } = contender;
      const micros = await this.microsOf(contender);
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
        // One slow run may be the machine's fault; only where it took long it gets no other.
        const isHopeless = micros > SLOW.factor * best() && micros > LONG_MICROS;
        if (signal?.aborted || isHopeless) continue;
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
      const isEnough = round >= LEAST_ROUNDS && (isDecided(racing) || performance.now() > deadline);
      if (signal?.aborted || isEnough) return;
      const order = round % 2 === 0 ? racing : [...racing].reverse();
      for (const contender of order) contender.samples.push(await this.microsOf(contender));
    }
  }
}
