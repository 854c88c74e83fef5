// principal.ts: the direction along which rows of numbers are longest.

import { normalNumbers } from '../../kernels/random.ts';

/** Directions whose lengths differ by a thousandth are still told apart; alike ones are as good as each other. */
const ROUNDS = 10_000;
const TOLERANCE = 1e-14;

/**
 * The first right singular vector of rows: [n, K] (not centred), or zeros for rows of zeros, by power iteration on the
 * Gram matrix of the rows or the columns, whichever is smaller. Its sign, which nothing determines, is the one that makes
 * the projections sum to more than 0.
 */
export function principalDirection(rows: Float32Array, K: number): Float64Array {
  const n = rows.length / K;
  const byRows = n < K;
  const longest = iterate(gramMatrix(rows, K, byRows), byRows ? n : K);
  const direction = byRows ? normalized(combination(rows, K, longest)) : longest;
  const sums = combination(rows, K, new Float64Array(n).fill(1));
  return dot(direction, sums) < 0 ? direction.map((value) => -value) : direction;
}

/** Products of all rows [n,n], or of all columns [K,K]. */
function gramMatrix(rows: Float32Array, K: number, byRows: boolean): Float64Array {
  const n = rows.length / K;
  const [size, terms] = byRows ? [n, K] : [K, n];
  const [along, across] = byRows ? [1, K] : [K, 1];
  const gram = new Float64Array(size * size);
  for (let term = 0; term < terms; term++) {
    for (let a = 0; a < size; a++) {
      const value = rows[term * along + a * across];
      if (value === 0) continue; // behind a ReLU most are
      for (let b = 0; b < size; b++) gram[a * size + b] += value * rows[term * along + b * across];
    }
  }
  return gram;
}

/** The eigenvector of the largest eigenvalue. */
function iterate(gram: Float64Array, size: number): Float64Array {
  // A vector drawn at random is at no right angle to what is sought, as the sum of the rows would be where they cancel.
  let direction = normalized(Float64Array.from(normalNumbers(size, { seed: 0, stream: 0 })));
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Float64Array(size);
    for (let a = 0; a < size; a++) for (let b = 0; b < size; b++) next[a] += gram[a * size + b] * direction[b];
    const turned = normalized(next);
    const moved = turned.reduce((most, value, k) => Math.max(most, Math.abs(value - direction[k])), 0);
    direction = turned;
    if (moved < TOLERANCE) break;
  }
  return direction;
}

/** Σ_i weights[i] row_i */
function combination(rows: Float32Array, K: number, weights: Float64Array): Float64Array {
  const total = new Float64Array(K);
  weights.forEach((weight, row) => {
    for (let k = 0; k < K; k++) total[k] += weight * rows[row * K + k];
  });
  return total;
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, k) => sum + value * b[k], 0);

/** At length 1; zeros stay. */
function normalized(vector: Float64Array): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  return length > 0 ? vector.map((value) => value / length) : vector;
}
