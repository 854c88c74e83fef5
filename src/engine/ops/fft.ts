// fft.ts: Fourier transforms of complex arrays (last axis: re, im) and of pictures.

import { halfSize, rootsOfUnity } from '../../kernels/fft.ts';
import { normalizeAxis, showShape } from '../../kernels/shape.ts';
import { OpError } from '../../kernels/types.ts';
import type { Value } from '../graph.ts';
import * as definitions from '../../kernels/fft.ts';
import { applying } from '../extra.ts';
import { fftRules } from '../rules/fft.ts';
import { fftLowerings } from '../passes/lower_fft.ts';

const apply = /* @__PURE__ */ applying({
  ops: { fft: definitions.fft, rfft: definitions.rfft, irfft: definitions.irfft, fftStage: definitions.fftStage },
  rules: () => fftRules,
  lowerings: () => fftLowerings,
});

export interface FftOptions {
  /** Sign of the exponent: minus forward (default), plus inverse. */
  readonly inverse?: boolean;
  /** Factor on the result; 1 by default, also for the inverse. */
  readonly scale?: number;
  readonly label?: string;
}

export interface RealFftOptions {
  readonly scale?: number;
  /** Factor on columns that stand for a conjugate pair. NumPy's transforms have 1 in `rfft`, 2 in `irfft`. */
  readonly interior?: number;
  readonly label?: string;
}

/** Complex transform along an axis, unnormalized. x: [.., n, .., 2] -> the same shape. */
export function fft(x: Value, axis: number, { inverse = false, scale = 1, label }: FftOptions = {}): Value {
  const at = normalizeAxis('fft', axis, x.shape.length - 1);
  return apply('fft', [x, x.graph.constant(rootsOfUnity(x.shape[at]))], { axis: at, inverse, scale }, label);
}

/** Half spectrum of a real array along an axis, unnormalized. x: [.., n, ..] -> [.., floor(n/2)+1, .., 2]. */
export function rfft(x: Value, axis: number, { scale = 1, interior = 1, label }: RealFftOptions = {}): Value {
  const at = normalizeAxis('rfft', axis, x.shape.length);
  return apply('rfft', [x, x.graph.constant(rootsOfUnity(x.shape[at]))], { axis: at, scale, interior }, label);
}

/** The real array of a half spectrum, unnormalized. x: [.., floor(size/2)+1, .., 2] -> [.., size, ..]. */
export function irfft(x: Value, axis: number, size: number, options: RealFftOptions = {}): Value {
  const { scale = 1, interior = 2, label } = options;
  const at = normalizeAxis('irfft', axis, x.shape.length - 1);
  return apply('irfft', [x, x.graph.constant(rootsOfUnity(size))], { axis: at, size, scale, interior }, label);
}

/** `numpy.fft.rfft2` over H and W. image: [N,H,W,C] -> [N, H, floor(W/2)+1, C, 2]. */
export function rfft2(image: Value, label?: string): Value {
  if (image.shape.length !== 4) throw new OpError(`rfft2: the image is ${showShape(image.shape)}, expected [N,H,W,C].`);
  return fft(rfft(image, 2), 1, { label });
}

/**
 * `numpy.fft.irfft2` over H and W, which divides by H W and ignores what a Hermitian spectrum cannot hold.
 * spectrum: [N, H, floor(W/2)+1, C, 2] -> [N, H, W, C]; `width` is W, which the spectrum alone leaves open.
 */
export function irfft2(spectrum: Value, width: number, label?: string): Value {
  const { shape } = spectrum;
  if (shape.length !== 5 || shape[4] !== 2 || shape[2] !== halfSize(width)) {
    throw new OpError(
      `irfft2: the spectrum is ${showShape(shape)}; for W = ${width} it is [N,H,${halfSize(width)},C,2].`,
    );
  }
  return irfft(fft(spectrum, 1, { inverse: true }), 2, width, { scale: 1 / (shape[1] * width), label });
}
