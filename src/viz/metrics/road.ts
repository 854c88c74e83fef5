// road.ts: ROAD, remove and debias (Rong et al. 2022): pixels are removed by guessing them from their neighbours, so that the
// shape of what is missing tells the network little. Removed are the most relevant first (MoRF) or the least relevant first
// (LeRF). The value is the mean over the shares of (score LeRF - score MoRF)/2, as pytorch-grad-cam combines the two.

import { count, real, withDefaults } from '../attribution/options.ts';
import { inputShape } from '../attribution/subject.ts';
import { impute } from './imputation.ts';
import type { Metric } from './metric.ts';
import { pixelMap, rankPixels, spreadOf } from './ranking.ts';

const options = {
  shares: count(4, 'shares of the pixels, evenly between none and all'),
  noise: real(0.01, 'deviation of the noise on imputed pixels, as a share of largest - smallest input', 0),
};

export const road: Metric<typeof options> = {
  title: 'ROAD',
  description: 'how much more the score suffers from imputing the most relevant pixels than the least relevant',
  source: 'Rong et al. 2022, https://arxiv.org/abs/2202.00449',
  better: 'higher',
  options,
  async measure(scorer, { context, input, target, attribution }, given, watch) {
    const began = performance.now();
    const { shares, noise } = withDefaults(options, given);
    const [, H, W, C] = inputShape(context);
    const { seed = 0 } = context;
    const order = rankPixels(pixelMap(attribution, context.size), seed);
    const most = noise * spreadOf(input);
    // Picture 0 is whole; then for each share MoRF, LeRF.
    const fill = (k: number, picture: Float32Array): void => {
      if (k === 0) {
        picture.set(input);
        return;
      }
      const gone = Math.round((Math.ceil(k / 2) / (shares + 1)) * H * W);
      const removed = k % 2 === 1 ? order.slice(0, gone) : order.slice(order.length - gone);
      picture.set(impute(input, removed, [H, W, C], { noise: most, seed, step: k }));
    };
    const { judged } = await scorer.score(target, 1 + 2 * shares, fill, watch);
    let [morf, lerf] = [0, 0];
    for (let k = 0; k < shares; k++) {
      morf += judged[1 + 2 * k] / shares;
      lerf += judged[2 + 2 * k] / shares;
    }
    return {
      value: (lerf - morf) / 2,
      evaluations: 1 + 2 * shares,
      millis: performance.now() - began,
      parts: { morfDrop: judged[0] - morf, lerfDrop: judged[0] - lerf },
    };
  },
};
