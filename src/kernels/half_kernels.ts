// half_kernels.ts: the dispatch that stores numbers in halves.

import toHalfText from '../../shaders/to_half.wgsl';
import './shared.ts';
import type { KernelsOf } from './index.ts';
import { grid1d, sizeOf } from './shape.ts';

const WORKGROUP = 64;

export const kernels = {
  toHalf: ({ inputs: [x], device }) => {
    const count = sizeOf(x);
    const words = Math.ceil(count / 2);
    return [
      {
        variant: 'naive',
        shader: 'to_half',
        text: { WORKGROUP },
        uniforms: { count, words },
        workgroups: grid1d(words, WORKGROUP, device.maxWorkgroupsPerDimension),
      },
    ];
  },
} satisfies KernelsOf<'toHalf'>;

export const shaders = { to_half: toHalfText };
