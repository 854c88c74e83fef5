// rise.ts: RISE (Petsiuk et al. 2018, https://arxiv.org/abs/1806.07421): the mean of random soft masks, each weighted by the score
// of the picture seen through it: S = 1/(N p) Σ_k f(x ⊙ M_k) M_k. Masks are s x s random cells, enlarged bilinearly by a whole
// cell size and shifted at random by less than a cell. Cells, shifts, masks and sums are made on the device.

import type { Value } from '../../engine/graph.ts';
import {
  abs,
  add,
  clip,
  floor,
  greater,
  matmul,
  mul,
  randomUniform,
  relu,
  reshape,
  sub,
} from '../../engine/ops/index.ts';
import { toFileLayout } from '../../models/onnx/layout.ts';
import { baselineOption, makeBaseline } from './baseline.ts';
import type { Method } from './method.ts';
import { count, real, withDefaults } from './options.ts';
import { Sampler } from './sampled.ts';
import { inputShape, targetInput, traceSubject } from './subject.ts';

const options = {
  samples: count(1000, 'random masks', 2),
  cells: count(7, 'cells of a mask down and across'),
  keep: real(0.5, 'chance that a cell is seen', 0.01, 1),
  baseline: baselineOption(),
};

const CELL_STREAM = 44;
const SHIFT_STREAM = 45;

/** Bilinear weights [batch,length,s] of s cells stretched over (s + 1) ceil(length/s) pixels, from a random one on. */
function stretchWeights(step: Value, batch: number, length: number, s: number, seed: number, stream: number): Value {
  const { graph } = step;
  const line = (count: number, shape: readonly number[]) =>
    graph.constant({ shape, data: Float32Array.from({ length: count }, (_, i) => i) });
  const cell = Math.ceil(length / s);
  const shift = reshape(floor(mul(randomUniform(step, [batch], { seed, stream }), cell)), [batch, 1, 1]);
  const pixel = add(add(line(length, [1, length, 1]), shift), 0.5);
  const place = clip(sub(mul(pixel, s / ((s + 1) * cell)), 0.5), 0, s - 1);
  return relu(sub(1, abs(sub(place, line(s, [1, 1, s])))));
}

/** Random soft masks [batch,H,W,1]; another set each step. */
function traceMasks(
  step: Value,
  batch: number,
  [H, W]: readonly [number, number],
  { cells: s, keep, seed }: { readonly cells: number; readonly keep: number; readonly seed: number },
): Value {
  const cells = greater(keep, randomUniform(step, [batch, s, s], { seed, stream: CELL_STREAM }));
  const rows = stretchWeights(step, batch, H, s, seed, SHIFT_STREAM);
  const columns = stretchWeights(step, batch, W, s, seed, SHIFT_STREAM + 1);
  return reshape(matmul(matmul(rows, cells), columns, { transposeB: true }), [batch, H, W, 1]);
}

export const rise: Method<typeof options> = {
  title: 'RISE',
  description: 'mean of random soft masks, each weighted by the score of what it lets through',
  source: 'Petsiuk et al. 2018, https://arxiv.org/abs/1806.07421',
  family: 'perturbation',
  takesLayer: false,
  options,
  async prepare(context, given) {
    const { samples, cells, keep, baseline } = withDefaults(options, given);
    const [, H, W, C] = inputShape(context);
    const seed = context.seed ?? 0;
    // The whole picture and the baseline come first, at weight 0.
    const whole = [1, -1, ...Array<number>(samples).fill(0)];
    const weights = whole.map((kind) => (kind === 0 ? 1 / (samples * keep) : 0));
    const sampler = await Sampler.create(context, {
      label: 'rise',
      samples: whole.length,
      knobs: ['whole'],
      squares: true,
      partial: true,
      trace(x, knobs, step, batch) {
        const from = x.graph.input('baseline', x.shape);
        const drawn = traceMasks(step, batch, [H, W], { cells, keep, seed });
        const masks = clip(add(drawn, reshape(knobs.whole, [batch, 1, 1, 1])), 0, 1);
        const { scores } = traceSubject(context, add(from, mul(masks, sub(x, from))));
        return { map: mul(masks, reshape(scores, [batch, 1, 1, 1])), layout: 'nhwc', scores };
      },
    });
    return {
      async attribute({ input, target, signal, progress }) {
        const start = performance.now();
        const { sum, squares, scores } = await sampler.run(
          { x: input, baseline: makeBaseline(baseline, input, [H, W, C], seed), ...targetInput(context, target) },
          { whole },
          weights,
          { signal, progress },
        );
        const done = scores.length - 2;
        if (done < 2) signal?.throwIfAborted();
        const share = samples / done; // less than all where the signal came
        const map = sum.map((value) => value * share);
        const errors = map.map((value, at) => {
          const meanSquare = (squares as Float32Array)[at] * share * keep;
          return Math.sqrt(Math.max(0, meanSquare - (value * keep) ** 2) / (done - 1)) / keep;
        });
        const overChannels = (values: Float32Array) =>
          toFileLayout(
            Float32Array.from(input, (_, at) => values[Math.floor(at / C)]),
            'nhwc',
            [1, H, W, C],
          );
        const { data, shape } = overChannels(map);
        return {
          method: 'rise',
          values: data,
          shape,
          alike: true,
          target: context.unit ? undefined : target,
          score: scores[0],
          baselineScore: scores[1],
          standardErrors: overChannels(errors).data,
          signed: false,
          evaluations: scores.length,
          millis: performance.now() - start,
          seed,
        };
      },
      dispose: () => sampler.dispose(),
    };
  },
};
