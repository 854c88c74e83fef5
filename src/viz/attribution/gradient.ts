// gradient.ts: the gradient of a logit with respect to the input (Simonyan et al. 2013).

import { gradient as differentiate } from '../../autodiff/gradient.ts';
import { computation, Graph } from '../../engine/graph.ts';
import { compile } from '../../engine/gpu/program.ts';
import { toFileLayout } from '../../models/onnx/layout.ts';
import type { Method } from './methods.ts';
import { oneHot, traceTarget } from './target.ts';

export const gradient: Method = {
  description: 'gradient of the logit with respect to the input',
  options: ['abs'],
  async prepare(device, model, inputShape) {
    const graph = new Graph();
    const x = graph.input('x', inputShape);
    const { output } = model.trace(x);
    const score = traceTarget(graph, output);
    const [dx] = differentiate(score, [x]);
    const program = await compile(device, computation({ score, dx }), { label: 'gradient' });
    const classes = output.shape[output.shape.length - 1];
    return {
      async attribute({ input, target, abs = false }) {
        const start = performance.now();
        program.write('x', input);
        program.write('target', oneHot(classes, target));
        program.run();
        const [scores, slopes] = await Promise.all([program.read('score'), program.read('dx')]);
        const file = toFileLayout(abs ? slopes.map(Math.abs) : slopes, 'nhwc', inputShape);
        return {
          method: 'gradient',
          values: file.data,
          shape: file.shape,
          target,
          score: scores[0],
          evaluations: 1,
          millis: performance.now() - start,
        };
      },
      dispose: () => program.dispose(),
    };
  },
};
