// train.ts: training as replays of one program: pictures and labels in, weights updated on the device. Which network,
// which pictures and which optimizer is the caller's business; nothing is allocated per step.

import { gradient } from '../autodiff/gradient.ts';
import { type Device, DeviceLostError } from '../engine/gpu/device.ts';
import { compile, type Program } from '../engine/gpu/program.ts';
import { computation, Graph, type Update, type Value } from '../engine/graph.ts';
import { countCorrect, crossEntropy, writeOneHot } from './losses.ts';

/** A network in a graph. */
interface TracedNetwork {
  /** [N, classes]. */
  readonly logits: Value;
  /** States that training changes by their gradients. */
  readonly parameters: readonly Value[];
  /** What else a step changes: averages of a normalization. */
  readonly updates?: readonly Update[];
}

/** `evaluate` is the network as it will be used; only a network with layers that differ cares. */
type Mode = 'train' | 'evaluate';

/** Pictures [count,H,W,3] in 0..1 and their labels. */
export interface Examples {
  readonly images: Float32Array;
  readonly labels: ArrayLike<number>;
}

/** Examples number `first` to `first + count - 1` of a data set. */
export type Source = (first: number, count: number) => Examples;

export interface TrainerOptions {
  /** Traces the network over images: [N,H,W,3] in 0..1. Called once for each mode; states of one name are one state. */
  readonly network: (images: Value, mode: Mode) => TracedNetwork;
  /** [H, W] of the pictures. */
  readonly size: readonly [number, number];
  readonly classes: number;
  /** Examples of one step. */
  readonly batch: number;
  /** The updates that make a step: `sgd` or `adam` of the ops. `rate` is a scalar input, written before every step. */
  readonly optimizer: (parameters: readonly Value[], gradients: readonly Value[], rate: Value) => readonly Update[];
}

/** The programs of one training run. It owns the weights until `dispose`. */
export class Trainer {
  private readonly target: Float32Array;
  private readonly rate = new Float32Array(1);

  private constructor(
    private readonly options: TrainerOptions,
    private readonly stepProgram: Program,
    private readonly evaluateProgram: Program,
  ) {
    this.target = new Float32Array(options.batch * options.classes);
  }

  static async create(device: Device, options: TrainerOptions): Promise<Trainer> {
    const { network, optimizer, size, classes, batch } = options;
    const imagesShape = [batch, ...size, 3];

    const graph = new Graph();
    const traced = network(graph.input('images', imagesShape), 'train');
    const loss = crossEntropy(traced.logits, graph.input('target', [batch, classes]));
    const gradients = gradient(loss, traced.parameters);
    const updates = [...optimizer(traced.parameters, gradients, graph.input('rate', [])), ...(traced.updates ?? [])];
    const stepProgram = await compile(device, computation({ loss }, updates), { label: 'training step' });

    try {
      const { logits } = network(new Graph().input('images', imagesShape), 'evaluate');
      const evaluateProgram = await compile(device, computation({ logits }), {
        label: 'evaluation',
        shareStates: stepProgram,
      });
      return new Trainer(options, stepProgram, evaluateProgram);
    } catch (error) {
      stepProgram.dispose();
      throw error;
    }
  }

  get batch(): number {
    return this.options.batch;
  }

  /** Submits one step and does not wait for it. */
  step({ images, labels }: Examples, rate: number): void {
    writeOneHot(labels, this.options.classes, this.target);
    this.rate[0] = rate;
    this.stepProgram.write('images', images);
    this.stepProgram.write('target', this.target);
    this.stepProgram.write('rate', this.rate);
    this.stepProgram.run();
  }

  /** Loss of the last step, before its update. Waits for it. */
  async loss(): Promise<number> {
    return (await this.stepProgram.read('loss'))[0];
  }

  /** Share of the first `count` examples that the network names right. */
  async accuracy(source: Source, count: number): Promise<number> {
    let correct = 0;
    for (let first = 0; first < count; first += this.batch) {
      const { images, labels } = source(first, this.batch);
      const { logits } = await this.evaluateProgram.evaluate({ images });
      const used = Math.min(this.batch, count - first);
      correct += countCorrect(
        logits.subarray(0, used * this.options.classes),
        Array.from({ length: used }, (_, n) => labels[n]),
      );
    }
    return correct / count;
  }

