// fft.ts: derivatives of Fourier transforms. They are linear, so a gradient is the transposed transform: the matrix of
// `fft` is symmetric, which as a real map transposes to its conjugate; `rfft` and `irfft` are each other's transposes.

import { fft, irfft, rfft } from '../ops/index.ts';
import { notDifferentiable, type Rule } from './types.ts';

export const fftRules: { fft: Rule<'fft'>; rfft: Rule<'rfft'>; irfft: Rule<'irfft'>; fftStage: Rule<'fftStage'> } = {
  fft: ({ dy, attrs: { axis, inverse, scale } }) => [fft(dy, axis, { inverse: !inverse, scale })],
  rfft: ({ x: [x], dy, attrs: { axis, scale, interior } }) => [irfft(dy, axis, x.shape[axis], { scale, interior })],
  irfft: ({ dy, attrs: { axis, scale, interior } }) => [rfft(dy, axis, { scale, interior })],
  fftStage: /* @__PURE__ */ notDifferentiable('it is made by the lowering pass, after gradients are taken'),
};
