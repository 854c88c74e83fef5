// conv_filter_software.ts: the kernels of the gradient of a convolution without groups with respect to its filters, on software
// adapters: besides those of conv_filter_kernels.ts, rows that quads swap (shaders/conv2d_filter_swap.wgsl).

import './shared.ts';
import { type ConvAttrs, type ConvSizes, filterSizes } from './conv.ts';
import { convFilterKernels, includes, shaders as filterShaders } from './conv_filter_kernels.ts';
import { canUseQuads } from './conv_kernels.ts';
import { geometry, isPointwise } from './conv_params.ts';
import type { KernelsOf } from './index.ts';
import { fastestBlocks } from './quad_blocks.ts';
import { divisible } from './shape.ts';
import type { Kernel, KernelContext } from './types.ts';

/** Rows that each lane of a quad loads, a quarter of those it computes, by how many come with one load; see `fastestBlocks`. */
const FORMS = {
  4: [
    { laneRows: 16, speed: 1 },
    { laneRows: 8, speed: 0.95 },
    { laneRows: 4, speed: 0.77 },
  ],
  1: [
    { laneRows: 8, speed: 1 },
    { laneRows: 4, speed: 0.88 },
  ],
} as const;

/** The variant of dw where it runs. It is no slower than the others where most of its block is beyond the ends, either. */
function swapFilter(context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] {
  const { attrs, device } = context;
  const { C, K, R, S } = sizes;
  if (!canUseQuads(device) || !divisible(K, 4)) return [];
  const unit = divisible(C, 4) ? 4 : 1;
  const { laneRows, workgroups } = fastestBlocks(FORMS[unit], R * S * C, K);
  if (workgroups.some((count) => count > device.maxWorkgroupsPerDimension)) return [];
  // A 1x1 convolution of stride 1 knows no rows: all pixels are one.
  const pixels = sizes.N * sizes.P * sizes.Q;
  const { N, H, W, P, Q } = isPointwise(sizes, attrs) ? { N: 1, H: 1, W: pixels, P: 1, Q: pixels } : sizes;
  return [
    {
      variant: 'swap',
      shader: 'conv2d_filter_swap',
      text: { LANE_ROWS: laneRows, LANE_LOADS: laneRows / unit, UNIT: unit, VECTOR_INPUT: unit === 4 },
      uniforms: {
        N,
        H,
        W,
        P,
        Q,
        S,
        ...geometry(attrs),
        rows: (R * S * C) / unit,
        channels: C / unit,
        columns: K / 4,
      },
      workgroups,
    },
  ];
}

export const kernels = {
  conv2dFilter: (context) => {
    const sizes = filterSizes(context.inputs, context.attrs);
    return [...convFilterKernels(context, sizes), ...swapFilter(context, sizes)];
  },
} satisfies KernelsOf<'conv2dFilter'>;

export const shaders = {
  ...filterShaders,
  conv2d_filter_swap: () => import('../../shaders/conv2d_filter_swap.wgsl'),
};

export { includes };
