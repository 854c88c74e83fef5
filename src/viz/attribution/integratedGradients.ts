// integratedGradients.ts: the mean slope along the straight way from a baseline, times the way (Sundararajan et al. 2017,
// eq. 1): IG_i = (x_i - x'_i) ∫ ∂f/∂x_i (x' + α (x - x')) dα.
//
// The trapezoid rule's weights sum to 1 here; Captum's sum to (n - 1)/n, which misses 1/n of even a linear function.

import type { Value } from '../../engine/graph.ts';
import { add, broadcastTo, mul, reshape, sub } from '../../engine/ops/index.ts';
import { baselineOption, makeBaseline } from './baseline.ts';
import { slopeOf } from './gradient.ts';
import type { Method } from './method.ts';
import { withDefaults } from './options.ts';
import { PathIntegral, type PathOptions, pathOptions } from './pathIntegral.ts';
import { type Context, inputShape, type Subject, targetInput, traceModel, traceSubject } from './subject.ts';
import { layerName, type TracedMap } from './traced.ts';

const options = { ...pathOptions(50), baseline: baselineOption() };

/**
 * Slope times way at the points from + alpha (x - from), alpha: [batch]; x and from: [H,W,C], one or `batch` of them. For a
 * subject with a layer, the way runs between the activations of the two.
 */
export function traceStraight(subject: Subject, x: Value, from: Value, alpha: Value, batch: number): TracedMap {
  const name = layerName(subject);
  const at = (picture: Value): Value =>
    name === undefined ? picture : traceModel(subject, picture, { until: name }).output;
  const [start, end] = [at(from), at(x)];
  const way = sub(end, start);
  const between = add(start, mul(reshape(alpha, [batch, ...way.shape.slice(1).map(() => 1)]), way));
  const traced =
    name === undefined
      ? traceSubject(subject, between)
      : traceSubject(subject, broadcastTo(x, [...inputShape(subject, batch)]), () => between);
  return { map: mul(slopeOf(traced), way), layout: traced.layout, scores: traced.scores, layer: name };
}

/** Ready for any baseline: the graph's input "baseline" is the picture [H,W,C]. */
export const straightIntegral = (context: Context, options: PathOptions): Promise<PathIntegral> =>
  PathIntegral.create(context, {
    label: 'integrated gradients',
    options,
    trace: (x, alpha, batch) => traceStraight(context, x, x.graph.input('baseline', x.shape), alpha, batch),
  });

export const integratedGradients: Method<typeof options> = {
  title: 'Integrated gradients',
  description: 'mean gradient on the way from a baseline to the input, times the way',
  source: 'Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365',
  family: 'gradient',
  takesLayer: true,
  options,
  async prepare(context, given) {
    const { baseline, ...path } = withDefaults(options, given);
    const [, H, W, C] = inputShape(context);
    const integral = await straightIntegral(context, path);
    return {
      async attribute({ input, target, ...watch }) {
        const start = performance.now();
        const from = makeBaseline(baseline, input, [H, W, C], context.seed);
        const inputs = { x: input, baseline: from, ...targetInput(context, target) };
        return {
          method: 'integrated-gradients',
          ...(await integral.run(inputs, watch)),
          target: context.unit ? undefined : target,
          layer: integral.layer,
          signed: true,
          millis: performance.now() - start,
          ...(baseline === 'noise' && { seed: context.seed ?? 0 }),
        };
      },
      dispose: () => integral.dispose(),
    };
  },
};
