// tasks.ts: what people do with a network, as computations: what a tuner times the ops of.

import { gradient } from '../autodiff/gradient.ts';
import { type Computation, computation, Graph } from '../engine/graph.ts';
import { sum } from '../engine/ops/index.ts';
import type { Model } from '../models/model.ts';
import * as objectives from './features/objectives.ts';
import { traceVisualization } from './features/visualization.ts';

export const taskNames = ['run', 'gradient', 'visualize'] as const;
/** Classes of a picture; the gradient of a class, as attributions take it; a step of feature visualization. */
export type TaskName = (typeof taskNames)[number];

export interface PictureOptions {
  /** [H, W] of the pictures; by default what each task does by itself. */
  readonly size?: readonly [number, number];
  /** Pictures at once. */
  readonly batch?: number;
}

/** What a task computes. */
export function computationsOf(model: Model, task: TaskName, options: PictureOptions = {}): readonly Computation[] {
  const { size = model.nominalSize, batch = 1 } = options;
  if (task === 'visualize') return traceVisualization(model, objectiveOf(model), { size: options.size, batch });
  const x = new Graph().input('x', [batch, ...size, model.input.channels]);
  const { output } = model.trace(x);
  if (task === 'run') return [computation({ output })];
  return [computation({ output, dx: gradient(sum(output), [x])[0] })];
}

/** Of the last values, so that the whole network takes part. */
const objectiveOf = (model: Model) => objectives.logit(Math.min(1, model.classes - 1));
