// sum_parts_kernels.ts: the dispatch that sums the parts of a product or a convolution.

import sumPartsText from '../../shaders/sum_parts.wgsl';
import './shared.ts';
import { epilogueText } from './elementwise_text.ts';
import type { KernelsOf } from './index.ts';
import { grid1d, sizeOf } from './shape.ts';
const WORKGROUP = 64;

export const kernels = {
  sumParts: (context) => {
    const { inputs, attrs, output, device } = context;
    const inner = sizeOf(inputs[0].slice(attrs.axis + 1));
    const channels = output[output.length - 1] ?? 1;
    const unit = [inner, channels].every((size) => size % 4 === 0) ? 4 : 1;
    const count = sizeOf(output) / unit;
    return [
      {
        variant: unit === 4 ? 'vec4' : 'scalar',
        shader: 'sum_parts',
        text: { TYPE: unit === 4 ? 'vec4f' : 'f32', WORKGROUP, ...epilogueText(context, unit) },
        uniforms: { count, parts: inputs[0][attrs.axis], inner: inner / unit, channels: channels / unit },
        workgroups: grid1d(count, WORKGROUP, device.maxWorkgroupsPerDimension),
      },
    ];
  },
} satisfies KernelsOf<'sumParts'>;

export const shaders = { sum_parts: sumPartsText };
