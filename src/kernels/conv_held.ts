// conv_held.ts: convolutions whose filters fit into registers (shaders/conv2d_held.wgsl), as those of a first layer do, for
// software adapters with subgroups of four.

import type { ConvAttrs, ConvSizes } from './conv.ts';
import { geometry, MOST_TERMS } from './conv_params.ts';
import { heldEpilogueText } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import { sliceUniforms } from './slice.ts';
import type { Kernel, KernelContext } from './types.ts';

/** Filters that a quad computes together. */
const FILTERS = 16;

/** Filters computed in vain, as a share, up to which it pays. */
const MOST_WASTE = 1;

/**
 * Whether it is taken unmeasured. Every number of terms is a pipeline of its own, some 300 ms of compiling, while the
 * kernels for multiples of four channels serve many layers: these it replaces only where there are many pixels.
 */
export const prefersHeld = ({ N, P, Q, C, R, S }: ConvSizes): boolean =>
  C % 4 !== 0 || (N * P * Q >= 2048 && R * S * C < MOST_TERMS);

/** The variant where it runs and pays, else none. */
export function heldConv(context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] {
  const { attrs, device } = context;
  const { N, H, W, C, P, Q, K, R, S } = sizes;
  const terms = R * S * C;
  const runs = device.kind === 'software' && device.subgroups && attrs.groups === 1 && K % 4 === 0;
  const blocks = Math.ceil(K / FILTERS);
  const pays = terms <= MOST_TERMS && blocks * FILTERS <= (1 + MOST_WASTE) * K;
  if (!runs || !pays || attrs.dilations[1] !== 1) return [];
  const rows = N * P;
  const folds = Math.ceil(rows / device.maxWorkgroupsPerDimension);
  const { stride_h, dilation_h, top } = geometry(attrs);
  return [
    {
      variant: 'held',
      shader: 'conv2d_held',
      text: {
        TERMS: terms,
        ROWS: R,
        ROW_TERMS: S * C,
        ...heldEpilogueText(context, 4),
        ...storedText(context, 1, 'w', 4),
      },
      uniforms: {
        rows,
        H,
        W: W * C,
        P,
        Q,
        columns: K / 4,
        stride_h,
        stride_w: attrs.strides[1] * C,
        dilation_h,
        top,
        left: attrs.pads[1] * C,
        ...sliceUniforms(context.slice, K, 4),
      },
      workgroups: [Math.ceil(rows / folds), blocks, folds],
    },
  ];
}
