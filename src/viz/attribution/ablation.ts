// ablation.ts: what the score loses when one feature after another is taken away: f(x) - f(x without feature i).

import type { Method } from './method.ts';
import { featureAttribution, PictureGames, pictureGameOptions } from './pictureGame.ts';

const FALLBACK = { grid: 7, baseline: 0 } as const;

const options = pictureGameOptions(FALLBACK, FALLBACK.baseline);

export const featureAblation: Method<typeof options> = {
  title: 'Feature ablation',
  description: 'what the score loses when a feature is taken away, one at a time',
  source: 'Zeiler & Fergus 2013, section 4.2, https://arxiv.org/abs/1311.2901',
  family: 'perturbation',
  takesLayer: false,
  options,
  async prepare(context, given = {}) {
    const games = await PictureGames.create(context, given, FALLBACK, (players) => players + 2);
    return {
      attribute(request) {
        const start = performance.now();
        const { target, signal, progress } = request;
        return games.play(request, async (game) => {
          const { players } = game;
          // All features, then each of them absent, then nothing.
          const total = players + 2;
          const scores = new Float64Array(total);
          let done = 0;
          await game.play(
            total,
            (k, row) => {
              if (k <= players) row.fill(1);
              if (k > 0 && k <= players) row[k - 1] = 0;
            },
            (part, first) => {
              scores.set(part, first);
              done = first + part.length;
              progress?.(done, total);
            },
            signal,
          );
          if (done < total) signal?.throwIfAborted();
          const [full, empty] = [scores[0], scores[total - 1]];
          const values = scores.subarray(1, players + 1).map((score) => full - score);
          const estimate = { values, empty, full, evaluations: total };
          return featureAttribution({ method: 'feature-ablation', context, target, start }, game, estimate);
        });
      },
      dispose: () => games.dispose(),
    };
  },
};
