// draw.ts: seeded contents for the rows of the op table.

import { sizeOf } from '../../src/kernels/shape.ts';
import type { Case } from '../cases/types.ts';

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Contents of a row's inputs, float32 exactly, the same at every call. */
export function drawInputs(row: Case): Float32Array[] {
  const next = randomNumbers(row.inputs.length + 1);
  const [low, high] = row.range ?? [-1, 1];
  // Distinct values over all inputs: half-odd multiples of a step, none of them 0 and no two equal.
  const total = row.inputs.reduce((sum, shape) => sum + sizeOf(shape), 0);
  const order = Array.from({ length: total }, (_, i) => i);
  for (let i = total - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  let taken = 0;
  return row.inputs.map((shape, k) => {
    const given = row.data?.[k];
    if (given) return Float32Array.from(given);
    return Float32Array.from({ length: sizeOf(shape) }, () => {
      const share = row.distinct ? (order[taken++] + 0.5) / total : next();
      return low + (high - low) * share;
    });
  });
}
