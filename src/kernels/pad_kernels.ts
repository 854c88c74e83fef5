// pad_kernels.ts: the dispatch that surrounds a value, and spreads its elements.

import padText from '../../shaders/pad.wgsl';
import './shared.ts';
import type { KernelsOf } from './index.ts';
import type { PadAttrs } from './layout.ts';
import { grid1d, sizeOf } from './shape.ts';
import type { DeviceTraits, Kernel, Shape } from './types.ts';

const WORKGROUP = 64;

interface PadAxis {
  extent: number;
  size: number;
  before: number;
  dilation: number;
}

function padKernel(x: Shape, output: Shape, { before, dilation, value }: PadAttrs, device: DeviceTraits): Kernel {
  // An axis without padding joins the one outside it, unless that one has gaps.
  const axes: PadAxis[] = [];
  x.forEach((extent, axis) => {
    const outer = axes[axes.length - 1];
    const plain = extent === output[axis] && dilation[axis] === 1;
    if (plain && outer && outer.dilation === 1) {
      outer.extent *= extent;
      outer.size *= extent;
      outer.before *= extent;
    } else axes.push({ extent, size: output[axis], before: before[axis], dilation: dilation[axis] });
  });
  if (axes.length === 0) axes.push({ extent: 1, size: 1, before: 0, dilation: 1 });
  const inner = axes[axes.length - 1];
  const vectors = inner.dilation === 1 && [inner.extent, inner.size, inner.before].every((n) => n % 4 === 0);
  const width = vectors ? 4 : 1;
  if (vectors) {
    inner.extent /= 4;
    inner.size /= 4;
    inner.before /= 4;
  }
  const uniforms: Record<string, number> = { count: sizeOf(output) / width, value };
  let stride = 1;
  // The shader numbers axes from the innermost.
  axes.reverse().forEach((axis, k) => {
    uniforms[`size_${k}`] = axis.size;
    uniforms[`before_${k}`] = axis.before;
    uniforms[`extent_${k}`] = axis.extent;
    uniforms[`dilation_${k}`] = axis.dilation;
    uniforms[`stride_${k}`] = stride;
    stride *= axis.extent;
  });
  return {
    variant: vectors ? 'vec4' : 'scalar',
    shader: 'pad',
    text: {
      WORKGROUP,
      TYPE: vectors ? 'vec4f' : 'f32',
      RANK: axes.length,
      DILATED: axes.some((axis) => axis.dilation > 1),
    },
    uniforms,
    workgroups: grid1d(uniforms.count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
}

export const kernels = {
  pad: ({ inputs: [x], attrs, output, device }) => [padKernel(x, output, attrs, device)],
} satisfies KernelsOf<'pad'>;

export const shaders = { pad: padText };
