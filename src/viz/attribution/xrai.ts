// xrai.ts: XRAI (Kapishnikov et al. 2019): integrated gradients against black and against white, averaged, then gathered into
// regions: superpixels at several scales, grown by a few pixels, taken one after another by their mean attribution.
//
// PAIR cuts the picture by Felzenszwalb's method at six scales and takes the largest channel of a pixel; here SLIC at halving
// numbers of superpixels, and the sum of the channels, so that the values still sum to the difference of the scores.

import { preprocessRgb } from '../../models/preprocess.ts';
import { sumChannels } from '../render/maps.ts';
import { straightIntegral } from './integratedGradients.ts';
import type { Method } from './method.ts';
import { count, withDefaults } from './options.ts';
import { pathOptions } from './pathIntegral.ts';
import { grownRegions, regionGains } from './regionGains.ts';
import { segmentPicture } from './slic.ts';
import { type Context, inputShape, targetInput } from './subject.ts';
import { completeness } from './traced.ts';

const options = {
  ...pathOptions(50),
  segments: count(256, 'superpixels (SLIC) of the finest scale; each coarser one has half as many'),
};

const COARSEST = 8;
/** PAIR's 5 pixels of 224: how far regions grow. */
const GROWTH_SHARE = 5 / 224;
/** PAIR's 50 pixels of 224 x 224: regions that would add less are left out. */
const LEAST_SHARE = 50 / (224 * 224);
/** Fewer pixels make no superpixel. */
const SMALLEST = 4;

/** Black and white as the network takes them; of channels that are no colours, the smallest and largest numbers. */
function extremes({ model: { preprocess }, size }: Context, input: Float32Array, C: number): Float32Array[] {
  if (preprocess.order !== 'raw') {
    return [0, 1].map(
      (level) => preprocessRgb(new Float32Array(3 * size[0] * size[1]).fill(level), preprocess, size).data,
    );
  }
  return [Math.min, Math.max].map((pick) => {
    const found = Array.from({ length: C }, (_, c) => input[c]);
    input.forEach((value, i) => {
      found[i % C] = pick(found[i % C], value);
    });
    return input.map((_, i) => found[i % C]);
  });
}

/** Numbers of superpixels, from fine to coarse. */
function scalesOf(segments: number, [H, W]: readonly [number, number]): number[] {
  const scales = [Math.max(1, Math.min(segments, Math.floor((H * W) / SMALLEST)))];
  for (let n = scales[0] / 2; n >= COARSEST; n /= 2) scales.push(Math.round(n));
  return scales;
}

export const xrai: Method<typeof options> = {
  title: 'XRAI',
  description: 'integrated gradients against black and white, gathered into regions by their mean',
  source: 'Kapishnikov et al. 2019, https://arxiv.org/abs/1906.02825',
  family: 'gradient',
  takesLayer: false,
  options,
  async prepare(context, given) {
    const { segments, ...path } = withDefaults(options, given);
    const { size, model } = context;
    const [, H, W, C] = inputShape(context);
    const integral = await straightIntegral(context, path);
    return {
      async attribute({ input, target, signal, progress }) {
        const start = performance.now();
        const map = new Float32Array(H * W);
        let [score, baselineScore, evaluations] = [0, 0, 0];
        const baselines = extremes(context, input, C);
        for (const [k, baseline] of baselines.entries()) {
          signal?.throwIfAborted();
          const inputs = { x: input, baseline, ...targetInput(context, target) };
          const found = await integral.run(inputs, {
            signal,
            progress: (done, total) => progress?.(k * total + done, baselines.length * total),
          });
          const part = sumChannels(found.values, [1, C, H, W]);
          for (let i = 0; i < map.length; i++) map[i] += part[i] / baselines.length;
          score = found.score;
          baselineScore += found.baselineScore / baselines.length;
          evaluations += found.evaluations;
        }
        const growth = Math.round(GROWTH_SHARE * Math.min(H, W));
        const regions = scalesOf(segments, size).flatMap((n) =>
          grownRegions(segmentPicture(input, size, model.preprocess, n).ids, size, growth),
        );
        const { gains } = regionGains(map, regions, { least: Math.max(1, Math.round(LEAST_SHARE * H * W)) });
        return {
          method: 'xrai',
          values: gains,
          shape: [1, 1, H, W],
          target: context.unit ? undefined : target,
          score,
          baselineScore,
          delta: completeness(gains, score, baselineScore),
          signed: true,
          evaluations,
          millis: performance.now() - start,
        };
      },
      dispose: () => integral.dispose(),
    };
  },
};
