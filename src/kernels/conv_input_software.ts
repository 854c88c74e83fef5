// conv_input_software.ts: the kernels of the gradient of a convolution without groups with respect to its input, on software
// adapters: besides those of conv_input_kernels.ts, rows that quads swap (shaders/conv2d_input_swap.wgsl).

import './shared.ts';
import { type ConvAttrs, type ConvSizes, inputSizes } from './conv.ts';
import { convInputKernels, includes, shaders as inputShaders } from './conv_input_kernels.ts';
import { geometry, tapPeriod } from './conv_params.ts';
import { heldEpilogueText } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import type { KernelsOf } from './index.ts';
import { convBlocks } from './quad_blocks.ts';
import type { Kernel, KernelContext } from './types.ts';

/** The variant where it runs and pays, else none. */
function swapInput(context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] {
  const { attrs, device } = context;
  const { N, H, W, C, P, Q, K, R, S } = sizes;
  const [sh, sw] = attrs.strides;
  const [rows, width] = [Math.ceil(H / sh), Math.ceil(W / sw)];
  const pixels = N * rows * width;
  const blocks = convBlocks(device, pixels, K, C, sh * sw);
  if (!blocks || blocks.workgroups.some((count) => count > device.maxWorkgroupsPerDimension)) return [];
  const { laneRows, workgroups } = blocks;
  return [
    {
      variant: 'swap',
      shader: 'conv2d_input_swap',
      text: { LANE_ROWS: laneRows, ...heldEpilogueText(context, 4), ...storedText(context, 1, 'w', 2) },
      uniforms: {
        ...geometry(attrs),
        pixels,
        rows,
        width,
        H,
        W,
        P,
        Q,
        R,
        S,
        pairs: K / 2,
        columns: C / 4,
        period_h: tapPeriod(attrs, 0),
        period_w: tapPeriod(attrs, 1),
      },
      workgroups,
    },
  ];
}

export const kernels = {
  conv2dInput: (context) => {
    const sizes = inputSizes(context.inputs, context.attrs);
    return [...convInputKernels(context, sizes), ...swapInput(context, sizes)];
  },
} satisfies KernelsOf<'conv2dInput'>;

export const shaders = {
  ...inputShaders,
  conv2d_input_swap: () => import('../../shaders/conv2d_input_swap.wgsl'),
};

export { includes };