  /** Keeps everything that steps change, for after a loss of the GPU. */
  async checkpoint(): Promise<void> {
    await this.stepProgram.checkpoint();
  }

  /** After a loss: waits until the GPU is back, with what the last checkpoint kept. */
  async recover(): Promise<void> {
    await this.stepProgram.device.ready();
    this.stepProgram.acknowledgeLoss();
  }

  /** Everything that steps change, by name: weights and the optimizer's memory. */
  async states(): Promise<Map<string, Float32Array>> {
    const states = new Map<string, Float32Array>();
    for (const node of this.stepProgram.plan.graph.nodes) {
      if (node.kind === 'state') states.set(node.name, await this.stepProgram.read(node.name));
    }
    return states;
  }

  /** Continues from what `states` gave. */
  restore(states: ReadonlyMap<string, Float32Array>): void {
    for (const [name, data] of states) this.stepProgram.write(name, data);
  }

  dispose(): void {
    this.evaluateProgram.dispose();
    this.stepProgram.dispose();
  }
}

/** Rate of a step, from how much of the training lies behind it, 0..1. */
type Schedule = (done: number) => number;

/** Up from a tenth to `peak` in a line, then down to 0 along a cosine (Smith and Topin, "Super-Convergence", 2018). */
export const oneCycle =
  (peak: number, rising = 0.2): Schedule =>
  (done) =>
    done < rising
      ? peak * (0.1 + (0.9 * done) / rising)
      : (peak / 2) * (1 + Math.cos((Math.PI * (done - rising)) / (1 - rising)));

export interface Progress {
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  /** Of this step's batch. */
  readonly loss: number;
  /** On held-out examples; only at the end of an epoch. */
  readonly accuracy?: number;
}

export interface TrainOptions {
  readonly train: Source;
  readonly heldOut: Source;
  readonly heldOutCount: number;
  readonly steps: number;
  /** Steps done before, by a run whose states were restored. */
  readonly from?: number;
  /** Steps between two evaluations; the last step has one too. */
  readonly epoch: number;
  readonly schedule: Schedule;
  /** Called every few steps; awaited, so it may save a checkpoint. */
  readonly onProgress?: (progress: Progress) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** Steps between two looks at the loss, which keep the queue short and let an abort come through. */
const STEPS_PER_LOOK = 10;

/** A run that loses the GPU so often without reaching another checkpoint is likely what the GPU is lost over. */
const MOST_LOSSES = 3;

/**
 * Trains until `steps` are done; resolves to the last accuracy. Throws the signal's reason when aborted. When the GPU is
 * lost, it goes back to the last checkpoint, one of which is taken at each epoch; the steps done again are the same.
 */
export async function train(trainer: Trainer, options: TrainOptions): Promise<number> {
  const { steps, signal } = options;
  let accuracy = 0;
  let kept = options.from ?? 0;
  let losses = 0;
  await trainer.checkpoint();
  for (let step = kept; step < steps; ) {
    signal?.throwIfAborted();
    try {
      const done = step + 1;
      const progress = await trainStep(trainer, options, step);
      if (progress?.accuracy !== undefined) {
        await trainer.checkpoint(); // throws where the weights went back while the accuracy was taken
        [kept, losses, accuracy] = [done, 0, progress.accuracy];
      }
      step = done;
      if (progress) await options.onProgress?.(progress);
    } catch (error) {
      if (!(error instanceof DeviceLostError) || ++losses > MOST_LOSSES) throw error;
      await trainer.recover();
      step = kept;
    }
  }
  return accuracy;
}

/** Does step number `step`, and looks at the loss where it is time for that. */
async function trainStep(trainer: Trainer, options: TrainOptions, step: number): Promise<Progress | undefined> {
  const { steps, epoch, schedule } = options;
  trainer.step(options.train(step * trainer.batch, trainer.batch), schedule(step / steps));
  const done = step + 1;
  const isEpoch = done % epoch === 0 || done === steps;
  if (!isEpoch && done % STEPS_PER_LOOK !== 0) return undefined;
  const loss = await trainer.loss();
  if (!Number.isFinite(loss)) {
    throw new Error(`training: the loss is ${loss} at step ${done}. Train with a smaller rate.`);
  }
  const accuracy = isEpoch ? await trainer.accuracy(options.heldOut, options.heldOutCount) : undefined;
  return { step: done, steps, loss, ...(accuracy === undefined ? {} : { accuracy }) };
}
