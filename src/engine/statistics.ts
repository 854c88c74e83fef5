// statistics.ts: what becomes of several measurements of the same thing.

/** The q-quantile of ascending numbers, interpolated between neighbours; NaN of none. */
export function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (at - Math.floor(at)) * (above - below);
}

/** Of numbers in any order; NaN of none. */
export const median = (samples: readonly number[]): number =>
  quantile(
    [...samples].sort((a, b) => a - b),
    0.5,
  );
