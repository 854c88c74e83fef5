// guidedIg.ts: guided integrated gradients (Kapishnikov et al. 2021): the integral of the gradient along a way that goes
// where the slopes are small first, so that noisy regions in between do not count. Each step depends on the one before: one
// gradient at a time on the device, the choice of the way on the host.
//
// PAIR weighs a step by the slopes at its beginning (riemann-left). The way goes where just those are small, so they are
// smaller than along the step, and the error does not shrink with more steps: at 200, a SqueezeNet's values miss more than
// the whole difference of the scores. With the slopes at both ends (trapezoid) they miss a fiftieth, at no further cost.

import { computation } from '../../engine/graph.ts';
import { toFileLayout } from '../../models/onnx/layout.ts';
import { baselineOption, makeBaseline } from './baseline.ts';
import { slopeOf } from './gradient.ts';
import { GuidedPath } from './guidedPath.ts';
import type { Method } from './method.ts';
import { choice, count, real, withDefaults } from './options.ts';
import type { Attribution } from './result.ts';
import { compileFor, inputShape, targetInput, traceInput } from './subject.ts';
import { completeness } from './traced.ts';

/** Weights of the slopes before and after a step. */
const SHARES = { trapezoid: [0.5, 0.5], 'riemann-left': [1, 0] } as const;

const options = {
  steps: count(200, 'points of the path', 1, 100_000),
  fraction: real(0.25, 'share of the features that go ahead at a time, those with the smallest slopes', 0, 1),
  rule: choice(['trapezoid', 'riemann-left'], 'trapezoid', 'how the points are chosen and weighed'),
  maxDist: real(0.02, 'how far from the straight way a feature may be, as a share of it', 0, 1),
  baseline: baselineOption(),
};

export const guidedIg: Method<typeof options> = {
  title: 'Guided integrated gradients',
  description: 'integrated gradients on a way that moves the features with the smallest slopes first',
  source: 'Kapishnikov et al. 2021, https://arxiv.org/abs/2106.09788',
  family: 'gradient',
  takesLayer: false,
  options,
  async prepare(context, given) {
    const { steps, fraction, maxDist, rule, baseline } = withDefaults(options, given);
    const shape = inputShape(context);
    const [, H, W, C] = shape;
    const traced = traceInput(context);
    const { scores, layout } = traced;
    const outputs = computation({ map: slopeOf(traced), scores });
    const program = await compileFor(context, outputs, 'guided integrated gradients');
    return {
      async attribute({ input, target, signal, progress }): Promise<Attribution> {
        const start = performance.now();
        const from = makeBaseline(baseline, input, [H, W, C], context.seed);
        const explained = targetInput(context, target);
        const way = Float64Array.from(input, (value, i) => value - from[i]);
        const path = new GuidedPath(way, { fraction, maxDist });
        const at = (): Float32Array => Float32Array.from(way, (d, i) => from[i] + d * path.alpha[i]);
        const end = await program.evaluate({ x: input, ...explained });
        let here = await program.evaluate({ x: from, ...explained });
        const [score, baselineScore] = [end.scores[0], here.scores[0]];
        const sums = new Float64Array(input.length);
        let done = 0;
        const soFar = (): Attribution => {
          const { data, shape: fileShape } = toFileLayout(sums, layout, shape);
          return {
            method: 'guided-ig',
            values: data,
            shape: fileShape,
            target: context.unit ? undefined : target,
            score,
            baselineScore,
            delta: completeness(data, score, baselineScore),
            signed: true,
            evaluations: Math.min(done, steps - 1) + 2,
            millis: performance.now() - start,
            ...(baseline === 'noise' && { seed: context.seed ?? 0 }),
          };
        };
        // At the signal the way ends where it is; delta says what is missing.
        while (done < steps && !(done > 0 && signal?.aborted)) {
          signal?.throwIfAborted();
          done++;
          const moves = path.advance(here.map, done / steps);
          const next = done < steps ? await program.evaluate({ x: at(), ...explained }) : end;
          const [before, after] = SHARES[rule];
          for (let i = 0; i < sums.length; i++) sums[i] += moves[i] * (before * here.map[i] + after * next.map[i]);
          here = next;
          progress?.(done, steps, soFar);
        }
        return soFar();
      },
      dispose: () => program.dispose(),
    };
  },
};
