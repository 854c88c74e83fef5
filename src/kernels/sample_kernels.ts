// sample_kernels.ts: the dispatches that read and write pictures through an affine map.

import './shared.ts';
import type { KernelsOf } from './index.ts';
import { SINGULAR } from './sample.ts';

import { grid1d, sizeOf } from './shape.ts';
import type { DeviceTraits, Kernel, Shape } from './types.ts';

const WORKGROUP = 64;

/** Channels one invocation handles: all of a picture's, or four of an activation's. */
const channelBlock = (channels: number): number => (channels <= 4 ? channels : channels % 4 === 0 ? 4 : 1);

function sampleKernels(
  shader: 'affine_sample' | 'affine_sample_input',
  uniforms: Readonly<Record<string, number>>,
  output: Shape,
  device: DeviceTraits,
): Kernel[] {
  const channels = output[3];
  const kernel = (variant: string, block: number): Kernel => {
    const count = sizeOf(output) / block;
    return {
      variant,
      shader,
      text: { WORKGROUP, BLOCK: block },
      uniforms: { ...uniforms, count, blocks: channels / block },
      workgroups: grid1d(count, WORKGROUP, device.maxWorkgroupsPerDimension),
    };
  };
  const block = channelBlock(channels);
  return block === 1 ? [kernel('naive', 1)] : [kernel('naive', 1), kernel('pixel', block)];
}

export const kernels = {
  affineSample: ({ inputs: [x, matrix], attrs, output, device }) => {
    const uniforms = {
      height: x[1],
      width: x[2],
      channels: x[3],
      out_height: output[1],
      out_width: output[2],
      matrix_stride: matrix[0] === 1 ? 0 : 6,
      fill: attrs.fill,
    };
    return sampleKernels('affine_sample', uniforms, output, device);
  },

  affineSampleInput: ({ inputs: [dy, matrix], output, device }) => {
    const uniforms = {
      height: output[1],
      width: output[2],
      channels: output[3],
      out_height: dy[1],
      out_width: dy[2],
      matrix_stride: matrix[0] === 1 ? 0 : 6,
      singular: SINGULAR,
    };
    return sampleKernels('affine_sample_input', uniforms, output, device);
  },
} satisfies KernelsOf<'affineSample' | 'affineSampleInput'>;

export const shaders = {
  affine_sample: () => import('../../shaders/affine_sample.wgsl'),
  affine_sample_input: () => import('../../shaders/affine_sample_input.wgsl'),
};
