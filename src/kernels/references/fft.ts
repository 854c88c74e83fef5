// fft.ts: the meaning of Fourier transforms and their stages, in float64.

import {
  type Ends,
  fftAsStage,
  type FftAttrs,
  type FftLoad,
  type FftStageAttrs,
  type FftStore,
  halfSize,
  irfftAsStage,
  type IrfftAttrs,
  linesOf,
  rfftAsStage,
  type RfftAttrs,
  root,
} from '../fft.ts';
import type { CostsOf, ReferencesOf } from '../index.ts';
import { sizeOf } from '../shape.ts';
import type { Cost, CostOf, NdArray, Reference, Shape } from '../types.ts';

/** True for columns that stand for themselves and their conjugate. */
const isPaired = (k: number, n: number): boolean => k > 0 && 2 * k !== n;

type Transform = (re: Float64Array, im: Float64Array) => [Float64Array, Float64Array];

/** Reads every line as complex numbers, transforms it, writes what `store` asks for. */
function eachLine(
  x: NdArray,
  n: number,
  load: FftLoad,
  store: FftStore,
  ends: Ends,
  transform: Transform,
  output: Shape,
) {
  const { outer, inner } = linesOf(x.shape, n, ends.axis, load);
  const y = new Float64Array(sizeOf(output));
  const half = halfSize(n);
  for (let o = 0; o < outer; o++) {
    for (let c = 0; c < inner; c++) {
      const re = new Float64Array(n);
      const im = new Float64Array(n);
      for (let j = 0; j < n; j++) {
        if (load === 'real') re[j] = x.data[(o * n + j) * inner + c];
        else if (load === 'complex') {
          re[j] = x.data[2 * ((o * n + j) * inner + c)];
          im[j] = x.data[2 * ((o * n + j) * inner + c) + 1];
        } else {
          const k = Math.min(j, n - j);
          const at = 2 * ((o * half + k) * inner + c);
          re[j] = isPaired(k, n) ? (ends.interior / 2) * x.data[at] : x.data[at];
          im[j] = isPaired(k, n) ? (ends.interior / 2) * x.data[at + 1] * (j < half ? 1 : -1) : 0;
        }
      }
      const [a, b] = transform(re, im);
      const count = store === 'half' ? half : n;
      for (let k = 0; k < count; k++) {
        const at = (o * count + k) * inner + c;
        if (store === 'real') y[at] = ends.scale * a[k];
        else {
          const weight = store === 'half' && isPaired(k, n) ? ends.interior : 1;
          y[2 * at] = ends.scale * weight * a[k];
          y[2 * at + 1] = store === 'half' && !isPaired(k, n) ? 0 : ends.scale * weight * b[k];
        }
      }
    }
  }
  return y;
}

/** The definition: n sums of n terms. */
const dft =
  (n: number, inverse: boolean): Transform =>
  (re, im) => {
    const a = new Float64Array(n);
    const b = new Float64Array(n);
    const roots = Array.from({ length: n }, (_, t) => root(inverse ? t : (n - t) % n, n));
    for (let k = 0; k < n; k++) {
      for (let j = 0; j < n; j++) {
        const [cos, sin] = roots[(j * k) % n];
        a[k] += re[j] * cos - im[j] * sin;
        b[k] += re[j] * sin + im[j] * cos;
      }
    }
    return [a, b];
  };

/** One stage: sums of `radix` terms that lie n/radix apart. */
const stage =
  ({ size: n, radix, done, inverse }: FftStageAttrs): Transform =>
  (re, im) => {
    const a = new Float64Array(n);
    const b = new Float64Array(n);
    const groups = n / radix;
    for (let j = 0; j < groups; j++) {
      const k = j % done;
      for (let q = 0; q < radix; q++) {
        const to = (j - k) * radix + k + q * done;
        for (let s = 0; s < radix; s++) {
          const turns = s * (k + q * done) * (groups / done);
          const [cos, sin] = root(inverse ? turns : (n - (turns % n)) % n, n);
          a[to] += re[j + s * groups] * cos - im[j + s * groups] * sin;
          b[to] += re[j + s * groups] * sin + im[j + s * groups] * cos;
        }
      }
    }
    return [a, b];
  };

const whole =
  <A>(asStage: (x: Shape, attrs: A) => FftStageAttrs): Reference<A> =>
  ([x], attrs, output) => {
    const s = asStage(x.shape, attrs);
    return eachLine(x, s.size, s.load, s.store, s, dft(s.size, s.inverse), output);
  };

export const references = {
  fft: whole<FftAttrs>(fftAsStage),
  rfft: whole<RfftAttrs>(rfftAsStage),
  irfft: whole<IrfftAttrs>(irfftAsStage),

  fftStage: ([x], attrs, output) => eachLine(x, attrs.size, attrs.load, attrs.store, attrs, stage(attrs), output),
} satisfies ReferencesOf<'fft' | 'rfft' | 'irfft' | 'fftStage'>;

/** A multiply-add of complex numbers. */
const COMPLEX_FLOPS = 8;

const costOf = (inputs: readonly Shape[], { radix }: FftStageAttrs, output: Shape): Cost => ({
  flops: sizeOf(output) * radix * (COMPLEX_FLOPS / 2),
  bytes: 4 * (inputs.reduce((sum, s) => sum + sizeOf(s), 0) + sizeOf(output)),
  terms: 2 * radix,
});

const wholeCost =
  <A>(asStage: (x: Shape, attrs: A) => FftStageAttrs): CostOf<A> =>
  (inputs, attrs, output) =>
    costOf(inputs, asStage(inputs[0], attrs), output);

export const costs = {
  fft: wholeCost<FftAttrs>(fftAsStage),
  rfft: wholeCost<RfftAttrs>(rfftAsStage),
  irfft: wholeCost<IrfftAttrs>(irfftAsStage),

  fftStage: costOf,
} satisfies CostsOf<'fft' | 'rfft' | 'irfft' | 'fftStage'>;
