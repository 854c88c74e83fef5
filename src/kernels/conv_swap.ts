// conv_swap.ts: convolutions as implicit matrix products whose rows the lanes of a quad swap (shaders/conv2d_swap.wgsl), for
// software adapters with subgroups of four.

import type { ConvAttrs, ConvSizes } from './conv.ts';
import { geometry } from './conv_params.ts';
import { heldEpilogueText } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import { swapPointwise } from './matmul_swap.ts';
import { convBlocks } from './quad_blocks.ts';
import { sliceUniforms } from './slice.ts';
import type { Kernel, KernelContext } from './types.ts';

/** The variant where it runs and pays, else none. */
export function swapConv(context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] {
  // With few channels, gathering rows that lie in line anyway takes up to a quarter longer.
  const pointwise = swapPointwise(context, sizes);
  return pointwise.length > 0 ? pointwise : gathered(context, sizes);
}

function gathered(context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] {
  const { attrs, device } = context;
  const { N, H, W, C, P, Q, K, R, S } = sizes;
  const pixels = N * P * Q;
  const blocks = attrs.groups === 1 ? convBlocks(device, pixels, C, K) : undefined;
  if (!blocks || blocks.workgroups.some((count) => count > device.maxWorkgroupsPerDimension)) return [];
  const { laneRows, workgroups } = blocks;
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
