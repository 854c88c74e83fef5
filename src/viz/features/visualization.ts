// visualization.ts: feature visualization by optimization. One step, from parameters to updated parameters, is one
// replay of one program: picture, random transformations, network, objective, backward, Adam.

import { gradient } from '../../autodiff/gradient.ts';
import { defaultRules, type Rules } from '../../autodiff/rules/index.ts';
import { type Computation, computation, Graph, labelled, type Value } from '../../engine/graph.ts';
import { type Device, DeviceLostError } from '../../engine/gpu/device.ts';
import { compile, type CompileOptions, type Program } from '../../engine/gpu/program.ts';
import { adam, add, equal, floor, mul, neg, reshape, stepCounter, sub, where } from '../../engine/ops/index.ts';
import { ModelError } from '../../models/error.ts';
import type { Model } from '../../models/model.ts';
import { preprocessGraph } from '../../models/preprocess.ts';
import type { Objective, ObjectiveContext } from './objectives.ts';
import { defaultParam, type ImageParam, traceParam } from './param.ts';
import { redirectedRules } from './redirect.ts';
import { type TransformPreset, transformedSize, transformsFor, traceTransforms } from './transforms.ts';

export interface VisualizationOptions {
  /** Of the picture, in pixels; by default 128, or the size that the network fixes or was made for if that is less. */
  readonly size?: readonly [number, number];
  readonly batch?: number;
  readonly seed?: number;
  readonly param?: Partial<Pick<ImageParam, 'fft' | 'decay' | 'sd' | 'decorrelate' | 'squash'>>;
  readonly transforms?: TransformPreset;
  /** Adam's learning rate. */
  readonly learningRate?: number;
  /** Steps with redirected ReLU gradients at the beginning, 0 for none. */
  readonly redirectSteps?: number;
  /** How the network's filters are stored on the device. */
  readonly weights?: CompileOptions['weights'];
}

/** Lucid's defaults where it has one. */
const DEFAULT_SIZE = 128;
const DEFAULT_LEARNING_RATE = 0.05;
const DEFAULT_REDIRECT_STEPS = 16;

/** Objective values kept on the device, a ring over the last steps. */
const HISTORY = 4096;

/** A submit holds at most this many steps, and about this many milliseconds of work. */
const MAX_STEPS_PER_SUBMIT = 64;
const DEFAULT_SUBMIT_MILLIS = 200;

/** Checkpoints are taken this often, and more seldom where they would take more than a twentieth of the time. */
const CHECKPOINT_MILLIS = 2000;
const CHECKPOINT_SHARE = 1 / 20;

/** A run that loses the GPU so often without reaching another checkpoint is likely what the GPU is lost over. */
const MOST_LOSSES = 3;

interface Traced {
  readonly step: Computation;
  readonly view: Computation;
}

/** [height, width] of a picture nobody gave a size for: Lucid's 128, or less where the network was made for less. */
export const defaultSize = ({ nominalSize: [height, width] }: Model): [number, number] => [
  Math.min(DEFAULT_SIZE, height),
  Math.min(DEFAULT_SIZE, width),
];

function resolveSize(model: Model, size: VisualizationOptions['size']): [number, number] {
  const { height, width } = model.input;
  const fixed = height !== undefined && width !== undefined ? ([height, width] as [number, number]) : undefined;
  if (size && fixed && (size[0] !== fixed[0] || size[1] !== fixed[1])) {
    throw new ModelError(
      `"${model.name}" takes pictures of ${fixed.join('x')} only, not ${size.join('x')}. Leave the size out.`,
    );
  }
  return fixed ?? (size ? [size[0], size[1]] : defaultSize(model));
}

function trace(model: Model, objective: Objective, options: VisualizationOptions, rules: Rules): Traced {
  const graph = new Graph();
  const size = resolveSize(model, options.size);
  const param: ImageParam = {
    ...defaultParam,
    ...options.param,
    size,
    batch: options.batch ?? 1,
    channels: model.input.channels === 1 ? 1 : 3,
    seed: options.seed ?? 0,
  };
  const { state, image } = traceParam(graph, param);
  const counter = stepCounter(graph);
  const transforms = transformsFor(options.transforms ?? 'lucid', size);
  const seen = model.input.height === undefined ? transformedSize(size, transforms) : size;
  const moved = traceTransforms(image, counter.value, transforms, seen, param.seed);
  const network = model.trace(preprocessGraph(moved, model.preprocess));
  const context: ObjectiveContext = { layer: (name) => network.layer(name), logits: network.output, image };
  const value = labelled(objective.evaluate(context), 'objective');
  const loss = neg(value);
  const [slope] = gradient(loss, [state], { rules });
  const learningRate = options.learningRate ?? DEFAULT_LEARNING_RATE;
  const updates = [...adam(state, slope, { lr: learningRate }), counter.update, recordValue(value, counter.value)];
  return { step: computation({ value }, updates), view: computation({ image }) };
}

