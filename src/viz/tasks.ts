// tasks.ts: what people do with a network, as computations that a tuner times the ops of, and as programs that a profiler times:
// the network forward, a gradient of it, a step of a feature visualization.

import { gradient } from '../autodiff/gradient.ts';
import type { Device } from '../engine/gpu/device.ts';
import { compile, type CompileOptions, type Program } from '../engine/gpu/program.ts';
import { type Computation, computation, Graph, labelled } from '../engine/graph.ts';
import { sizeOf } from '../kernels/shape.ts';
import type { Model } from '../models/model.ts';
import { logit, type Objective } from './features/objectives.ts';
import { checkVisualization, traceVisualization, Visualization } from './features/visualization.ts';

export const taskNames = ['run', 'gradient', 'visualize'] as const;
export type TaskName = (typeof taskNames)[number];

export interface TaskOptions {
  /** [height, width]; of the network's nominal size by default, of a visualization as visualizations are. */
  readonly size?: readonly [number, number];
  /** Pictures at once. */
  readonly batch?: number;
  /** Forward: how far. */
  readonly layer?: string;
  /** What the gradient is of, and what a visualization maximizes; logit 0 by default. */
  readonly objective?: Objective;
  /** How the network's filters are stored on the device. */
  readonly weights?: CompileOptions['weights'];
}

const INPUT = 'x';
const USUAL_OBJECTIVE = logit(0);

function traceNetwork(model: Model, task: 'run' | 'gradient', options: TaskOptions): Computation {
  const { size = model.nominalSize, batch = 1, layer, objective = USUAL_OBJECTIVE } = options;
  const image = new Graph().input(INPUT, [batch, ...size, model.input.channels]);
  const network = model.trace(image);
  if (task === 'run') return computation({ output: layer === undefined ? network.output : network.layer(layer) });
  const value = objective.evaluate({ layer: (name) => network.layer(name), logits: network.output, image });
  const [dx] = gradient(labelled(value, 'objective'), [image]);
  return computation({ dx });
}

/** What a task computes. A visualization begins with steps of another kind: it has two. */
export function computationsOf(model: Model, task: TaskName, options: TaskOptions = {}): readonly Computation[] {
  if (task !== 'visualize') return [traceNetwork(model, task, options)];
  const { objective = USUAL_OBJECTIVE, size, batch } = options;
  return traceVisualization(model, objective, { size, batch });
}

/** Throws what `compileTask` would for this network and these options, without a GPU. */
export function checkTask(model: Model, task: TaskName, options: TaskOptions = {}): void {
  if (task === 'visualize') checkVisualization(model, options.objective ?? USUAL_OBJECTIVE, options);
  else traceNetwork(model, task, options);
}

/** A program with its input filled. */
export interface TaskProgram {
  readonly program: Program;
  dispose(): void;
}

/** A task ready to run; of a visualization, the steps that most of its time goes into. Throws the signal's reason where it comes. */
export async function compileTask(
  device: Device,
  model: Model,
  task: TaskName,
  options: TaskOptions = {},
  signal?: AbortSignal,
): Promise<TaskProgram> {
  if (task === 'visualize') {
    const { objective = USUAL_OBJECTIVE, size, batch, weights } = options;
    const run = await Visualization.create(device, model, objective, {
      size,
      batch,
      weights,
      redirectSteps: 0,
      signal,
    });
    return { program: run.programs[0], dispose: () => run.dispose() };
  }
  const program = await compile(device, traceNetwork(model, task, options), {
    label: `${task} ${model.name}`,
    weights: options.weights,
    signal,
  });
  program.write(INPUT, evenNumbers(sizeOf(program.shapeOf(INPUT))));
  return { program, dispose: () => program.dispose() };
}

const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** Numbers evenly spread over -1..1, always the same: zeros would be unlike any picture, and cheaper on some devices. */
const evenNumbers = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => 2 * ((i * GOLDEN_RATIO) % 1) - 1);
