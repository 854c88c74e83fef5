// half.ts: what storing numbers in halves makes of them.

import { halvesBytes } from '../half.ts';
import { roundToHalf } from '../half_values.ts';
import type { CostsOf, ReferencesOf } from '../index.ts';
import { sizeOf } from '../shape.ts';

export const references: ReferencesOf<'toHalf'> = {
  toHalf: ([x]) => Float64Array.from(roundToHalf(x.data)),
};

export const costs: CostsOf<'toHalf'> = {
  toHalf: ([x]) => ({ flops: 0, bytes: 4 * sizeOf(x) + halvesBytes(sizeOf(x)), terms: 1 }),
};
