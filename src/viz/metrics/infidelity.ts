// infidelity.ts: infidelity (Yeh et al. 2019, definition 1): E over random changes I of (β I·Φ - (f(x) - f(x - I)))²: how badly
// the map foretells what the score loses. β = 1, or the number that fits best (their section 2), so that maps of different
// units compare: β = E[(I·Φ)(f(x) - f(x - I))] / E[(I·Φ)²].

import { normalNumbers, uniformNumbers } from '../../kernels/random.ts';
import { fromFileLayout } from '../../models/onnx/layout.ts';
import { baselineOption, makeBaseline } from '../attribution/baseline.ts';
import { choice, count, flag, real, withDefaults } from '../attribution/options.ts';
import type { Attribution } from '../attribution/result.ts';
import { inputShape } from '../attribution/subject.ts';
import type { Metric } from './metric.ts';
import { pixelMap, spreadOf } from './ranking.ts';

const STREAM = 81;

/** Boxes are the paper's square removal, noise its Gaussian baseline with the input as its mean. */
const options = {
  samples: count(64, 'random changes', 2),
  change: choice(
    ['boxes', 'noise'],
    'boxes',
    'what is changed: a box of random place and sides is taken away, or noise added',
  ),
  sigma: real(0.1, 'standard deviation of the noise, as a share of largest - smallest input', 1e-9),
  baseline: baselineOption(0),
  scale: flag(true, 'the map is multiplied by the number that fits best'),
};

type Shape = readonly [height: number, width: number, channels: number];

/** One number for each number of the input [H,W,C]: a map without channels is shared evenly among them. */
function perNumber(attribution: Attribution, [H, W, C]: Shape): ArrayLike<number> {
  const { values, shape, layer, features } = attribution;
  const isInput = !features && layer === undefined && shape.length === 4 && shape.slice(1).join() === [C, H, W].join();
  if (isInput) return fromFileLayout(values, 'nhwc', shape).data;
  const map = pixelMap(attribution, [H, W]);
  return Float64Array.from({ length: H * W * C }, (_, i) => map[Math.floor(i / C)] / C);
}

/** Change k: numbers to be taken off the input. */
type Change = (k: number) => Float32Array;

/** The input less the baseline, inside a box of random sides. */
function boxes(input: Float32Array, absent: Float32Array, [H, W, C]: Shape, seed: number): Change {
  return (k) => {
    const [a, b, c, d] = uniformNumbers(4, { seed, stream: STREAM }, k);
    const [height, width] = [side(a, H), side(b, W)];
    const [top, left] = [Math.floor(c * (H - height + 1)), Math.floor(d * (W - width + 1))];
    const change = new Float32Array(input.length);
    for (let h = top; h < top + height; h++) {
      for (let i = (h * W + left) * C; i < (h * W + left + width) * C; i++) change[i] = input[i] - absent[i];
    }
    return change;
  };
}
/** From one pixel to half of a side. */
const side = (share: number, length: number): number => 1 + Math.floor(share * Math.max(1, Math.floor(length / 2)));

export const infidelity: Metric<typeof options> = {
  title: 'Infidelity',
  description: 'mean squared error of the map as a forecast of what the score loses under random changes',
  source: 'Yeh et al. 2019, https://arxiv.org/abs/1901.09392',
  better: 'lower',
  options,
  async measure(scorer, { context, input, target, attribution, kind = 'contributions' }, given, watch) {
    const began = performance.now();
    const { samples, change, sigma, baseline, scale } = withDefaults(options, given);
    const [, H, W, C] = inputShape(context);
    const { seed = 0 } = context;
    const absent = makeBaseline(baseline, input, [H, W, C], seed);
    const phi = perNumber(attribution, [H, W, C]);
    const reach = sigma * spreadOf(input);
    const draw: Change =
      change === 'boxes'
        ? boxes(input, absent, [H, W, C], seed)
        : (k) => normalNumbers(input.length, { seed, stream: STREAM }, k).map((value) => reach * value);
    const forecasts = new Float64Array(samples);
    const fill = (k: number, picture: Float32Array): void => {
      picture.set(input);
      if (k === samples) return;
      const change = draw(k);
      let forecast = 0;
      for (let i = 0; i < change.length; i++) {
        if (change[i] === 0) continue;
        picture[i] = input[i] - change[i];
        // A contribution belongs to the whole way from the baseline, of which the change is a part.
        const way = kind === 'slopes' ? 1 : input[i] - absent[i];
        if (way !== 0) forecast += (phi[i] * change[i]) / way;
      }
      forecasts[k] = forecast;
    };
    const { explained } = await scorer.score(target, samples + 1, fill, watch);
    const losses = Float64Array.from(forecasts, (_, k) => explained[samples] - explained[k]);
    let [product, square] = [0, 0];
    for (let k = 0; k < samples; k++) {
      product += forecasts[k] * losses[k];
      square += forecasts[k] ** 2;
    }
    const beta = !scale ? 1 : square > 0 ? product / square : 0;
    const value = losses.reduce((sum, loss, k) => sum + (beta * forecasts[k] - loss) ** 2, 0) / samples;
    return { value, evaluations: samples + 1, millis: performance.now() - began, parts: { scale: beta } };
  },
};
