// curves.ts: insertion and deletion (Petsiuk et al. 2018, section 4.1): the probability of the class while the most relevant
// pixels go from the picture, or come into a picture that holds nothing; the value is the area under the curve.

import { baselineOption, gaussianBlur, makeBaseline } from '../attribution/baseline.ts';
import { count, real, withDefaults } from '../attribution/options.ts';
import { inputShape } from '../attribution/subject.ts';
import type { Metric } from './metric.ts';
import { copyPixels, pixelMap, rankPixels } from './ranking.ts';

const steps = count(32, 'shares of the pixels between none and all');

/**
 * The deviation in the authors' code, for pictures of 224 pixels (it cuts the kernel off at 11, which blurs less). It stays
 * 5 for other sizes: what must go is detail of the size of the network's first filters, and in small pictures all that
 * tells the class. From stronger blurs, maps of single pixels cannot be told from chance: all score nothing until the end.
 */
const blur = real(5, 'deviation of the blur in pixels, where the baseline is blur', 0, 1000);

/** The paper deletes into grey, and inserts into a blurred picture, in which single pixels make no new edges. */
const tables = {
  deletion: { steps, baseline: baselineOption(0), blur },
  insertion: { steps, baseline: baselineOption('blur'), blur },
};

/** ∫ over [0,1] by the trapezoidal rule, of values at equal distances. */
export const areaUnder = (scores: ArrayLike<number>): number => {
  const last = scores.length - 1;
  let sum = (scores[0] + scores[last]) / 2;
  for (let k = 1; k < last; k++) sum += scores[k];
  return sum / last;
};

function curve(name: keyof typeof tables): Metric<typeof tables.deletion> {
  const inserts = name === 'insertion';
  const options = tables[name];
  return {
    title: inserts ? 'Insertion' : 'Deletion',
    description: inserts
      ? 'area under the score as the most relevant pixels come into a blurred picture'
      : 'area under the score as the most relevant pixels go from the picture',
    source: 'Petsiuk et al. 2018, section 4.1, https://arxiv.org/abs/1806.07421',
    better: inserts ? 'higher' : 'lower',
    options,
    async measure(scorer, { context, input, target, attribution }, given, watch) {
      const began = performance.now();
      const { steps, baseline, blur } = withDefaults(options, given);
      const [, H, W, C] = inputShape(context);
      const absent =
        baseline === 'blur'
          ? gaussianBlur(input, [H, W, C], blur)
          : makeBaseline(baseline, input, [H, W, C], context.seed);
      const [from, to] = inserts ? [absent, input] : [input, absent];
      const order = rankPixels(pixelMap(attribution, context.size), context.seed);
      // Pictures are asked for in order: each goes on from the one before.
      const current = from.slice();
      let done = 0;
      const fill = (k: number, picture: Float32Array): void => {
        const until = Math.round((k / steps) * H * W);
        copyPixels(to, current, order, [done, until], C);
        done = until;
        picture.set(current);
      };
      const { judged } = await scorer.score(target, steps + 1, fill, watch);
      return {
        value: areaUnder(judged),
        evaluations: steps + 1,
        millis: performance.now() - began,
        curve: { shares: Float64Array.from(judged, (_, k) => k / steps), scores: judged },
      };
    },
  };
}

export const insertion = curve('insertion');
export const deletion = curve('deletion');
