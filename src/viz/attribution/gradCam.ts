// gradCam.ts: where the evidence for a class lies in a layer (Selvaraju et al. 2017, section 3):
// α_k = mean over positions of ∂y/∂A_k, map = Σ_k α_k A_k, with a ReLU on request.

import { Graph } from '../../engine/graph.ts';
import { mean, mul, relu, sum } from '../../engine/ops/index.ts';
import { ModelError } from '../../models/error.ts';
import type { Model } from '../../models/model.ts';
import { flag } from './options.ts';
import { slopeOf } from './gradient.ts';
import { type Context, inputShape, traceSubject } from './subject.ts';
import { tracedMethod } from './traced.ts';

/** The last layer that still has an extent in space: where class evidence is most abstract and yet has a place. */
export function lastSpatialLayer(model: Model, size: readonly [number, number]): string {
  const { layers } = model.trace(new Graph().input('x', inputShape({ model, size })));
  let found: string | undefined;
  for (const [name, value] of layers) {
    const [, height, width] = value.shape;
    if (value.shape.length === 4 && height * width > 1) found = name;
  }
  if (!found) throw new ModelError(`"${model.name}" has no layer with an extent in space, which CAM methods need.`);
  return found;
}

/** The layer of a CAM: the one given, which must have an extent, or the last one that has. */
export function camLayer({ model, size, layer }: Context): string {
  const name = layer === undefined ? lastSpatialLayer(model, size) : model.resolve(layer);
  const { shape } = model.layer(name);
  if (shape.length === 3) return name;
  throw new ModelError(`CAM methods need a layer with an extent in space; "${name}" is [${shape.join(',')}].`);
}

export const camRelu = flag(true, 'keep only what speaks for the class');

export const gradCam = tracedMethod({
  name: 'grad-cam',
  title: 'Grad-CAM',
  description: "a layer's activations, each channel weighted by its mean gradient",
  source: 'Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391',
  family: 'cam',
  takesLayer: true,
  options: { relu: camRelu },
  signed: (options) => !options.relu,
  trace(context, x, options) {
    const layer = camLayer(context);
    const subject = traceSubject({ ...context, layer }, x);
    const weights = mean(slopeOf(subject), [1, 2], { keepDims: true });
    const map = sum(mul(subject.at, weights), [3], { keepDims: true });
    return { map: options.relu ? relu(map) : map, layout: 'nhwc', scores: subject.scores, layer };
  },
});
