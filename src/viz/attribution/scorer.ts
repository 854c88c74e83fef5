// scorer.ts: the score of a picture with parts of it absent, for many choices of parts: what all perturbation methods ask.

import type { Program } from '../../engine/gpu/program.ts';
import { type Computation, computation, Graph, type Value } from '../../engine/graph.ts';
import { add, greater, greaterEqual, mul, reshape, slice, sub, take } from '../../engine/ops/index.ts';
import { batchFor } from './batch.ts';
import type { FeatureMap } from './features.ts';
import { pipelined, type Watch } from './pipelined.ts';
import { compileFor, type Context, inputShape, targetInput, traceSubject } from './subject.ts';

/** One picture, and what stands where it is absent. */
interface MaskedPicture {
  /** Both [H,W,C], as the network takes them. */
  readonly input: Float32Array;
  readonly baseline: Float32Array;
  readonly target?: number;
}

/**
 * How a row of numbers says what is there:
 * features: a number a feature, 0..1 (a coalition);
 * 'pixels': a number a pixel [H*W];
 * 'windows': top, bottom, left, right of the one box that is absent, ends excluded. Four numbers in place of H*W: the
 * device makes the mask, and nothing large is sent.
 */
type MaskKind = FeatureMap | 'pixels' | 'windows';

/** Writes row k, which is all zeros before. */
export type FillRow = (k: number, row: Float32Array) => void;
/** Takes the scores of the rows from `first` on, in order. Returning false ends the work. */
export type TakeScores = (scores: ArrayLike<number>, first: number) => unknown;

/** Scores of `baseline + mask (input - baseline)`. */
export class Scorer {
  private constructor(
    private readonly context: Context,
    private readonly program: Program,
    private readonly batch: number,
    /** Numbers in a row. */
    readonly width: number,
  ) {}

  /** `wanted`: about how many rows a call will bring; decides the batch. */
  static async create(context: Context, wanted: number, kind: MaskKind = 'pixels'): Promise<Scorer> {
    const label = 'masked scores';
    const batch = batchFor(context, wanted, (n) => traceScores(context, n, kind), label);
    const program = await compileFor(context, traceScores(context, batch, kind), label);
    return new Scorer(context, program, batch, widthOf(context, kind));
  }

  /** Scores `count` rows and hands them on as they come, fewer where the signal came: they never lie in memory all at once. */
  async stream(
    { input, baseline, target }: MaskedPicture,
    count: number,
    fill: FillRow,
    takeScores: TakeScores,
    watch: Watch = {},
  ): Promise<void> {
    const { program, batch, width } = this;
    const inputs = { input, baseline, ...targetInput(this.context, target) };
    for (const [name, data] of Object.entries(inputs)) program.write(name, data);
    const rows = new Float32Array(batch * width);
    const used = (replay: number) => Math.min(batch, count - replay * batch);
    await pipelined(
      Math.ceil(count / batch),
      async (replay) => {
        rows.fill(0);
        for (let i = 0; i < used(replay); i++) {
          fill(replay * batch + i, rows.subarray(i * width, (i + 1) * width));
        }
        return (await program.evaluate({ rows }, ['scores'])).scores;
      },
      watch,
      (scores, replay) => takeScores(scores.subarray(0, used(replay)), replay * batch),
    );
  }

  /** Scores of `count` rows, fewer where the signal came. */
  async score(picture: MaskedPicture, count: number, fill: FillRow, watch: Watch = {}): Promise<Float32Array> {
    const all = new Float32Array(count);
    let done = 0;
    const keep: TakeScores = (scores, first) => {
      all.set(scores, first);
      done = first + scores.length;
    };
    await this.stream(picture, count, fill, keep, watch);
    return all.subarray(0, done);
  }

  dispose(): void {
    this.program.dispose();
  }
}

const widthOf = ({ size: [H, W] }: Context, kind: MaskKind): number =>
  kind === 'pixels' ? H * W : kind === 'windows' ? 4 : kind.count;

function traceScores(context: Context, batch: number, kind: MaskKind): Computation {
  const [H, W] = context.size;
  const graph = new Graph();
  const input = graph.input('input', inputShape(context));
  const baseline = graph.input('baseline', inputShape(context));
  const rows = graph.input('rows', [batch, widthOf(context, kind)]);
  const mask =
    kind === 'pixels' ? rows : kind === 'windows' ? outsideWindows(rows, [H, W]) : take(rows, Array.from(kind.ids), 1);
  const x = add(baseline, mul(reshape(mask, [batch, H, W, 1]), sub(input, baseline)));
  return computation({ scores: traceSubject(context, x).scores });
}

/** 0 in the box of each row [batch,4], 1 around it: [batch,H,W]. */
function outsideWindows(rows: Value, [H, W]: readonly [number, number]): Value {
  const [batch] = rows.shape;
  const inside = (first: number, length: number, shape: readonly number[]): Value => {
    const positions = rows.graph.constant({ shape: [1, length], data: Float32Array.from({ length }, (_, i) => i) });
    const end = (k: number) => slice(rows, { starts: [k], ends: [k + 1], axes: [1] });
    return reshape(mul(greaterEqual(positions, end(first)), greater(end(first + 1), positions)), [batch, ...shape]);
  };
  return sub(1, mul(inside(0, H, [H, 1]), inside(2, W, [1, W])));
}
