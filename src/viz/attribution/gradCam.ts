// gradCam.ts: where the evidence for a class lies in a layer (Selvaraju et al. 2017, section 3):
// α_k = mean over positions of ∂y/∂A_k, map = Σ_k α_k A_k, with a ReLU on request.

import { gradient as differentiate } from '../../autodiff/gradient.ts';
import { computation, Graph } from '../../engine/graph.ts';
import { compile } from '../../engine/gpu/program.ts';
import { mean, mul, sum } from '../../engine/ops/index.ts';
import { ModelError } from '../../models/error.ts';
import type { Model, Trace } from '../../models/model.ts';
import { toFileLayout } from '../../models/onnx/layout.ts';
import type { Method } from './methods.ts';
import { oneHot, traceTarget } from './target.ts';

/** The last layer that still has an extent in space: where class evidence is most abstract and yet has a place. */
export function lastSpatialLayer(model: Model, trace: Trace): string {
  let found: string | undefined;
  for (const [name, value] of trace.layers) {
    const [, height, width] = value.shape;
    if (value.shape.length === 4 && height * width > 1) found = name;
  }
  if (!found) throw new ModelError(`"${model.name}" has no layer with an extent in space, which Grad-CAM needs.`);
  return found;
}

export const gradCam: Method = {
  description: "a layer's activations, weighted by the mean gradient of their channel",
  options: ['layer', 'relu'],
  async prepare(device, model, inputShape, layer) {
    const graph = new Graph();
    const x = graph.input('x', inputShape);
    const trace = model.trace(x);
    const name = layer ?? lastSpatialLayer(model, trace);
    const activations = trace.layer(name);
    if (activations.shape.length !== 4) {
      throw new ModelError(`Grad-CAM needs a layer with an extent in space; "${name}" is [${activations.shape}].`);
    }
    const score = traceTarget(graph, trace.output);
    const [slope] = differentiate(score, [activations]);
    const weights = mean(slope, [1, 2], { keepDims: true });
    const map = sum(mul(activations, weights), [3], { keepDims: true });
    const program = await compile(device, computation({ score, map }), { label: 'grad-cam' });
    const classes = trace.output.shape[trace.output.shape.length - 1];
    return {
      async attribute({ input, target, relu = true }) {
        const start = performance.now();
        program.write('x', input);
        program.write('target', oneHot(classes, target));
        program.run();
        const [scores, signed] = await Promise.all([program.read('score'), program.read('map')]);
        const file = toFileLayout(relu ? signed.map((value) => Math.max(0, value)) : signed, 'nhwc', map.shape);
        return {
          method: 'grad-cam',
          values: file.data,
          shape: file.shape,
          target,
          score: scores[0],
          layer: name,
          evaluations: 1,
          millis: performance.now() - start,
        };
      },
      dispose: () => program.dispose(),
    };
  },
};
