// concat_kernels.ts: the dispatches of concat and of taking elements.

import takeParams from '../../shaders/shared/take_params.wgsl';
import './shared.ts';
import { around } from './concat.ts';
import type { KernelsOf } from './index.ts';
import { grid1d, sizeOf } from './shape.ts';
import type { Kernel, Shape } from './types.ts';

const WORKGROUP = 64;
/** Rows of a concat that one invocation copies. */
const ROWS = 4;

function takeKernel(shader: 'take' | 'take_input', x: Shape, output: Shape, axis: number, limit: number): Kernel {
  const [, size, inner] = around(x, axis);
  const width = inner % 4 === 0 ? 4 : 1;
  const uniforms = { count: sizeOf(output) / width, size, taken: output[axis], inner: inner / width };
  return {
    variant: width === 4 ? 'vec4' : 'scalar',
    shader,
    text: { WORKGROUP, TYPE: width === 4 ? 'vec4f' : 'f32' },
    uniforms,
    workgroups: grid1d(uniforms.count, WORKGROUP, limit),
  };
}

export const kernels = {
  concat: ({ inputs, attrs: { axis }, output, device }): Kernel[] => {
    const lengths = inputs.map((shape) => sizeOf(shape.slice(axis)));
    const vectors = lengths.every((length) => length % 4 === 0);
    const width = vectors ? 4 : 1;
    const rowLength = sizeOf(output.slice(axis)) / width;
    const rows = sizeOf(output.slice(0, axis));
    const uniforms: Record<string, number> = {
      count: Math.ceil(rows / ROWS) * rowLength,
      row_length: rowLength,
      rows,
    };
    let start = 0;
    lengths.forEach((length, k) => {
      uniforms[`start_${k}`] = start;
      uniforms[`length_${k}`] = length / width;
      start += length / width;
    });
    return [
      {
        variant: vectors ? 'vec4' : 'scalar',
        shader: 'concat',
        text: { WORKGROUP, TYPE: vectors ? 'vec4f' : 'f32', INPUTS: inputs.length, ROWS },
        uniforms,
        workgroups: grid1d(uniforms.count, WORKGROUP, device.maxWorkgroupsPerDimension),
      },
    ];
  },

  take: ({ inputs: [x], attrs: { axis }, output, device }) => [
    takeKernel('take', x, output, axis, device.maxWorkgroupsPerDimension),
  ],

  takeInput: ({ inputs: [dy], attrs: { axis }, output, device }) => [
    takeKernel('take_input', dy, output, axis, device.maxWorkgroupsPerDimension),
  ],
} satisfies KernelsOf<'concat' | 'take' | 'takeInput'>;

export const shaders = {
  concat: () => import('../../shaders/concat.wgsl'),
  take: () => import('../../shaders/take.wgsl'),
  take_input: () => import('../../shaders/take_input.wgsl'),
};

export const includes = { take_params: takeParams };