/** Throws what `Visualization.create` would for this objective and these options, without a GPU. */
export function checkVisualization(model: Model, objective: Objective, options: VisualizationOptions): void {
  trace(model, objective, options, defaultRules);
}

/** The steps a run consists of, with plain and with redirected gradients: what its time goes into. */
export const traceVisualization = (
  model: Model,
  objective: Objective,
  options: VisualizationOptions = {},
): readonly Computation[] =>
  [defaultRules, redirectedRules].map((rules) => trace(model, objective, options, rules).step);

/** Writes the objective's value at place (step mod HISTORY) of a ring that stays on the device. */
function recordValue(value: Value, step: Value) {
  const { graph } = value;
  const history = graph.state('history', { shape: [HISTORY], data: new Float32Array(HISTORY) });
  const places = graph.constant({ shape: [HISTORY], data: Float32Array.from({ length: HISTORY }, (_, i) => i) });
  const place = sub(step, mul(floor(mul(add(step, 0.5), 1 / HISTORY)), HISTORY));
  return { state: history, value: where(equal(places, place), reshape(value, []), history) };
}

interface AdvanceOptions {
  readonly signal?: AbortSignal;
  /** About how long one submit may take; it decides how many steps go into it. */
  readonly submitMillis?: number;
}

/**
 * One run: its parameters, moments, counter and history live on the device. When the GPU is lost, the run goes on from its
 * last checkpoint: `step` and the history go back to it, and as all randomness is keyed by seed and step, what follows is
 * the same to the bit.
 */
export class Visualization {
  /** Steps submitted. What is read or drawn afterwards shows all of them. */
  step = 0;
  /** Smoothed duration of one step. */
  millisPerStep = 0;
  private checkpointDue = performance.now() + CHECKPOINT_MILLIS;
  /** Since the last checkpoint. */
  private losses = 0;
  /** The call of `advance` that is going on; it never rejects. */
  private turn: Promise<void> | undefined;

  private constructor(
    readonly model: Model,
    readonly objective: Objective,
    private warm: Program | undefined,
    private readonly warmSteps: number,
    private readonly main: Program,
    private readonly view: Program,
  ) {}

  /**
   * Builds the programs of a run. Throws a `ModelError` for an unknown layer, channel, class or an unfit size, and the signal's
   * reason as soon as that comes.
   */
  static async create(
    device: Device,
    model: Model,
    objective: Objective,
    options: VisualizationOptions & { readonly signal?: AbortSignal } = {},
  ): Promise<Visualization> {
    const { signal, weights } = options;
    const redirectSteps = options.redirectSteps ?? DEFAULT_REDIRECT_STEPS;
    const plain = trace(model, objective, options, defaultRules);
    let run: Visualization | undefined;
    const onRestored = (states: ReadonlyMap<string, Float32Array>) => {
      if (run) run.step = (states.get('step') as Float32Array)[0];
    };
    const main = await compile(device, plain.step, { label: 'visualize', weights, onRestored, signal });
    const built = [main];
    try {
      const hasRelu = plain.step.graph.nodes.some((node) => node.kind === 'op' && node.op === 'relu');
      let warm: Program | undefined;
      if (redirectSteps > 0 && hasRelu) {
        const redirected = trace(model, objective, options, redirectedRules);
        const label = 'visualize, redirected';
        warm = await compile(device, redirected.step, { label, weights, shareStates: main, signal });
        built.push(warm);
      }
      const view = await compile(device, plain.view, { label: 'view', shareStates: main, signal });
      run = new Visualization(model, objective, warm, warm ? redirectSteps : 0, main, view);
      return run;
    } catch (error) {
      for (const program of built) program.dispose();
      throw error;
    }
  }

  /**
   * Does `steps` steps, several a submit. Stops between submits when the signal aborts; returns the steps done. Rejects
   * when the run is disposed of before they are. Callers at the same time get their steps one after the other. A loss of
   * the GPU that is noticed only afterwards takes `step` back; what is read says which step it belongs to.
   */
  async advance(steps: number, options: AdvanceOptions = {}): Promise<number> {
    while (this.turn) await this.turn;
    const mine = this.advanceAlone(steps, options);
    const end = () => {
      this.turn = undefined;
    };
    this.turn = mine.then(end, end);
    return mine;
  }

  private async advanceAlone(steps: number, options: AdvanceOptions): Promise<number> {
    const { device } = this.main;
    const budget = options.submitMillis ?? DEFAULT_SUBMIT_MILLIS;
    const start = this.step;
    const goal = start + steps;
    while (this.step < goal && !options.signal?.aborted) {
      const fitting = this.millisPerStep > 0 ? Math.floor(budget / this.millisPerStep) : 1;
      try {
        if (!device.isReady) await device.ready();
        await this.submit(Math.max(1, Math.min(MAX_STEPS_PER_SUBMIT, fitting, goal - this.step)));
        if (performance.now() > this.checkpointDue) await this.checkpoint();
      } catch (error) {
        // The step went back to the checkpoint, so the loop makes up for what was lost.
        if (!(error instanceof DeviceLostError) || ++this.losses > MOST_LOSSES) throw error;
      }
    }
    return Math.max(0, this.step - start);
  }

