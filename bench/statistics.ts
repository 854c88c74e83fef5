// statistics.ts: what becomes of samples and results: medians and quartiles, errors, means of ratios.

import { quantile } from '../src/engine/statistics.ts';

export interface Spread {
  readonly median: number;
  /** The quartiles. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

export function spreadOf(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    low: quantile(sorted, 0.25),
    high: quantile(sorted, 0.75),
    count: sorted.length,
  };
}

/** |a - b| / |b| in the Euclidean norm; infinite where the lengths differ or a number is missing. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    size += b[i] ** 2;
  }
  const error = Math.sqrt(difference) / (Math.sqrt(size) || 1);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}

export const geometricMean = (numbers: readonly number[]): number =>
  Math.exp(numbers.reduce((sum, value) => sum + Math.log(value), 0) / numbers.length);
