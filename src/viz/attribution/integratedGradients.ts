// integratedGradients.ts: the mean slope along the straight way from a baseline, times the way (Sundararajan et al. 2017,
// eq. 1): IG_i = (x_i - x'_i) ∫ ∂f/∂x_i (x' + α (x - x')) dα. All points of the path lie in a few replays.

import { add, broadcastTo, mul, reshape, sub } from '../../engine/ops/index.ts';
import { baselineOption, makeBaseline } from './baseline.ts';
import { slopeOf } from './gradient.ts';
import type { Method } from './method.ts';
import { choice, count, withDefaults } from './options.ts';
import { type QuadratureRule, quadrature, quadratureRules } from './quadrature.ts';
import { Sampler } from './sampled.ts';
import { inputShape, targetInput, traceSubject } from './subject.ts';
import { completeness, layerName } from './traced.ts';

const options = {
  steps: count(50, 'points of the path', 1, 100_000),
  rule: choice(quadratureRules, 'gausslegendre', 'how the points are chosen and weighed'),
  baseline: baselineOption(),
};

export const integratedGradients: Method<typeof options> = {
  title: 'Integrated gradients',
  description: 'mean gradient on the way from a baseline to the input, times the way',
  source: 'Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365',
  family: 'gradient',
  takesLayer: true,
  options,
  async prepare(context, given) {
    const { steps, rule, baseline } = withDefaults(options, given);
    const [, H, W, C] = inputShape(context);
    const { points, weights } = quadrature(rule as QuadratureRule, steps);
    // The end points come along at weight 0: their scores are what the values must sum to.
    const alphas = [...points, 1, 0];
    const sampler = await Sampler.create(context, {
      label: 'integrated gradients',
      samples: alphas.length,
      knobs: ['alpha'],
      trace(x, { alpha }, _, batch) {
        const start = x.graph.input('baseline', x.shape);
        const between = (from: typeof x, to: typeof x) =>
          add(from, mul(reshape(alpha, [batch, ...to.shape.slice(1).map(() => 1)]), sub(to, from)));
        if (context.layer === undefined) {
          const subject = traceSubject(context, between(start, x));
          return { map: mul(slopeOf(subject), sub(x, start)), layout: subject.layout, scores: subject.scores };
        }
        // At a layer the path runs between the two activations.
        const name = layerName(context) as string;
        const from = context.model.trace(start, { until: name }).output;
        let way = from;
        const subject = traceSubject(context, broadcastTo(x, [batch, H, W, C]), (to) => {
          way = sub(to, from);
          return between(from, to);
        });
        return { map: mul(slopeOf(subject), way), layout: subject.layout, scores: subject.scores, layer: name };
      },
    });
    return {
      async attribute({ input, target, signal, progress }) {
        const start = performance.now();
        const from = makeBaseline(baseline, input, [H, W, C], context.seed);
        const { sum, shape, scores } = await sampler.run(
          { x: input, baseline: from, ...targetInput(context, target) },
          { alpha: alphas },
          [...weights, 0, 0],
          { signal, progress },
        );
        const [score, baselineScore] = [scores[steps], scores[steps + 1]];
        return {
          method: 'integrated-gradients',
          values: sum,
          shape,
          target: context.unit ? undefined : target,
          score,
          baselineScore,
          layer: sampler.layer,
          delta: completeness(sum, score, baselineScore),
          signed: true,
          evaluations: alphas.length,
          millis: performance.now() - start,
        };
      },
      dispose: () => sampler.dispose(),
    };
  },
};
