// gradientShap.ts: expected gradients (Erion et al. 2019, eq. 2; GradientSHAP in Lundberg's and Captum's packages): integrated
// gradients in the mean over baselines x' and points α of the way, both drawn at random:
//   E (x_i - x'_i) ∂f/∂x_i (x' + α (x - x')),   whose sum is f(x) - E f(x').
// With sigma > 0 the input of each sample carries noise too, as in Captum.

import { uniformNumbers } from '../../kernels/random.ts';
import type { Value } from '../../engine/graph.ts';
import { add, mul, randomNormal, reshape, take } from '../../engine/ops/index.ts';
import { ModelError } from '../../models/error.ts';
import { type Baseline, baselineOption, channelMoments, makeBaseline } from './baseline.ts';
import { traceStraight } from './integratedGradients.ts';
import type { Method } from './method.ts';
import { rangeOf } from './noise.ts';
import { count, type Option, real, withDefaults } from './options.ts';
import { type SampledSpec, Sampler } from './sampled.ts';
import { scoreReader } from './score.ts';
import { inputShape, makeBeside, targetInput, traceSubject } from './subject.ts';
import { completeness } from './traced.ts';

const options = {
  samples: count(50, 'random points of random ways', 2, 1_000_000),
  sigma: real(0, "standard deviation of the noise, as a share of the input's range", 0, 10),
  baseline: {
    ...baselineOption(),
    description: 'what absence means: a number, mean, blur, noise drawn for each sample, or several pictures',
    takesArray: 'pictures',
  } as Option<Baseline>,
};

const STREAMS = { alpha: 41, pick: 42, noise: 43, baseline: 44 };

/** How many pictures of [H,W,C] a baseline holds. */
function countOf(baseline: Baseline, [, H, W, C]: readonly number[]): number {
  if (!(baseline instanceof Float32Array)) return 1;
  const many = baseline.length / (H * W * C);
  if (Number.isInteger(many) && many > 0) return many;
  throw new ModelError(
    `the baselines hold ${baseline.length} numbers, no whole number of network inputs [${[H, W, C]}].`,
  );
}

export const gradientShap: Method<typeof options> = {
  title: 'GradientSHAP',
  description: 'integrated gradients in the mean over random baselines, points and noise',
  source: 'Erion et al. 2019, https://arxiv.org/abs/1906.10670',
  family: 'gradient',
  takesLayer: true,
  options,
  async prepare(context, given) {
    const { samples, sigma, baseline } = withDefaults(options, given);
    const { seed = 0 } = context;
    const shape = inputShape(context);
    const [, H, W, C] = shape;
    const isNoise = baseline === 'noise';
    const many = countOf(baseline, shape);
    // The score of each baseline is needed too. Given ones come along first, at the end of the way and weight 0; random
    // ones are scored as they are drawn.
    const ends = isNoise ? 0 : many;
    const knobs = many > 1 ? ['alpha', 'pick'] : ['alpha'];
    const spec: SampledSpec = {
      label: 'gradient shap',
      samples: ends + samples,
      knobs,
      squares: true,
      partial: true,
      trace(x, { alpha, pick }, step, batch) {
        const { graph } = x;
        const normal = (stream: number): Value => randomNormal(step, [batch, H, W, C], { seed, stream });
        const table = graph.input('baselines', [many, H, W, C]);
        const noisy = sigma > 0 ? add(x, mul(normal(STREAMS.noise), graph.input('sigma', [1]))) : x;
        const from = isNoise
          ? add(table, mul(normal(STREAMS.baseline), reshape(graph.input('deviations', [C]), [1, 1, 1, C])))
          : many === 1
            ? table
            : take(table, pick, 0);
        const traced = traceStraight(context, noisy, from, alpha, batch);
        return isNoise ? { ...traced, scores: traceSubject(context, from).scores } : traced;
      },
    };
    // The small program first: the large one takes what is left of the memory, and cuts its batch to that.
    const reader = await scoreReader(context);
    const sampler = await makeBeside(reader, () => Sampler.create(context, spec));
    const draw = (stream: number) => uniformNumbers(samples, { seed, stream });
    const alpha = [...Array<number>(ends).fill(0), ...draw(STREAMS.alpha)];
    const pick = [
      ...Array.from({ length: ends }, (_, k) => k),
      ...draw(STREAMS.pick).map((u) => Math.min(many - 1, Math.floor(u * many))),
    ];
    const weights = alpha.map((_, k) => (k < ends ? 0 : 1 / samples));

    const baselineInputs = (input: Float32Array): Record<string, Float32Array> => {
      if (isNoise) {
        const { deviations } = channelMoments(input, C);
        return { baselines: makeBaseline('mean', input, [H, W, C]), deviations: Float32Array.from(deviations) };
      }
      return {
        baselines: baseline instanceof Float32Array ? baseline : makeBaseline(baseline, input, [H, W, C], seed),
      };
    };
    return {
      async attribute({ input, target, signal, progress }) {
        const start = performance.now();
        const score = await reader.read({ input, target });
        const { sum, squares, shape, scores } = await sampler.run(
          {
            x: input,
            ...baselineInputs(input),
            ...(sigma > 0 && { sigma: Float32Array.of(sigma * rangeOf(input)) }),
            ...targetInput(context, target),
          },
          many > 1 ? { alpha, pick } : { alpha },
          weights,
          { signal, progress },
        );
        const done = scores.length - ends;
        if (done < 2) signal?.throwIfAborted();
        const share = samples / done; // more than 1 where the signal came
        const values = sum.map((value) => value * share);
        const ofBaselines = isNoise ? scores : scores.subarray(0, ends);
        const baselineScore = ofBaselines.reduce((a, b) => a + b, 0) / ofBaselines.length;
        return {
          method: 'gradient-shap',
          values,
          shape,
          target: context.unit ? undefined : target,
          score,
          baselineScore,
          delta: completeness(values, score, baselineScore),
          layer: sampler.layer,
          standardErrors: values.map((value, i) =>
            Math.sqrt(Math.max(0, (squares as Float32Array)[i] * share - value ** 2) / (done - 1)),
          ),
          signed: true,
          evaluations: scores.length * (isNoise ? 2 : 1) + 1,
          millis: performance.now() - start,
          seed,
        };
      },
      dispose: () => {
        sampler.dispose();
        reader.dispose();
      },
    };
  },
};
