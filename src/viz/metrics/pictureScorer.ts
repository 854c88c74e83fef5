// pictureScorer.ts: the scores of many whole pictures in few replays: what every metric asks. Pictures are mixed on the host:
// metrics put other pictures, blurred, imputed or noisy, in place of pixels, and one program then serves them all.

import { compile, type Program } from '../../engine/gpu/program.ts';
import { type Computation, computation, Graph } from '../../engine/graph.ts';
import { ModelError } from '../../models/error.ts';
import { batchFor } from '../attribution/batch.ts';
import { pipelined, type Watch } from '../attribution/pipelined.ts';
import { type Context, inputShape, oneHot, traceSubject } from '../attribution/subject.ts';

/** Two numbers a picture. */
interface PictureScores {
  /** What the attribution explains: the logit or the probability of the class (`Context.scoreKind`), or the unit. */
  readonly explained: Float64Array;
  /** What metrics judge by: the probability of the class, as their papers have it, or the unit. */
  readonly judged: Float64Array;
}

/** Writes picture k, [H,W,C]; what it does not write is undefined. */
type FillPicture = (k: number, picture: Float32Array) => void;

export class PictureScorer {
  private constructor(
    private readonly context: Context,
    private readonly program: Program,
    private readonly batch: number,
  ) {}

  /**
   * `wanted`: about how many pictures a call will bring; decides the batch, with the `share` that it may take of the memory left:
   * less than 1 where the methods that are measured are prepared afterwards.
   */
  static async create(context: Context, wanted: number, share = 1): Promise<PictureScorer> {
    const label = 'scores of pictures';
    const batch = batchFor(context, wanted, (n) => traceScores(context, n), label, share);
    return new PictureScorer(context, await compile(context.device, traceScores(context, batch), { label }), batch);
  }

  /** Scores of pictures 0..count-1. Throws the signal's reason where it comes. */
  async score(
    target: number | undefined,
    count: number,
    fill: FillPicture,
    { signal, progress }: Watch = {},
  ): Promise<PictureScores> {
    const { context, program, batch } = this;
    const { model, unit, scoreKind } = context;
    if (!unit) checkTarget(model.classes, target);
    const length = inputShape(context).reduce((a, b) => a * b, 1);
    const x = new Float32Array(batch * length);
    const [explained, judged] = [new Float64Array(count), new Float64Array(count)];
    const used = (replay: number) => Math.min(batch, count - replay * batch);
    const replays = await pipelined(
      Math.ceil(count / batch),
      async (replay) => {
        for (let i = 0; i < used(replay); i++) fill(replay * batch + i, x.subarray(i * length, (i + 1) * length));
        return (await program.evaluate({ x }, ['scores'])).scores;
      },
      { signal, progress },
    );
    signal?.throwIfAborted();
    for (const [replay, scores] of replays.entries()) {
      for (let i = 0; i < used(replay); i++) {
        const at = replay * batch + i;
        if (unit) {
          explained[at] = judged[at] = scores[i];
          continue;
        }
        const logits = scores.subarray(i * model.classes, (i + 1) * model.classes);
        judged[at] = probability(logits, target as number);
        explained[at] = scoreKind === 'prob' ? judged[at] : logits[target as number];
      }
    }
    return { explained, judged };
  }

  dispose(): void {
    this.program.dispose();
  }
}

/** Throws where there is no such class. */
function checkTarget(classes: number, target: number | undefined): void {
  if (target === undefined) throw new ModelError('no class is named. Give the class whose map is to be measured.');
  oneHot(classes, target);
}

/** Softmax of one of the logits, from float64: small probabilities of a thousand classes keep their digits. */
function probability(logits: ArrayLike<number>, target: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < logits.length; k++) largest = Math.max(largest, logits[k]);
  let total = 0;
  for (let k = 0; k < logits.length; k++) total += Math.exp(logits[k] - largest);
  return Math.exp(logits[target] - largest) / total;
}

/** All logits are read, so that both scores come from one program; of a unit, its value. */
function traceScores(context: Context, batch: number): Computation {
  const { model, unit } = context;
  const x = new Graph().input('x', inputShape(context, batch));
  if (unit) return computation({ scores: traceSubject({ ...context, layer: undefined }, x).scores });
  const { output } = model.trace(x);
  if (output.shape.length === 2) return computation({ scores: output });
  throw new ModelError(
    `the output of "${model.name}" is [${output.shape.join(',')}], no list of classes. Measure maps of a unit: layer:channel.`,
  );
}
