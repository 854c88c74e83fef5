// shapley.ts: Shapley values of the features of a picture: the one way to share f(all) - f(nobody) among them that is
// efficient, symmetric, linear, and gives nothing to a feature that changes nothing (Shapley 1953).

import type { Method } from './method.ts';
import { choice, count, optional, real, withDefaults } from './options.ts';
import { featureAttribution, type PictureGame, PictureGames, pictureGameOptions } from './pictureGame.ts';
import { checkExact, exactShapley } from './shapley/exact.ts';
import type { Estimate, Watching } from './shapley/game.ts';
import { halvedGrid, mergedRegions } from './shapley/hierarchy.ts';
import { kernelShapley } from './shapley/kernel.ts';
import { partitionShapley } from './shapley/partition.ts';
import { permutationShapley } from './shapley/permutation.ts';
import { completeness } from './traced.ts';

export const estimators = ['exact', 'permutation', 'kernel', 'partition'] as const;

const FALLBACK = { grid: 7, baseline: 0 } as const;

const options = {
  estimator: choice(
    estimators,
    'permutation',
    'all subsets of at most 20 features; random orders; regression on random subsets; Owen values by halves',
  ),
  budget: count(1000, 'most evaluations of the network', 2),
  tolerance: optional(real(0, 'end once no standard error is larger than this', 0)),
  ...pictureGameOptions(FALLBACK, FALLBACK.baseline),
};

/** Partition values are asked for a few coalitions at a time. */
const PARTITION_PART = 32;

export const shapley: Method<typeof options> = {
  title: 'Shapley values',
  description: "each feature's mean contribution over all orders in which features could appear",
  source: 'Shapley 1953; Lundberg & Lee 2017, https://arxiv.org/abs/1705.07874',
  family: 'perturbation',
  takesLayer: false,
  options,
  async prepare(context, given = {}) {
    const { estimator, budget, tolerance } = withDefaults(options, given);
    const { seed } = context;
    const games = await PictureGames.create(context, given, FALLBACK, (players) => {
      if (estimator === 'exact') checkExact(players);
      return estimator === 'exact' ? 2 ** players : estimator === 'partition' ? PARTITION_PART : budget;
    });
    const estimate = (game: PictureGame, input: Float32Array, watch: Watching): Promise<Estimate> => {
      if (estimator === 'exact') return exactShapley(game, watch);
      if (estimator === 'permutation') return permutationShapley(game, { budget, tolerance, seed }, watch);
      if (estimator === 'kernel') return kernelShapley(game, { budget, tolerance, seed }, watch);
      const { features } = game;
      const hierarchy = features.cells ? halvedGrid(features.cells) : mergedRegions(features, input, context.size[1]);
      return partitionShapley(game, hierarchy, { budget }, watch);
    };
    return {
      attribute(request) {
        const start = performance.now();
        const { input, target, signal, progress } = request;
        return games.play(request, async (game) => {
          const describe = (each: Estimate) => {
            const result = featureAttribution({ method: 'shapley', context, target, start }, game, each, {
              ...(estimator === 'permutation' || estimator === 'kernel' ? { seed: seed ?? 0 } : {}),
            });
            return { ...result, delta: completeness(result.values, each.full, each.empty) };
          };
          return describe(
            await estimate(game, input, {
              signal,
              report: (done, total, soFar) => progress?.(done, total, soFar && (() => describe(soFar()))),
            }),
          );
        });
      },
      dispose: () => games.dispose(),
    };
  },
};
