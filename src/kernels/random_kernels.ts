// random_kernels.ts: the dispatches that draw random numbers.

import pcg4d from '../../shaders/shared/pcg4d.wgsl';
import './shared.ts';
import type { KernelsOf } from './index.ts';
import { CHOICE_NUMBERS, type RandomAttrs } from './random.ts';
import { grid1d, sizeOf } from './shape.ts';
import type { Kernel, KernelContext } from './types.ts';

const WORKGROUP = 64;

function drawKernels(isNormal: boolean, { attrs, output, device }: KernelContext<RandomAttrs>): Kernel[] {
  const count = sizeOf(output);
  // One invocation draws the four words of a hash.
  return [
    {
      variant: 'naive',
      shader: 'random',
      text: { WORKGROUP, NORMAL: isNormal },
      uniforms: { count, seed: attrs.seed, stream: attrs.stream },
      workgroups: grid1d(Math.ceil(count / 4), WORKGROUP, device.maxWorkgroupsPerDimension),
    },
  ];
}

export const kernels = {
  randomUniform: (context) => drawKernels(false, context),
  randomNormal: (context) => drawKernels(true, context),

  randomAffine: ({ inputs: [, table], attrs: { batch, seed, stream }, device }) => [
    {
      variant: 'naive',
      shader: 'random_affine',
      text: { WORKGROUP, ROW: CHOICE_NUMBERS },
      uniforms: { count: batch, rows: table[0], seed, stream },
      workgroups: grid1d(batch, WORKGROUP, device.maxWorkgroupsPerDimension),
    },
  ],
} satisfies KernelsOf<'randomUniform' | 'randomNormal' | 'randomAffine'>;

export const shaders = {
  random: () => import('../../shaders/random.wgsl'),
  random_affine: () => import('../../shaders/random_affine.wgsl'),
};

export const includes = { pcg4d };
