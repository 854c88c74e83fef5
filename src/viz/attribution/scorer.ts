// scorer.ts: the score of a picture with parts of it absent, for many choices of parts: what all perturbation methods ask.

import { compile, type Program } from '../../engine/gpu/program.ts';
import { type Computation, computation, Graph } from '../../engine/graph.ts';
import { add, mul, reshape, sub, take } from '../../engine/ops/index.ts';
import { batchFor } from './batch.ts';
import type { FeatureMap } from './features.ts';
import { joined, pipelined, type Watch } from './pipelined.ts';
import { type Context, inputShape, targetInput, traceSubject } from './subject.ts';

/** One picture, and what stands where it is absent. */
export interface MaskedPicture {
  /** Both [H,W,C], as the network takes them. */
  readonly input: Float32Array;
  readonly baseline: Float32Array;
  readonly target?: number;
}

/**
 * Scores of `baseline + mask (input - baseline)`. Masks are rows of numbers 0..1: one a feature where the scorer was made
 * with features (a coalition), else one a pixel [H*W].
 */
export class Scorer {
  private constructor(
    private readonly context: Context,
    private readonly program: Program,
    private readonly batch: number,
    /** Numbers in a row of masks. */
    readonly width: number,
  ) {}

  /** `wanted`: about how many masks a call will bring; decides the batch. */
  static async create(context: Context, wanted: number, features?: FeatureMap): Promise<Scorer> {
    const label = 'masked scores';
    const batch = batchFor(context, wanted, (n) => traceScores(context, n, features), label);
    const program = await compile(context.device, traceScores(context, batch, features), { label });
    return new Scorer(context, program, batch, widthOf(context, features));
  }

  /**
   * Scores of `count` masks, fewer where the signal came. `fill(k, row)` writes mask k into its row (zeroed before): masks
   * need never lie in memory all at once.
   */
  async score(
    { input, baseline, target }: MaskedPicture,
    count: number,
    fill: (k: number, row: Float32Array) => void,
    watch: Watch = {},
  ): Promise<Float32Array> {
    const { program, batch, width } = this;
    const inputs = { input, baseline, ...targetInput(this.context, target) };
    for (const [name, data] of Object.entries(inputs)) program.write(name, data);
    const masks = new Float32Array(batch * width);
    const parts = await pipelined(
      Math.ceil(count / batch),
      async (replay) => {
        masks.fill(0);
        const rows = Math.min(batch, count - replay * batch);
        for (let i = 0; i < rows; i++) fill(replay * batch + i, masks.subarray(i * width, (i + 1) * width));
        return (await program.evaluate({ masks }, ['scores'])).scores;
      },
      watch,
    );
    return joined(parts, batch, count);
  }

  dispose(): void {
    this.program.dispose();
  }
}

const widthOf = ({ size: [H, W] }: Context, features?: FeatureMap): number => features?.count ?? H * W;

function traceScores(context: Context, batch: number, features?: FeatureMap): Computation {
  const [H, W] = context.size;
  const graph = new Graph();
  const input = graph.input('input', inputShape(context));
  const baseline = graph.input('baseline', inputShape(context));
  const masks = graph.input('masks', [batch, widthOf(context, features)]);
  const pixels = features ? take(masks, Array.from(features.ids), 1) : masks;
  const x = add(baseline, mul(reshape(pixels, [batch, H, W, 1]), sub(input, baseline)));
  return computation({ scores: traceSubject(context, x).scores });
}
