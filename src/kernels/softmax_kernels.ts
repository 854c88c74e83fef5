// softmax_kernels.ts: the dispatches of softmax and its logarithm.

import softmaxParams from '../../shaders/shared/softmax_params.wgsl';
import './shared.ts';
import type { KernelsOf } from './index.ts';
import { grid1d, sizeOf } from './shape.ts';
import type { SoftmaxAttrs } from './softmax.ts';
import type { Kernel, KernelContext } from './types.ts';

const WORKGROUP = 64;
/**
 * Fewer rows than this leave most of the device idle if each is one invocation's work. On a software adapter barriers are dear: of
 * 16 rows of 1,000 the workgroup took three times as long.
 */
const FEW_ROWS = { software: 4, gpu: 64 } as const;
/** Below this length a whole workgroup for one row does not pay. */
const LONG_ROW = 256;

function softmaxKernels(log: boolean, { inputs: [x], attrs, device }: KernelContext<SoftmaxAttrs>): Kernel[] {
  const length = x[attrs.axis];
  const count = sizeOf(x) / length;
  const uniforms = { count, length, stride: sizeOf(x.slice(attrs.axis + 1)) };
  const each: Kernel = {
    variant: 'naive',
    shader: 'softmax',
    text: { WORKGROUP, LOG: log },
    uniforms,
    workgroups: grid1d(count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
  const together: Kernel = {
    variant: 'workgroup',
    shader: 'softmax_workgroup',
    text: { WORKGROUP, LOG: log },
    uniforms,
    workgroups: grid1d(count, 1, device.maxWorkgroupsPerDimension),
  };
  return count < FEW_ROWS[device.kind] && length >= LONG_ROW ? [each, together] : [each];
}

export const kernels = {
  softmax: (context) => softmaxKernels(false, context),
  logSoftmax: (context) => softmaxKernels(true, context),
} satisfies KernelsOf<'softmax' | 'logSoftmax'>;

export const shaders = {
  softmax: () => import('../../shaders/softmax.wgsl'),
  softmax_workgroup: () => import('../../shaders/softmax_workgroup.wgsl'),
};

export const includes = { softmax_params: softmaxParams };
