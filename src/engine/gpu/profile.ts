// profile.ts: times the dispatches of a program one by one. A replay does not change by it, nor do the program's states and
// outputs: they are put aside before and put back after.

import { costOf } from '../cost.ts';
import { buffersOf, layersOf, loweredOps, opsOf, titleOf, workgroupSize } from '../describe.ts';
import type { Plan } from '../plan.ts';
import { perMicro, type Profile, type StepProfile } from '../profile.ts';
import { judge, type Roofline } from '../roofline.ts';
import { median, quantile } from '../statistics.ts';
import { memoryTimeline } from '../timeline.ts';
import type { Build, Step } from './build.ts';
import type { Program } from './program.ts';
import { type Clock, type Lap, LapTimer, repeatsFor, type Timed } from './lapTimer.ts';
import { RooflineRounds } from './roofline.ts';
import { Snapshot } from './snapshot.ts';

export interface ProfileOptions {
  /** Rounds in which each step is timed once. */
  readonly rounds?: number;
  /** Between two submits, which follow each other every few milliseconds, profiling stops when it aborts, with its reason. */
  readonly signal?: AbortSignal;
  /** At the signal, rounds that are finished make a profile of fewer rounds, if there are any. */
  readonly keepRounds?: boolean;
  /** By default timestamps, where the device has them. */
  readonly clock?: Clock;
  /** Called after each round, those that find out the lengths of the steps among them; `total` is an estimate at first. */
  onProgress?(done: number, total: number): void;
}

const DEFAULT_ROUNDS = 5;

/** Rounds at most after which the limits of the device are measured too. */
const MOST_ROOFLINE_ROUNDS = 10;

/** Rounds at most in which it is found out how often a step must be repeated. */
const TRIAL_ROUNDS = 3;

/** A step is repeated until it lasts so long: 20 grains of a browser's clock, or as many waits for the device. */
const SPAN_MICROS: Record<Clock, number> = { timestamps: 2000, wall: 10_000 };

const span = ({ clock }: LapTimer): number => SPAN_MICROS[clock];

/** Whole replays submitted together last about so long. */
const REPLAY_MICROS = 20_000;

/**
 * Times each step of a program on the values it really computes with, and in between the limits of the device. Nobody else
 * may run or read the program meanwhile.
 */
export async function profile(program: Program, options: ProfileOptions = {}): Promise<Profile> {
  const { rounds = DEFAULT_ROUNDS, signal, keepRounds, onProgress } = options;
  const { device } = program;
  await device.ready();
  signal?.throwIfAborted();
  const limits = new RooflineRounds(device);
  await limits.round();
  signal?.throwIfAborted();
  const build = program.built;
  const { connection } = build;
  const timer = await LapTimer.open(connection, options.clock);
  let snapshot: Snapshot | undefined;
  try {
    snapshot = new Snapshot(build, program.plan);
    const stepTimer = new StepTimer(build, snapshot, timer, signal);
    const trials = await stepTimer.findRepeats((done) => onProgress?.(done, TRIAL_ROUNDS + rounds));
    const stride = Math.ceil(rounds / MOST_ROOFLINE_ROUNDS);
    let done = 0;
    try {
      for (; done < rounds; done++) {
        await stepTimer.round();
        if (done % stride === 0) await limits.round();
        onProgress?.(trials + done + 1, trials + rounds);
      }
    } catch (error) {
      if (error !== signal?.reason || !keepRounds || done === 0) throw error;
    }
    await connection.settle(build.watch);
    return await summarize(program, stepTimer, limits, { rounds: done, clock: timer.clock });
  } catch (error) {
    if (error === signal?.reason) throw error;
    throw await connection.explain(error);
  } finally {
    snapshot?.restore();
    snapshot?.dispose();
    timer.dispose();
  }
}

async function summarize(
  { label, plan, built, device }: Program,
  stepTimer: StepTimer,
  limits: RooflineRounds,
  how: Pick<Profile, 'rounds' | 'clock'>,
): Promise<Profile> {
  const layers = layersOf(plan);
  const wholes = loweredOps(plan);
  const rows = (roofline: Roofline): StepProfile[] =>
    built.steps.map((step, k) => ({
      ...rowOf(plan, step, k, stepTimer, roofline),
      label: layers[k],
      partOf: wholes[k],
    }));
  let roofline = await limits.result();
  let steps = rows(roofline);
  if (steps.some(({ share }) => share > 1)) {
    // The device was busy whenever its limits were measured, or values come out of a cache.
    await limits.round();
    roofline = await limits.result();
    steps = rows(roofline);
  }
  return {
    program: label,
    adapter: device.adapter.name,
    ...how,
    roofline,
    steps,
    stepMicros: steps.reduce((sum, { micros }) => sum + micros, 0),
    replayMicros: median(stepTimer.replays),
    memory: memoryTimeline(plan),
  };
}

