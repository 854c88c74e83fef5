// fft.ts: rows for Fourier transforms: every butterfly, primes without one, odd and even sizes, each end of a chain.

import { type FftStageAttrs, rootsOfUnity } from '../../src/kernels/fft.ts';
import { apply } from '../../src/engine/graph.ts';
import { fft, irfft, irfft2, rfft, rfft2 } from '../../src/engine/ops/index.ts';
import type { Case } from './types.ts';

const sizes = [1, 2, 3, 4, 5, 7, 8, 12, 13, 15, 16];

/** A stage in the middle of a transform: 3 * radix * 2 points, 3 done. */
const stage = (radix: number, extra: Partial<FftStageAttrs> = {}): Case => {
  const attrs: FftStageAttrs = {
    axis: 1,
    inverse: radix % 2 === 0,
    interior: 2,
    scale: 0.5,
    size: 6 * radix,
    radix,
    done: 3,
    load: 'complex',
    store: 'complex',
    ...extra,
  };
  const entries = attrs.load === 'hermitian' ? 3 * radix + 1 : 6 * radix;
  return {
    op: 'fftStage',
    name: `radix ${radix}, ${attrs.load} to ${attrs.store}`,
    inputs: [attrs.load === 'real' ? [2, entries, 3] : [2, entries, 3, 2]],
    wrt: [],
    build: ([x]) => apply('fftStage', [x, x.graph.constant(rootsOfUnity(attrs.size))], attrs),
  };
};

export const fftCases: readonly Case[] = [
  ...sizes.map((n): Case => ({ op: 'fft', name: `size ${n}`, inputs: [[2, n, 3, 2]], build: ([x]) => fft(x, 1) })),
  { op: 'fft', name: 'inverse, innermost axis', inputs: [[3, 10, 2]], build: ([x]) => fft(x, -1, { inverse: true }) },
  { op: 'fft', name: 'outermost axis', inputs: [[6, 5, 2]], build: ([x]) => fft(x, 0, { scale: 1 / 6 }) },
  ...sizes.map((n): Case => ({ op: 'rfft', name: `size ${n}`, inputs: [[2, n, 3]], build: ([x]) => rfft(x, 1) })),
  ...sizes.map(
    (n): Case => ({
      op: 'irfft',
      name: `size ${n}`,
      inputs: [[2, Math.floor(n / 2) + 1, 3, 2]],
      build: ([x]) => irfft(x, 1, n, { scale: 1 / n }),
    }),
  ),
  { op: 'rfft', name: 'rfft2, odd width', inputs: [[2, 6, 5, 3]], build: ([x]) => rfft2(x) },
  { op: 'irfft', name: 'irfft2, odd width', inputs: [[1, 4, 4, 3, 2]], build: ([x]) => irfft2(x, 7) },
  { op: 'irfft', name: 'irfft2, even width', inputs: [[1, 5, 5, 2, 2]], build: ([x]) => irfft2(x, 8) },
  ...[2, 3, 4, 5, 7, 8, 11].map((radix) => stage(radix)),
  stage(4, { load: 'real', store: 'half' }),
  stage(4, { load: 'hermitian', store: 'real' }),
];
