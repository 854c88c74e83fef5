// drop.ts: average drop and increase in confidence (Chattopadhay et al. 2018, section 4.1), of one picture: what share of
// the class's probability is lost when only what the map shows is seen.

import { ModelError } from '../../models/error.ts';
import { baselineOption, makeBaseline } from '../attribution/baseline.ts';
import { withDefaults } from '../attribution/options.ts';
import { inputShape } from '../attribution/subject.ts';
import type { Metric } from './metric.ts';
import { pixelMap } from './ranking.ts';

const options = { baseline: baselineOption(0) };

/** The positive part over the largest: 0..1, as the maps of the paper are. All 0 where nothing is positive. */
function visibility(map: Float32Array): Float32Array {
  const largest = map.reduce((a, b) => Math.max(a, b), 0);
  return map.map((value) => (largest > 0 ? Math.max(0, value) / largest : 0));
}

/** Of a score of 0 nothing can be lost, as probabilities and what a ReLU passes do not fall below it. */
function shareLost(whole: number, seen: number): number {
  const lost = Math.max(0, whole - seen);
  if (lost === 0) return 0;
  if (whole !== 0) return lost / Math.abs(whole);
  throw new ModelError(
    'drop: the score of the picture is 0 and falls below it, which is no share of 0. Measure another unit or picture.',
  );
}

/** max(0, Y - O)/Y, Y the score of the picture, O of the picture through the map; part `increase` is 1 where O > Y. */
export const drop: Metric<typeof options> = {
  title: 'Drop',
  description: 'share of the score that is lost where only what the map shows is seen',
  source: 'Chattopadhay et al. 2018, section 4.1, https://arxiv.org/abs/1710.11063',
  better: 'lower',
  options,
  async measure(scorer, { context, input, target, attribution }, given, watch) {
    const began = performance.now();
    const { baseline } = withDefaults(options, given);
    const [, H, W, C] = inputShape(context);
    const absent = makeBaseline(baseline, input, [H, W, C], context.seed);
    const mask = visibility(pixelMap(attribution, context.size));
    const fill = (k: number, picture: Float32Array): void => {
      if (k === 0) picture.set(input);
      else for (let i = 0; i < picture.length; i++) picture[i] = mix(absent[i], input[i], mask[Math.floor(i / C)]);
    };
    const { judged } = await scorer.score(target, 2, fill, watch);
    const [whole, seen] = judged;
    return {
      value: shareLost(whole, seen),
      evaluations: 2,
      millis: performance.now() - began,
      parts: { increase: seen > whole ? 1 : 0, whole, seen },
    };
  },
};

/** Exactly b where the share is 1. */
const mix = (a: number, b: number, share: number): number => a * (1 - share) + b * share;
