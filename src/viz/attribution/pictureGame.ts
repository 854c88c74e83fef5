// pictureGame.ts: the features of a picture as players: a coalition's score is the network's, with all other features absent.

import { makeBaseline } from './baseline.ts';
import { baselineOption, type Baseline } from './baseline.ts';
import {
  chooseFeatures,
  type FeatureChoice,
  type FeatureMap,
  featureOptions,
  featuresOf,
  fixedFeatures,
} from './features.ts';
import type { AttributionRequest } from './method.ts';
import type { Attribution } from './result.ts';
import { Scorer } from './scorer.ts';
import { type Context, inputShape } from './subject.ts';
import type { Estimate, Game } from './shapley/game.ts';

/** Options of all methods on features. */
export const pictureGameOptions = (fallback: FeatureChoice, baseline: Baseline = 0) => ({
  ...featureOptions(fallback),
  baseline: baselineOption(baseline),
});

export interface PictureGame extends Game {
  readonly features: FeatureMap;
}

type Given = FeatureChoice & { readonly baseline?: Baseline };

/** Makes games of pictures. Features that are the same for all pictures keep their program from game to game. */
export class PictureGames {
  private constructor(
    private readonly context: Context,
    private readonly choice: FeatureChoice,
    private readonly baseline: Baseline,
    private readonly wanted: (players: number) => number,
    private fixed?: { readonly features: FeatureMap; readonly scorer: Scorer },
  ) {}

  /**
   * `wanted`: about how many coalitions are scored at a time; throws where so many players are not for the method. `given`
   * are the options as they were given, `fallback` the features and baseline otherwise.
   */
  static async create(
    context: Context,
    given: Given,
    fallback: Required<Pick<Given, 'baseline'>> & FeatureChoice,
    wanted: (players: number) => number,
  ): Promise<PictureGames> {
    const choice = chooseFeatures(given, fallback, context.size);
    const features = fixedFeatures(context, choice);
    const fixed = features && { features, scorer: await Scorer.create(context, wanted(features.count), features) };
    return new PictureGames(context, choice, given.baseline ?? fallback.baseline, wanted, fixed);
  }

  /** Plays with the picture of a request, and frees what belonged to this picture alone. */
  async play<T>(request: AttributionRequest, work: (game: PictureGame) => Promise<T>): Promise<T> {
    const { context, fixed } = this;
    const { input, target } = request;
    const [, H, W, C] = inputShape(context);
    const features = fixed?.features ?? featuresOf(context, this.choice, input);
    const scorer = fixed?.scorer ?? (await Scorer.create(context, this.wanted(features.count), features));
    const picture = { input, baseline: makeBaseline(this.baseline, input, [H, W, C], context.seed), target };
    try {
      return await work({
        features,
        players: features.count,
        play: (count, fill, take, signal) => scorer.stream(picture, count, fill, take, { signal }),
      });
    } finally {
      if (!fixed) scorer.dispose();
    }
  }

  dispose(): void {
    this.fixed?.scorer.dispose();
  }
}

/** What a method says of the values of features. */
export function featureAttribution(
  { method, context, target, start }: { method: string; context: Context; target?: number; start: number },
  { features }: Pick<PictureGame, 'features'>,
  { values, standardErrors, empty, full, evaluations }: Estimate,
  more: Partial<Attribution> = {},
): Attribution {
  return {
    method,
    values: Float32Array.from(values),
    shape: [1, features.count],
    features: features.ids,
    target: context.unit ? undefined : target,
    score: full,
    baselineScore: empty,
    ...(standardErrors && { standardErrors: Float32Array.from(standardErrors) }),
    signed: true,
    evaluations,
    millis: performance.now() - start,
    ...more,
  };
}
