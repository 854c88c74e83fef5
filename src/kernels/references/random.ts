// random.ts: the meaning of random numbers, the same as the kernels draw.

import type { CostsOf, ReferencesOf } from '../index.ts';
import { CHOICE_NUMBERS, normal, type RandomAttrs, randomWord, unitInterval } from '../random.ts';
import { sizeOf } from '../shape.ts';
import type { CostOf, Reference } from '../types.ts';

const drawn =
  (number: (word: number) => number): Reference<RandomAttrs> =>
  ([step], attrs, output) =>
    Float64Array.from({ length: sizeOf(output) }, (_, i) => number(randomWord(i, step.data[0], attrs)));

export const references = {
  randomUniform: drawn(unitInterval),
  randomNormal: drawn(normal),

  randomAffine: ([step, table], attrs) => {
    const rows = table.shape[0];
    const y = new Float64Array(6 * attrs.batch);
    for (let n = 0; n < attrs.batch; n++) {
      let [a, b, t, c, d, u] = [1, 0, 0, 0, 1, 0];
      for (let first = 0; first < rows; ) {
        const choices = table.data[first * CHOICE_NUMBERS];
        // The word of a group is numbered by the group's first row.
        const bits = randomWord(n * rows + first, step.data[0], attrs) >>> 16;
        const at = (first + ((bits * choices) >>> 16)) * CHOICE_NUMBERS;
        const [e, f, v, g, h, w] = table.data.subarray(at + 1, at + CHOICE_NUMBERS);
        [a, b, t, c, d, u] = [
          a * e + b * g,
          a * f + b * h,
          a * v + b * w + t,
          c * e + d * g,
          c * f + d * h,
          c * v + d * w + u,
        ];
        first += choices;
      }
      y.set([a, b, t, c, d, u], 6 * n);
    }
    return y;
  },
} satisfies ReferencesOf<'randomUniform' | 'randomNormal' | 'randomAffine'>;

/** Integer operations of a hash. */
const HASH_FLOPS = 36;
const NORMAL_FLOPS = 45;

/** Coefficients of its polynomials. */
const NORMAL_TERMS = 9;

const drawCost =
  (flops: number, terms: number): CostOf<RandomAttrs> =>
  (_, __, output) => ({ flops: sizeOf(output) * (HASH_FLOPS / 4 + flops), bytes: 4 * sizeOf(output), terms });

export const costs = {
  randomUniform: drawCost(2, 1),
  randomNormal: drawCost(NORMAL_FLOPS, NORMAL_TERMS),

  randomAffine: ([, table], { batch }) => ({
    flops: batch * table[0] * (HASH_FLOPS + 18),
    bytes: 4 * (sizeOf(table) + 6 * batch),
    terms: 3 * table[0],
  }),
} satisfies CostsOf<'randomUniform' | 'randomNormal' | 'randomAffine'>;
