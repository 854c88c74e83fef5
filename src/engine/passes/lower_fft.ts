// lower_fft.ts: Fourier transforms as chains of stages, one dispatch for each factor of the size.

import {
  BUTTERFLY_RADICES,
  fftAsStage,
  type FftAttrs,
  type FftStageAttrs,
  irfftAsStage,
  type IrfftAttrs,
  rfftAsStage,
  type RfftAttrs,
} from '../../kernels/fft.ts';
import { apply, type Value } from '../graph.ts';
import type { Lowering } from '../rewrite.ts';

export const fftLowerings: { readonly [K in 'fft' | 'rfft' | 'irfft']: Lowering } = {
  fft: (node, inputs) => fftStages(inputs, fftAsStage(inputs[0].shape, node.attrs as FftAttrs), node.label),
  rfft: (node, inputs) => fftStages(inputs, rfftAsStage(inputs[0].shape, node.attrs as RfftAttrs), node.label),
  irfft: (node, inputs) => fftStages(inputs, irfftAsStage(inputs[0].shape, node.attrs as IrfftAttrs), node.label),
};

/** Factors of n, each one dispatch: first those with a butterfly, as few as will do, then the primes that are left. */
export function fftRadices(n: number): number[] {
  const radices: number[] = [];
  let rest = n;
  const take = (radix: number) => {
    radices.push(radix);
    rest /= radix;
  };
  for (const radix of [7, 5, 3]) while (rest % radix === 0) take(radix);
  let twos = 0;
  for (; rest % 2 === 0; rest /= 2) twos++;
  radices.push(...powersOfTwo(twos));
  for (let prime = 11; rest > 1; prime += 2) while (rest % prime === 0) take(prime);
  return radices;
}

/** 2^twos as a product of 8, 4 and 2 with the fewest factors, evenly sized. */
function powersOfTwo(twos: number): number[] {
  const count = Math.ceil(twos / 3);
  return Array.from({ length: count }, (_, i) => 2 ** (Math.floor(twos / count) + (i < twos % count ? 1 : 0)));
}

/** One transform as a chain of stages: the first reads what the op reads, the last writes what it writes. */
function fftStages([x, roots]: readonly Value[], attrs: FftStageAttrs, label?: string): Value | undefined {
  const radices = fftRadices(attrs.size);
  if (radices.length === 0 || (radices.length === 1 && !BUTTERFLY_RADICES.includes(radices[0]))) return undefined;
  let y = x;
  let done = 1;
  radices.forEach((radix, i) => {
    const last = i === radices.length - 1;
    y = apply(
      'fftStage',
      [y, roots],
      {
        ...attrs,
        radix,
        done,
        load: i === 0 ? attrs.load : 'complex',
        store: last ? attrs.store : 'complex',
        scale: last ? attrs.scale : 1,
      },
      last ? label : undefined,
    );
    done *= radix;
  });
  return y;
}