  private async submit(most: number): Promise<void> {
    const warming = this.step < this.warmSteps;
    const count = warming ? Math.min(most, this.warmSteps - this.step) : most;
    const start = performance.now();
    (warming ? (this.warm as Program) : this.main).run(count);
    this.step += count;
    if (warming && this.step === this.warmSteps) {
      // After it no loss leads back to the steps that need the program given up here.
      await this.checkpoint();
      this.endWarmUp();
    }
    await this.main.idle();
    const millis = (performance.now() - start) / count;
    this.millisPerStep = this.millisPerStep === 0 ? millis : 0.7 * this.millisPerStep + 0.3 * millis;
  }

  /** Keeps the run as it is now, for after a loss of the GPU. `advance` does so by itself every few seconds. */
  async checkpoint(): Promise<void> {
    const start = performance.now();
    await this.main.checkpoint();
    const now = performance.now();
    this.checkpointDue = now + Math.max(CHECKPOINT_MILLIS, (now - start) / CHECKPOINT_SHARE);
    this.losses = 0;
  }

  /** Its intermediate values take as much memory as the main program's. */
  private endWarmUp(): void {
    this.warm?.dispose();
    this.warm = undefined;
  }

  /** The buffer of the current picture, [N,H,W,C] in 0..1, brought up to date; for drawing without read-back. */
  currentImage(): { readonly buffer: GPUBuffer; readonly shape: readonly number[] } {
    this.view.run();
    return { buffer: this.view.buffer('image'), shape: this.view.shapeOf('image') };
  }

  /** The current picture on the CPU, [N,H,W,C] in 0..1, and the step after which it is so. */
  readImage(): Promise<{ readonly data: Float32Array; readonly shape: readonly number[]; readonly step: number }> {
    return this.main.device.retry(async () => {
      const { step } = this; // as it is now, for the picture is read as it is now
      this.view.run();
      return { data: await this.view.read('image'), shape: this.view.shapeOf('image'), step };
    });
  }

  /** Objective values of the steps done, oldest first; at most the last 4096. Entry k was taken before update k. */
  readHistory(): Promise<Float32Array> {
    return this.main.device.retry(async () => {
      const { step } = this;
      const ring = await this.main.read('history');
      if (step <= HISTORY) return ring.slice(0, step);
      const start = step % HISTORY;
      return Float32Array.of(...ring.subarray(start), ...ring.subarray(0, start));
    });
  }

  /** Programs that this run still needs, for a profiler or a printout. */
  get programs(): readonly Program[] {
    return this.warm ? [this.main, this.warm, this.view] : [this.main, this.view];
  }

  dispose(): void {
    // The main program owns the states that the others share, so it goes last.
    this.view.dispose();
    this.warm?.dispose();
    this.main.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

export interface Frame {
  readonly step: number;
  /** [N,H,W,C] in 0..1. */
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export interface RenderOptions {
  readonly steps?: number;
  /**
   * Step counts at which a frame is yielded, those beyond `steps` standing for the last; the last step by default. Frame t
   * is the picture after t updates.
   */
  readonly thresholds?: readonly number[];
  readonly signal?: AbortSignal;
  /** Called after each submit. */
  onProgress?(step: number, steps: number): void;
}

/** Runs a visualization and yields its frames. The `Visualization` can be looked at between them. */
export async function* renderVis(run: Visualization, options: RenderOptions = {}): AsyncGenerator<Frame> {
  const thresholds = [...(options.thresholds ?? [options.steps ?? 512])].sort((a, b) => a - b);
  const last = options.steps ?? thresholds[thresholds.length - 1];
  const goals = new Set(thresholds.map((threshold) => Math.min(threshold, last)));
  for (const goal of goals) {
    let frame: Frame;
    do {
      while (run.step < goal && !options.signal?.aborted) {
        // One submit at a time, so that progress shows and Ctrl-C is heard.
        const fitting = run.millisPerStep > 0 ? Math.max(1, Math.floor(DEFAULT_SUBMIT_MILLIS / run.millisPerStep)) : 1;
        await run.advance(Math.min(fitting, goal - run.step), { signal: options.signal });
        options.onProgress?.(run.step, last);
      }
      frame = await run.readImage(); // of an earlier step, where the GPU was lost meanwhile
    } while (frame.step < goal && !options.signal?.aborted);
    yield frame;
    if (options.signal?.aborted) return;
  }
}
