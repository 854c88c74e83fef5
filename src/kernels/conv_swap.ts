// conv_swap.ts: convolutions as implicit matrix products whose rows the lanes of a quad swap (shaders/conv2d_swap.wgsl), for
// software adapters with subgroups of four.

import type { ConvAttrs, ConvSizes } from './conv.ts';
import { geometry } from './conv_params.ts';
import { heldEpilogueText } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import { fastestBlocks, PRODUCT_FORMS, swapPointwise } from './matmul_swap.ts';
import { divisible } from './shape.ts';
import { sliceUniforms } from './slice.ts';
import type { Kernel, KernelContext } from './types.ts';

/**
 * What is computed beyond the ends, as a share, up to which it pays: for 20 filters (0.6) it takes two thirds of the time of the
 * other kernels, for 8 (1) the same, for 4 a quarter more.
 */
const MOST_WASTE = 0.8;

/** The variant where it runs and pays, else none. */
export function swapConv(context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] {
  // With few channels, gathering rows that lie in line anyway takes up to a quarter longer.
  const pointwise = swapPointwise(context, sizes);
  return pointwise.length > 0 ? pointwise : gathered(context, sizes);
}

function gathered(context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] {
  const { attrs, device } = context;
  const { N, H, W, C, P, Q, K, R, S } = sizes;
  const runs = device.kind === 'software' && device.subgroups && attrs.groups === 1;
  if (!runs || !divisible(C, 2) || !divisible(K, 4)) return [];
  const pixels = N * P * Q;
  const { laneRows, workgroups, computed } = fastestBlocks(PRODUCT_FORMS, pixels, K);
  if (computed > (1 + MOST_WASTE) * pixels * K) return [];
  if (workgroups.some((count) => count > device.maxWorkgroupsPerDimension)) return [];
  return [
    {
      variant: 'swap',
      shader: 'conv2d_swap',
      text: { LANE_ROWS: laneRows, ...heldEpilogueText(context, 4), ...storedText(context, 1, 'w', 4) },
      uniforms: {
        ...geometry(attrs),
        pixels,
        H,
        W,
        P,
        Q,
        S,
        taps: R * S,
        pairs: C / 2,
        columns: K / 4,
        ...sliceUniforms(context.slice, K, 4),
      },
      workgroups,
    },
  ];
}
