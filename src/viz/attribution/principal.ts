// principal.ts: the direction along which rows of numbers are longest.

const ROUNDS = 500;
const TOLERANCE = 1e-12;

/**
 * The first right singular vector of rows: [n, K] (not centred), by power iteration on its Gram matrix, or of zeros for
 * rows of zeros. Its sign, which nothing determines, is the one that makes the projections sum to more than 0.
 */
export function principalDirection(rows: Float32Array, K: number): Float64Array {
  const n = rows.length / K;
  const gram = new Float64Array(K * K);
  const sums = new Float64Array(K);
  for (let row = 0; row < n; row++) {
    const from = row * K;
    for (let a = 0; a < K; a++) {
      const value = rows[from + a];
      sums[a] += value;
      if (value === 0) continue; // behind a ReLU most are
      for (let b = 0; b < K; b++) gram[a * K + b] += value * rows[from + b];
    }
  }
  // The sum of the rows lies along what they share, and is no right angle to the direction unless the rows cancel.
  let direction = normalized(sums.some((value) => value !== 0) ? sums : new Float64Array(K).fill(1));
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Float64Array(K);
    for (let a = 0; a < K; a++) for (let b = 0; b < K; b++) next[a] += gram[a * K + b] * direction[b];
    if (next.every((value) => value === 0)) return next;
    const turned = normalized(next);
    const moved = turned.reduce((most, value, k) => Math.max(most, Math.abs(value - direction[k])), 0);
    direction = turned;
    if (moved < TOLERANCE) break;
  }
  const along = direction.reduce((sum, value, k) => sum + value * sums[k], 0);
  return along < 0 ? direction.map((value) => -value) : direction;
}

function normalized(vector: Float64Array): Float64Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
