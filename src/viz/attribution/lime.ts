// lime.ts: LIME (Ribeiro et al. 2016, https://arxiv.org/abs/1602.04938): a linear model of the score near the picture: random
// sets of features are present, sets like the whole picture weigh more, a ridge regression gives each feature its slope.

import { randomWord } from '../../kernels/random.ts';
import { ModelError } from '../../models/error.ts';
import { addOuter, Cholesky } from './cholesky.ts';
import type { Method } from './method.ts';
import { choice, count, real, withDefaults } from './options.ts';
import { featureAttribution, PictureGames, pictureGameOptions } from './pictureGame.ts';
import { type Game, stoppedEarly, type Watching } from './shapley/game.ts';

const FALLBACK = { segments: 50, baseline: 'mean' } as const;
const distances = ['cosine', 'l2'] as const;

const options = {
  samples: count(1000, 'random sets of features', 2),
  distance: choice(distances, 'cosine', 'of a set from all features: cosine, or l2 as a share of the largest'),
  kernelWidth: real(0.25, 'width of the weights exp(-(distance/width)²)', 1e-6),
  ridge: real(1, 'penalty on squared slopes', 0),
  ...pictureGameOptions(FALLBACK, FALLBACK.baseline),
};

interface LimeOptions {
  readonly samples: number;
  readonly distance: (typeof distances)[number];
  readonly kernelWidth: number;
  readonly ridge: number;
  readonly seed?: number;
}

interface LimeFit {
  /** Slope of each feature. */
  readonly values: Float64Array;
  readonly standardErrors?: Float64Array;
  readonly intercept: number;
  /** Weighted R²: share of the scores' weighted variance that the linear model explains. */
  readonly rSquared: number;
  readonly empty: number;
  readonly full: number;
  readonly evaluations: number;
}

const STREAM = 43;
/** All and nobody; all of them is a sample of the fit as well, the one of largest weight. */
const ENDS = 2;

const isPresent = (sample: number, feature: number, seed: number): boolean =>
  randomWord(feature, sample, { seed, stream: STREAM }) >= 2 ** 31;

/** Weight of a set of `present` of n features. */
export function limeWeight(present: number, n: number, { distance, kernelWidth }: LimeOptions): number {
  const away = distance === 'cosine' ? 1 - Math.sqrt(present / n) : Math.sqrt((n - present) / n);
  return Math.exp(-((away / kernelWidth) ** 2));
}

/** The fit over a game; ends early, with what there is, at the signal. */
export async function fitLime(
  game: Game,
  limeOptions: LimeOptions,
  {
    signal,
    report,
  }: Omit<Watching, 'report'> & { report?: (done: number, total: number, soFar?: () => LimeFit) => void } = {},
): Promise<LimeFit> {
  const { players: n } = game;
  const { samples, seed = 0 } = limeOptions;
  const total = ENDS + samples;
  const scores = new Float64Array(total);
  let done = 0;
  const fill = (k: number, row: Float32Array): void => {
    if (k === 0) row.fill(1);
    if (k >= ENDS) for (let i = 0; i < n; i++) row[i] = isPresent(k - ENDS, i, seed) ? 1 : 0;
  };
  /** Without the penalty, fewer samples may leave slopes open. */
  const least = ENDS + (limeOptions.ridge > 0 ? 0 : 2 * n);
  const soFar = () => fit(n, fill, scores, done, limeOptions);
  await game.play(
    total,
    fill,
    (part, first) => {
      scores.set(part, first);
      done = first + part.length;
      report?.(done, total, done > least ? soFar : undefined);
    },
    signal,
  );
  if (done <= ENDS) stoppedEarly(signal);
  return soFar();
}

/** Ridge regression with an intercept that is not penalized: everything is taken from its weighted mean first. */
function fit(
  n: number,
  fill: (k: number, row: Float32Array) => void,
  scores: Float64Array,
  done: number,
  limeOptions: LimeOptions,
): LimeFit {
  const [full, empty] = scores;
  const rows = Array.from({ length: done }, (_, k) => k)
    .filter((k) => k !== 1)
    .map((k) => {
      const z = new Float32Array(n);
      fill(k, z);
      const present = z.reduce((sum, value) => sum + value, 0);
      return { z, y: scores[k], weight: limeWeight(present, n, limeOptions) };
    });
  const whole = rows.reduce((sum, { weight }) => sum + weight, 0);
  const meanScore = rows.reduce((sum, { y, weight }) => sum + weight * y, 0) / whole;
  const means = new Float64Array(n);
  for (const { z, weight } of rows) z.forEach((value, i) => void (means[i] += (weight * value) / whole));

  const matrix = new Float64Array(n * n);
  const right = new Float64Array(n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = limeOptions.ridge;
  const centred = rows.map(({ z }) => Float64Array.from(z, (value, i) => value - means[i]));
  for (const [k, { y, weight }] of rows.entries()) {
    addOuter(matrix, centred[k], weight);
    for (let i = 0; i < n; i++) right[i] += weight * (y - meanScore) * centred[k][i];
  }
  const solver = Cholesky.of(matrix, n);
  if (!solver) {
    throw new ModelError(
      `${rows.length - 1} samples do not determine the slopes of ${n} features. Raise --samples, or --ridge above 0.`,
    );
  }
  const values = solver.solve(right);
  const intercept = meanScore - values.reduce((sum, value, i) => sum + value * means[i], 0);

  // Heteroscedasticity-robust errors (White 1980), of the slopes as the ridge has them: each sample's pull on the solution.
  const variances = new Float64Array(n);
  let [left, spread] = [0, 0];
  for (const [k, { z, y, weight }] of rows.entries()) {
    const residual = y - intercept - z.reduce((sum, value, i) => sum + value * values[i], 0);
    left += weight * residual * residual;
    spread += weight * (y - meanScore) ** 2;
    const pull = solver.solve(centred[k]);
    for (let i = 0; i < n; i++) variances[i] += (weight * residual * pull[i]) ** 2;
  }
  const free = rows.length - n - 1;
  return {
    values,
    standardErrors: free > 0 ? variances.map((sum) => Math.sqrt((sum * rows.length) / free)) : undefined,
    intercept,
    rSquared: spread > 0 ? 1 - left / spread : 1,
    empty,
    full,
    evaluations: done,
  };
}

export const lime: Method<typeof options> = {
  title: 'LIME',
  description: 'slopes of a linear model of the score for random sets of features',
  source: 'Ribeiro et al. 2016, https://arxiv.org/abs/1602.04938',
  family: 'perturbation',
  takesLayer: false,
  options,
  async prepare(context, given = {}) {
    const { samples, distance, kernelWidth, ridge } = withDefaults(options, given);
    const seed = context.seed ?? 0;
    const settings: LimeOptions = { samples, distance, kernelWidth, ridge, seed };
    const games = await PictureGames.create(context, given, FALLBACK, () => samples + ENDS);
    return {
      attribute(request) {
        const start = performance.now();
        const { target, signal, progress } = request;
        return games.play(request, async (game) => {
          const describe = (found: LimeFit) =>
            featureAttribution({ method: 'lime', context, target, start }, game, found, {
              seed,
              fit: { intercept: found.intercept, rSquared: found.rSquared },
            });
          return describe(
            await fitLime(game, settings, {
              signal,
              report: (done, all, soFar) => progress?.(done, all, soFar && (() => describe(soFar()))),
            }),
          );
        });
      },
      dispose: () => games.dispose(),
    };
  },
};
