// close.ts: compares tensors. uvu's assert.equal is quadratic on long arrays and shows no worst element; this does.

interface Tolerance {
  /** Allowed error as a share of the largest magnitude in `expected`. */
  relative?: number;
  /** Allowed error as such; the two allowances add. */
  absolute?: number;
}

/** Throws unless every |actual[i] - expected[i]| <= absolute + relative * max|expected|. A NaN anywhere fails. */
export function close(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { relative = 0, absolute = 0 }: Tolerance,
  label: string,
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${label}: ${actual.length} values, expected ${expected.length}`);
  }
  let magnitude = 0;
  let worst = 0;
  let worstError = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Number.isNaN(actual[i]) || Number.isNaN(expected[i])) {
      throw new Error(`${label}: NaN at index ${i}: actual ${actual[i]}, expected ${expected[i]}`);
    }
    const error = actual[i] === expected[i] ? 0 : Math.abs(actual[i] - expected[i]); // equal infinities agree
    if (error > worstError) [worst, worstError] = [i, error];
    if (Number.isFinite(expected[i])) magnitude = Math.max(magnitude, Math.abs(expected[i]));
  }
  const allowed = absolute + relative * magnitude;
  if (worstError <= allowed) return;
  const share = magnitude > 0 ? worstError / magnitude : Number.POSITIVE_INFINITY;
  throw new Error(
    `${label}: worst at index ${worst} of ${expected.length}: actual ${actual[worst]}, expected ${expected[worst]}, ` +
      `error ${worstError.toPrecision(3)} (${share.toPrecision(3)} of the largest magnitude), allowed ${allowed.toPrecision(3)}`,
  );
}
