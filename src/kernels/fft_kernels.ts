// fft_kernels.ts: the dispatches of Fourier transforms.

import butterfly from '../../shaders/shared/butterfly.wgsl';
import fftEnds from '../../shaders/shared/fft_ends.wgsl';
import './shared.ts';
import {
  BUTTERFLY_RADICES,
  fftAsStage,
  type FftAttrs,
  type FftStageAttrs,
  halfSize,
  irfftAsStage,
  type IrfftAttrs,
  linesOf,
  rfftAsStage,
  type RfftAttrs,
} from './fft.ts';
import type { KernelsOf } from './index.ts';
import { grid1d } from './shape.ts';
import type { Kernel, KernelContext, Kernels, Shape } from './types.ts';

const WORKGROUP = 64;

function stageKernels(attrs: FftStageAttrs, { inputs, device }: KernelContext<unknown>): Kernel[] {
  const { size: n, radix, done, load, store } = attrs;
  const { outer, inner } = linesOf(inputs[0], n, attrs.axis, load);
  const ends = {
    LOAD_REAL: load === 'real',
    LOAD_HERMITIAN: load === 'hermitian',
    STORE_REAL: store === 'real',
    STORE_HALF: store === 'half',
    X_TYPE: load === 'real' ? 'f32' : 'vec2f',
    Y_TYPE: store === 'real' ? 'f32' : 'vec2f',
  };
  const uniforms = {
    size: n,
    columns: halfSize(n),
    groups: n / radix,
    done,
    inner,
    direction: attrs.inverse ? 1 : -1,
    scale: attrs.scale,
    interior: attrs.interior,
  };
  const rows = store === 'half' ? halfSize(n) : n;
  const plain: Kernel = {
    variant: 'naive',
    shader: 'fft_direct',
    text: { ...ends, DIRECT: true, WORKGROUP },
    uniforms: { ...uniforms, count: outer * rows * inner, radix, rows },
    workgroups: grid1d(outer * rows * inner, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
  if (!BUTTERFLY_RADICES.includes(radix)) return [plain];
  const count = outer * (n / radix) * inner;
  const butterfly: Kernel = {
    variant: 'butterfly',
    shader: 'fft_butterfly',
    text: {
      ...ends,
      DIRECT: false,
      WORKGROUP,
      RADIX: radix,
      ...Object.fromEntries(BUTTERFLY_RADICES.map((r) => [`RADIX_${r}`, r === radix])),
    },
    uniforms: { ...uniforms, count },
    workgroups: grid1d(count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
  return [plain, butterfly];
}

/** The plain sum: what has small factors was made stages. */
const whole =
  <A>(asStage: (x: Shape, attrs: A) => FftStageAttrs): Kernels<A> =>
  (context) =>
    stageKernels(asStage(context.inputs[0], context.attrs), context).slice(0, 1);

export const kernels = {
  fft: whole<FftAttrs>(fftAsStage),
  rfft: whole<RfftAttrs>(rfftAsStage),
  irfft: whole<IrfftAttrs>(irfftAsStage),

  fftStage: (context) => stageKernels(context.attrs, context),
} satisfies KernelsOf<'fft' | 'rfft' | 'irfft' | 'fftStage'>;

export const shaders = {
  fft_direct: () => import('../../shaders/fft_direct.wgsl'),
  fft_butterfly: () => import('../../shaders/fft_butterfly.wgsl'),
};

export const includes = { butterfly, fft_ends: fftEnds };
