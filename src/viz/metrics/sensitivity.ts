// sensitivity.ts: max-sensitivity (Yeh et al. 2019, definition 3): how far the map moves, at most, when the picture moves a
// little: max over x' of |Φ(x') - Φ(x)| / |Φ(x)|, x' uniform in the box of `radius` around x.

import { uniformNumbers } from '../../kernels/random.ts';
import { ModelError } from '../../models/error.ts';
import { count, real, withDefaults } from '../attribution/options.ts';
import type { Metric } from './metric.ts';
import { spreadOf } from './ranking.ts';

const STREAM = 80;

/** The paper's radius is in units of pictures in 0..1; as a share of the input's range it means the same for all networks. */
const options = {
  samples: count(4, 'pictures near the picture'),
  radius: real(0.02, 'largest change of a number, as a share of largest - smallest input', 0),
};

export const sensitivity: Metric<typeof options> = {
  title: 'Max-sensitivity',
  description: 'largest relative change of the map among pictures near the picture; each costs one more map',
  source: 'Yeh et al. 2019, https://arxiv.org/abs/1901.09392',
  better: 'lower',
  options,
  async measure(_, { context, input, target, attribution, attributor }, given, { signal, progress } = {}) {
    if (!attributor)
      throw new ModelError('max-sensitivity makes further maps. Give the attributor that made this one.');
    const began = performance.now();
    const { samples, radius } = withDefaults(options, given);
    const { seed = 0 } = context;
    const reach = radius * spreadOf(input);
    const { values } = attribution;
    const size = norm(values, () => 0);
    let [largest, evaluations] = [0, 0];
    for (let k = 0; k < samples; k++) {
      signal?.throwIfAborted();
      const shift = uniformNumbers(input.length, { seed, stream: STREAM }, k);
      const near = input.map((value, i) => value + reach * (2 * shift[i] - 1));
      const moved = await attributor.attribute({ input: near, target, signal });
      signal?.throwIfAborted(); // methods that estimate end early without a word
      if (moved.values.length !== values.length) {
        throw new ModelError(
          `${attribution.method} cuts a picture near this one into other features, so its maps cannot be compared. Fix its features by a grid or a mask.`,
        );
      }
      evaluations += moved.evaluations;
      largest = Math.max(
        largest,
        norm(moved.values, (i) => values[i]),
      );
      progress?.(k + 1, samples);
    }
    // A map of zeros that stays one is not sensitive.
    return { value: largest === 0 ? 0 : largest / size, evaluations, millis: performance.now() - began };
  },
};

/** Euclidean length of a - b. */
function norm(a: ArrayLike<number>, b: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b(i)) ** 2;
  return Math.sqrt(sum);
}
