// profileTasks.ts: what is worth profiling of a network, as programs ready to run: the network forward, a gradient, a step of
// a feature visualization.

import { gradient } from '../autodiff/gradient.ts';
import type { Device } from '../engine/gpu/device.ts';
import { compile, type Program } from '../engine/gpu/program.ts';
import { type Computation, computation, Graph } from '../engine/graph.ts';
import { sizeOf } from '../kernels/shape.ts';
import type { Model } from '../models/model.ts';
import { logit, type Objective } from './features/objectives.ts';
import { checkVisualization, Visualization } from './features/visualization.ts';
import type { TaskName } from './tasks.ts';

export interface ProfiledTaskOptions {
  /** [height, width]; of the network's nominal size by default, of a visualization as visualizations are. */
  readonly size?: readonly [number, number];
  readonly batch?: number;
  /** Forward: how far. */
  readonly layer?: string;
  /** What the gradient is of, and what a visualization maximizes; logit 0 by default. */
  readonly objective?: Objective;
}

/** A program with its input filled. */
export interface TaskProgram {
  readonly program: Program;
  dispose(): void;
}

const INPUT = 'x';

function traceTask(model: Model, task: 'run' | 'gradient', options: ProfiledTaskOptions): Computation {
  const [H, W] = options.size ?? model.nominalSize;
  const image = new Graph().input(INPUT, [options.batch ?? 1, H, W, model.input.channels]);
  const network = model.trace(image);
  if (task === 'run') {
    return computation({ output: options.layer === undefined ? network.output : network.layer(options.layer) });
  }
  const { objective = logit(0) } = options;
  const value = objective.evaluate({ layer: (name) => network.layer(name), logits: network.output, image });
  const [dx] = gradient(value, [image]);
  return computation({ dx });
}

/** Throws what `compileTask` would for this network and these options, without a GPU. */
export function checkTask(model: Model, task: TaskName, options: ProfiledTaskOptions = {}): void {
  if (task === 'visualize') checkVisualization(model, options.objective ?? logit(0), options);
  else traceTask(model, task, options);
}

export async function compileTask(
  device: Device,
  model: Model,
  task: TaskName,
  options: ProfiledTaskOptions = {},
): Promise<TaskProgram> {
  if (task === 'visualize') {
    const { objective = logit(0), size, batch } = options;
    const run = await Visualization.create(device, model, objective, { size, batch, redirectSteps: 0 });
    return { program: run.programs[0], dispose: () => run.dispose() };
  }
  const program = await compile(device, traceTask(model, task, options), { label: `${task} ${model.name}` });
  program.write(INPUT, evenNumbers(sizeOf(program.shapeOf(INPUT))));
  return { program, dispose: () => program.dispose() };
}

const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** Numbers evenly spread over -1..1, always the same: zeros would be unlike any picture, and cheaper on some devices. */
const evenNumbers = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => 2 * ((i * GOLDEN_RATIO) % 1) - 1);
