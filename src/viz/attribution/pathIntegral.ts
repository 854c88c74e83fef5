// pathIntegral.ts: what all methods that follow a given path have in common. Along γ(α) from a baseline γ(0) to the input
// γ(1), the score changes by ∫ Σ_i ∂f/∂x_i (γ(α)) γ_i'(α) dα; the part of each i is its attribution, so they sum to
// f(input) - f(baseline), up to the error of the quadrature. All points of the path lie in a few replays.

import type { Value } from '../../engine/graph.ts';
import type { Shape } from '../../kernels/types.ts';
import type { AttributionRequest } from './method.ts';
import { choice, count, optional, real } from './options.ts';
import { type QuadratureRule, quadrature, quadratureRules } from './quadrature.ts';
import { Sampler } from './sampled.ts';
import type { Context } from './subject.ts';
import { completeness, type TracedMap } from './traced.ts';

/** Options of a method on a path. */
export const pathOptions = (steps: number) => ({
  steps: count(steps, 'points of the path', 1, 100_000),
  rule: choice(quadratureRules, 'gausslegendre', 'how the points are chosen and weighed'),
  tolerance: optional(
    real(0, 'double the steps until |delta| is at most this share of the difference of the scores', 0),
  ),
  maxSteps: count(1024, 'where the doubling ends', 1, 100_000),
});

export interface PathOptions {
  readonly steps: number;
  readonly rule: QuadratureRule;
  /**
   * Relative: |Σ values - (score - baseline score)| <= tolerance |score - baseline score|. In float32 about 1e-5 can be
   * reached, less where a deep network's slopes cancel.
   */
  readonly tolerance?: number;
  readonly maxSteps: number;
}

interface PathSpec {
  readonly label: string;
  readonly options: PathOptions;
  /** Of `alpha` [batch], the maps ∂f/∂x_i γ_i' and the scores at those points. x: [1,H,W,C] */
  trace(x: Value, alpha: Value, batch: number): TracedMap;
}

/** Values in the file's layout, and the account of them. */
interface Integrated {
  readonly values: Float32Array;
  readonly shape: Shape;
  readonly score: number;
  readonly baselineScore: number;
  readonly delta: number;
  /** Of all rounds. */
  readonly evaluations: number;
}

/** Numbers of points that are tried, one after another. */
function* rounds({ steps, tolerance, maxSteps }: PathOptions): Generator<number> {
  yield steps;
  if (tolerance === undefined) return;
  for (let n = steps; n < maxSteps; ) {
    n = Math.min(2 * n, maxSteps);
    yield n;
  }
}

export class PathIntegral {
  private constructor(
    private readonly sampler: Sampler,
    private readonly options: PathOptions,
  ) {}

  static async create(context: Context, { label, options, trace }: PathSpec): Promise<PathIntegral> {
    const sampler = await Sampler.create(context, {
      label,
      samples: options.steps + 2,
      knobs: ['alpha'],
      trace: (x, { alpha }, _, batch) => trace(x, alpha, batch),
    });
    return new PathIntegral(sampler, options);
  }

  get layer(): string | undefined {
    return this.sampler.layer;
  }

  /**
   * With a tolerance, the best of all rounds: a kink of the network may lie worse among more points, so the last is not
   * always it. At the signal, the best so far, if a round was finished.
   */
  async run(
    inputs: Readonly<Record<string, Float32Array>>,
    { signal, progress }: Pick<AttributionRequest, 'signal' | 'progress'> = {},
  ): Promise<Integrated> {
    const { tolerance = 0 } = this.options;
    const all = [...rounds(this.options)];
    const total = all.reduce((sum, n) => sum + n, 0);
    let done = 0;
    let evaluations = 0;
    let best: Integrated | undefined;
    for (const n of all) {
      if (best && signal?.aborted) break;
      try {
        const found = await this.round(n, inputs, {
          signal,
          progress: (part, parts) => progress?.(done + Math.round((n * part) / parts), total),
        });
        if (!best || Math.abs(found.delta) < Math.abs(best.delta)) best = found;
      } catch (error) {
        if (best && signal?.aborted) break;
        throw error;
      }
      done += n;
      evaluations += n + 2;
      if (Math.abs(best.delta) <= tolerance * Math.abs(best.score - best.baselineScore)) break;
    }
    return { ...(best as Integrated), evaluations };
  }

  private async round(
    n: number,
    inputs: Readonly<Record<string, Float32Array>>,
    watch: Parameters<Sampler['run']>[3],
  ): Promise<Integrated> {
    const { points, weights } = quadrature(this.options.rule, n);
    // The end points come along at weight 0: their scores are what the values must sum to.
    const { sum, shape, scores } = await this.sampler.run(
      inputs,
      { alpha: [...points, 1, 0] },
      [...weights, 0, 0],
      watch,
    );
    const [score, baselineScore] = [scores[n], scores[n + 1]];
    return {
      values: sum,
      shape,
      score,
      baselineScore,
      delta: completeness(sum, score, baselineScore),
      evaluations: n + 2,
    };
  }

  dispose(): void {
    this.sampler.dispose();
  }
}
