// conv_gpu.ts: the kernels of convolutions without groups, and of their gradients with respect to the input, on real GPUs: besides those
// that run on any device, blocks in workgroup memory.

import blockProduct from '../../shaders/shared/block_product.wgsl';
import './shared.ts';
import { withShared } from './blocks.ts';
import { forwardSizes, inputSizes } from './conv.ts';
import { convInputKernels, shaders as inputShaders } from './conv_input_kernels.ts';
import { convIncludes, convKernels, convShaders } from './conv_kernels.ts';
import { sharedForward, sharedInput } from './conv_shared.ts';
import type { KernelsOf } from './index.ts';

export const kernels = {
  conv2d: (context) => {
    const sizes = forwardSizes(context.inputs, context.attrs);
    return withShared(convKernels(context, sizes), sharedForward(context, sizes));
  },
  conv2dInput: (context) => {
    const sizes = inputSizes(context.inputs, context.attrs);
    return withShared(convInputKernels(context, sizes), sharedInput(context, sizes));
  },
} satisfies KernelsOf<'conv2d' | 'conv2dInput'>;

export const shaders = {
  ...convShaders,
  ...inputShaders,
  conv2d_shared: () => import('../../shaders/conv2d_shared.wgsl'),
  matmul_shared: () => import('../../shaders/matmul_shared.wgsl'),
};

export const includes = { ...convIncludes, block_product: blockProduct };
