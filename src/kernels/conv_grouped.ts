// conv_grouped.ts: the kernels of convolutions in groups, on any device: where every channel is a group those of
// depthwise_kernels.ts, else those for any device.

import './shared.ts';
import { filterSizes, forwardSizes, inputSizes, isDepthwise } from './conv.ts';
import { convFilterKernels, shaders as filterShaders } from './conv_filter_kernels.ts';
import { convInputKernels, shaders as inputShaders } from './conv_input_kernels.ts';
import { convIncludes, convKernels, convShaders, naiveConv } from './conv_kernels.ts';
import {
  depthwiseFilterKernels,
  depthwiseInputKernels,
  depthwiseKernels,
  depthwiseShaders,
} from './depthwise_kernels.ts';
import type { KernelsOf } from './index.ts';

export const kernels = {
  conv2d: (context) => {
    const sizes = forwardSizes(context.inputs, context.attrs);
    if (!isDepthwise(sizes)) return convKernels(context, sizes);
    return [naiveConv('conv2d', context, sizes), ...depthwiseKernels(context, sizes)];
  },
  conv2dInput: (context) => {
    const sizes = inputSizes(context.inputs, context.attrs);
    if (!isDepthwise(sizes)) return convInputKernels(context, sizes);
    return [naiveConv('conv2d_input', context, sizes), ...depthwiseInputKernels(context, sizes)];
  },
  conv2dFilter: (context) => {
    const sizes = filterSizes(context.inputs, context.attrs);
    if (!isDepthwise(sizes)) return convFilterKernels(context, sizes);
    return [naiveConv('conv2d_filter', context, sizes), ...depthwiseFilterKernels(context, sizes)];
  },
} satisfies KernelsOf<'conv2d' | 'conv2dInput' | 'conv2dFilter'>;

export const shaders = { ...convShaders, ...inputShaders, ...filterShaders, ...depthwiseShaders };

export const includes = convIncludes;
