// layout_kernels.ts: the dispatches of ops that move numbers without arithmetic.

import strided from '../../shaders/strided.wgsl';
import './shared.ts';
import type { KernelsOf } from './index.ts';
import { grid1d, sizeOf, stridesOf } from './shape.ts';
import type { DeviceTraits, Kernel } from './types.ts';

const WORKGROUP = 64;

/** A walk over the output: sizes of its axes and, for each, the step it takes in the input. Outermost first. */
interface Walk {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

/** Merges neighbouring axes that are walked as one; axes of size 1 go. */
function mergeAxes({ sizes, strides }: Walk): Walk {
  const merged: { sizes: number[]; strides: number[] } = { sizes: [], strides: [] };
  sizes.forEach((size, axis) => {
    if (size === 1) return;
    const last = merged.sizes.length - 1;
    if (last >= 0 && merged.strides[last] === strides[axis] * size) {
      merged.sizes[last] *= size;
      merged.strides[last] = strides[axis];
    } else {
      merged.sizes.push(size);
      merged.strides.push(strides[axis]);
    }
  });
  return merged.sizes.length > 0 ? merged : { sizes: [1], strides: [1] };
}

/** y[i] = x[offset + sum of index * stride], vec4 where four neighbours stay neighbours. */
function stridedKernel(walk: Walk, offset: number, device: DeviceTraits): Kernel {
  const { sizes, strides } = mergeAxes(walk);
  const last = sizes.length - 1;
  const vectors =
    strides[last] === 1 &&
    sizes[last] % 4 === 0 &&
    offset % 4 === 0 &&
    strides.every((stride, axis) => axis === last || stride % 4 === 0);
  const width = vectors ? 4 : 1;
  const uniforms: Record<string, number> = { count: sizeOf(sizes) / width, offset: offset / width };
  // The shader numbers axes from the innermost.
  for (let axis = last; axis >= 0; axis--) {
    uniforms[`size_${last - axis}`] = axis === last ? sizes[axis] / width : sizes[axis];
    uniforms[`stride_${last - axis}`] = axis === last ? strides[axis] : strides[axis] / width;
  }
  return {
    variant: vectors ? 'vec4' : 'scalar',
    shader: 'strided',
    text: { WORKGROUP, TYPE: vectors ? 'vec4f' : 'f32', RANK: sizes.length },
    uniforms,
    workgroups: grid1d(uniforms.count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
}

export const kernels = {
  reshape: () => [],

  transpose: ({ inputs: [x], attrs: { permutation }, output, device }) => {
    const strides = stridesOf(x);
    return [stridedKernel({ sizes: output, strides: permutation.map((axis) => strides[axis]) }, 0, device)];
  },

  slice: ({ inputs: [x], attrs: { starts, sizes, steps }, device }) => {
    const strides = stridesOf(x);
    const offset = starts.reduce((at, start, axis) => at + start * strides[axis], 0);
    return [stridedKernel({ sizes, strides: strides.map((stride, axis) => stride * steps[axis]) }, offset, device)];
  },
} satisfies KernelsOf<'reshape' | 'transpose' | 'slice'>;

export const shaders = {
  strided,
};