/** Steps, how often each is repeated, and what was measured so far. */
class StepTimer {
  readonly repeats: number[];
  /** Microseconds of one dispatch, by step and round, and how many were timed together. */
  private readonly samples: { readonly micros: number; readonly repeats: number }[][];
  /** Microseconds of a whole replay. */
  readonly replays: number[] = [];
  private readonly works: readonly Timed[];
  private replaysAtOnce = 1;
  /** Microseconds of all repetitions of each step, from the round before. */
  private expected: readonly number[] | undefined;

  constructor(
    private readonly build: Build,
    private readonly snapshot: Snapshot,
    private readonly timer: LapTimer,
    private readonly signal?: AbortSignal,
  ) {
    this.works = build.steps.map((step) => snapshot.workOf(step));
    this.repeats = build.steps.map(() => 1);
    this.samples = build.steps.map(() => []);
  }

  /** Runs the steps until those too short for the clock are repeated often enough; returns the rounds it took. */
  async findRepeats(report: (round: number) => void): Promise<number> {
    for (let round = 1; ; round++) {
      const micros = await this.runSteps();
      report(round);
      const next = this.repeats.map((repeats, k) =>
        repeatsFor(span(this.timer), repeats, micros[k], this.timer.grainMicros),
      );
      const isDone = next.every((repeats, k) => repeats <= 2 * this.repeats[k]);
      if (isDone || round === TRIAL_ROUNDS) {
        this.expected = micros;
        const replay = await this.timeReplay();
        this.replaysAtOnce = Math.max(1, Math.floor(REPLAY_MICROS / replay));
        return round;
      }
      next.forEach((repeats, k) => {
        micros[k] *= repeats / this.repeats[k];
        this.repeats[k] = Math.max(repeats, this.repeats[k]);
      });
      this.expected = micros;
    }
  }

  /** Every step once more, and a whole replay. */
  async round(): Promise<void> {
    const micros = await this.runSteps();
    const replay = await this.timeReplay();
    // Nothing of a round that is stopped counts.
    this.replays.push(replay);
    this.expected = micros.map((time, k) => {
      const repeats = this.repeats[k];
      this.samples[k].push({ micros: time / repeats, repeats });
      // A device that was busy with other things when lengths were found out makes them too long.
      const more = repeatsFor(span(this.timer), repeats, time, this.timer.grainMicros);
      if (more <= 2 * repeats) return time;
      this.repeats[k] = more;
      return (time * more) / repeats;
    });
  }

  /** Microseconds of one dispatch, ascending, of the rounds that resolved it best. */
  timesOf(step: number): number[] {
    const samples = this.samples[step];
    const most = Math.max(...samples.map(({ repeats }) => repeats));
    const clear = samples.filter(({ micros, repeats }) => repeats === most || micros * repeats > span(this.timer));
    return clear.map(({ micros }) => micros).sort((a, b) => a - b);
  }

  /** One replay, its steps repeated: each computes with what those before it left. */
  private runSteps(): Promise<number[]> {
    this.snapshot.restore();
    const laps = this.works.map(
      (work, k): Lap => ({ work, repeats: this.repeats[k], expectedMicros: this.expected?.[k] }),
    );
    return this.timer.time(laps, this.signal);
  }

  private async timeReplay(): Promise<number> {
    this.signal?.throwIfAborted();
    const { gpu } = this.build.connection;
    await gpu.queue.onSubmittedWorkDone();
    const start = performance.now();
    this.build.run(this.replaysAtOnce);
    await gpu.queue.onSubmittedWorkDone();
    return (1000 * (performance.now() - start)) / this.replaysAtOnce;
  }
}

function rowOf(
  { graph }: Plan,
  step: Step,
  index: number,
  stepTimer: StepTimer,
  roofline: Roofline,
): Omit<StepProfile, 'label' | 'partOf'> {
  const { op, variant, workgroups, source, kernel, planned } = step;
  const cost = costOf(graph, planned.node);
  const ops = opsOf(graph, planned.node);
  const samples = stepTimer.timesOf(index);
  const micros = median(samples);
  const { flops, bytes } = cost;
  const { share, bound } = judge(cost, micros, roofline);
  return {
    index,
    op,
    ops,
    title: titleOf(ops),
    variant,
    shape: planned.node.shape,
    workgroups,
    workgroupSize: workgroupSize(source, kernel.overrides),
    micros,
    low: quantile(samples, 0.25),
    high: quantile(samples, 0.75),
    repeats: stepTimer.repeats[index],
    flops,
    bytes,
    gflops: perMicro(flops, micros),
    gbytes: perMicro(bytes, micros),
    share,
    bound,
    buffers: buffersOf(graph, planned),
    kernel: {
      file: `${kernel.shader}.wgsl`,
      source,
      overrides: kernel.overrides ?? {},
      uniforms: kernel.uniforms ?? {},
    },
  };
}
