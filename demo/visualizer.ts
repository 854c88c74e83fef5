// visualizer.ts: lets one picture form on the canvas: builds the run, paces its steps by frames, stops and goes on.

import {
  type Device,
  findLabel,
  type Model,
  parseObjective,
  type TransformPreset,
  toPixels,
  Visualization,
} from '../src/index.ts';
import { nextFrame } from './dom.ts';
import { Latest } from './latest.ts';
import type { Picture } from './pictures.ts';
import type { Screen } from './screen.ts';
import { attempt, PageError } from './status.ts';

/** What shall be shown. */
export interface Wish {
  readonly model: Model;
  readonly objective: string;
  readonly size?: readonly [number, number];
  readonly batch: number;
  readonly seed: number;
  readonly transforms: TransformPreset;
}

export type State = 'empty' | 'compiling' | 'running' | 'stopped';

/** What the page is told while the picture forms. */
export interface Listener {
  changed(state: State): void;
  drawn(step: number, stepsPerSecond: number | undefined): void;
  measured(history: Float32Array): void;
  /** The GPU was lost and is back; the image, if there is one, is that of this step again. */
  recovered(step: number | undefined): void;
}

/** Work submitted at once, so that the page is never kept waiting for long. */
const FRAME_MILLIS = 24;
const MOST_STEPS_PER_FRAME = 32;

/** The objective is read back this often. */
const HISTORY_MILLIS = 500;

/** Speed is measured over this time. */
const SPEED_MILLIS = 2000;

const isSame = (a: Wish | undefined, b: Wish): boolean =>
  a?.model === b.model && JSON.stringify({ ...a, model: 0 }) === JSON.stringify({ ...b, model: 0 });

export class Visualizer {
  state: State = 'empty';
  private run: Visualization | undefined;
  private wish: Wish | undefined;
  private control = new AbortController();
  private readonly tasks = new Latest();

  constructor(
    private readonly device: Device,
    private readonly screen: Screen,
    private readonly listener: Listener,
  ) {
    device.onRecovered(() => this.recovered());
  }

  /** What is shown, and after how many steps: `mixed4a_97_512.png`. */
  get fileName(): string {
    const name = (this.wish?.objective ?? '').replace(/[^\w.-]+/g, '_').replace(/^_+|_+$/g, '');
    return `${name}_${this.run?.step ?? 0}.png`;
  }

  get isGoing(): boolean {
    return this.state === 'compiling' || this.state === 'running';
  }

  /** Whether going on would continue the picture that is there. */
  canContinue(wish: Wish): boolean {
    return this.run !== undefined && isSame(this.wish, wish);
  }

  /** A new picture, from the first step. */
  begin(wish: Wish, steps: number): Promise<void> {
    return this.replace(async (signal) => {
      const { model, objective: text, ...options } = wish;
      const objective = parseObjective(text, { classIndex: (name) => findLabel(model.labels, name, model.classes) });
      this.discard();
      this.change('compiling');
      await nextFrame(); // so that the page shows it before the work begins
      if (signal.aborted) return;
      this.run = await Visualization.create(this.device, model, objective, { ...options, signal });
      this.wish = wish;
      await this.screen.show(this.run);
      await this.advance(this.run, steps, signal);
    });
  }

  /** As many steps more. */
  proceed(steps: number): Promise<void> {
    return this.replace(async (signal) => {
      if (this.run) await this.advance(this.run, this.run.step + steps, signal);
    });
  }

  stop(): void {
    this.control.abort();
  }

  /** Stops and frees everything. */
  clear(): Promise<void> {
    return this.replace(async () => this.discard());
  }

  /** The picture on the CPU, values in 0..1. */
  async read(): Promise<Picture> {
    if (!this.run) throw new PageError('There is no image yet: press Start.');
    const { data, shape } = await this.run.readImage();
    return { ...toPixels(data, shape), channels: 4 };
  }

  /** Stops what is going on, then does the task, unless a newer one takes its place meanwhile. */
  private replace(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.control.abort();
    this.control = new AbortController();
    const { signal } = this.control;
    return this.tasks.push(async () => {
      await attempt(async () => {
        try {
          await task(signal);
        } catch (error) {
          if (error !== signal.reason) throw error; // it was stopped while it was prepared
        }
      });
      this.change(this.run ? 'stopped' : 'empty');
    });
  }

  private async advance(run: Visualization, goal: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.change('running');
    const marks = [{ time: performance.now(), step: run.step }];
    let measured = performance.now();
    while (run.step < goal && !signal.aborted) {
      const fitting = Math.floor(FRAME_MILLIS / (run.millisPerStep || Number.POSITIVE_INFINITY));
      const count = Math.max(1, Math.min(fitting, MOST_STEPS_PER_FRAME, goal - run.step));
      await run.advance(count, { signal, submitMillis: FRAME_MILLIS });
      await this.screen.show(run);
      const now = performance.now();
      if (run.step < marks[marks.length - 1].step) marks.length = 0; // it went back after a loss
      marks.push({ time: now, step: run.step });
      while (marks.length > 2 && now - marks[0].time > SPEED_MILLIS) marks.shift();
      const seconds = (now - marks[0].time) / 1000;
      this.listener.drawn(run.step, seconds > 0 ? (run.step - marks[0].step) / seconds : undefined);
      if (now - measured > HISTORY_MILLIS) {
        await this.measure(run);
        measured = performance.now();
      }
      await nextFrame();
    }
    await this.device.retry(() => run.checkpoint()); // a loss while it stands still takes nothing back
    await this.measure(run);
  }

  /** What is running goes on by itself; what stands still is drawn again, for the canvas was lost too. */
  private recovered(): void {
    const { run } = this;
    this.listener.recovered(run?.step);
    if (!run || this.state !== 'stopped') return;
    void this.tasks.offer(async () => {
      await attempt(async () => {
        if (run !== this.run) return;
        await this.screen.show(run);
        this.listener.drawn(run.step, undefined);
        await this.measure(run);
      });
    });
  }

  private async measure(run: Visualization): Promise<void> {
    const history = await run.readHistory();
    this.listener.measured(history);
    if (history.every(Number.isFinite)) return;
    this.discard();
    throw new PageError('The objective is no longer a finite number: choose another objective, layer or seed.');
  }

  private discard(): void {
    this.run?.dispose();
    this.run = undefined;
    this.wish = undefined;
    this.listener.drawn(0, undefined);
    this.listener.measured(new Float32Array());
  }

  private change(state: State): void {
    this.state = state;
    this.listener.changed(state);
  }
}
