// conv_software.ts: the kernels of convolutions without groups on software adapters: besides those of conv_kernels.ts, filters held in
// registers and rows that quads swap.

import './shared.ts';
import { forwardSizes } from './conv.ts';
import { heldConv, prefersHeld } from './conv_held.ts';
import { convIncludes, convKernels, convShaders } from './conv_kernels.ts';
import { swapConv } from './conv_swap.ts';
import type { KernelsOf } from './index.ts';

export const kernels = {
  conv2d: (context) => {
    const sizes = forwardSizes(context.inputs, context.attrs);
    const [naive, ...tiled] = convKernels(context, sizes);
    const held = heldConv(context, sizes);
    const others = [...tiled, ...swapConv(context, sizes)];
    return prefersHeld(sizes) ? [naive, ...others, ...held] : [naive, ...held, ...others];
  },
} satisfies KernelsOf<'conv2d'>;

export const shaders = {
  ...convShaders,
  conv2d_held: () => import('../../shaders/conv2d_held.wgsl'),
  conv2d_swap: () => import('../../shaders/conv2d_swap.wgsl'),
  matmul_swap: () => import('../../shaders/matmul_swap.wgsl'),
};

export const includes = convIncludes;
