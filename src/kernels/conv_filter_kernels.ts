// conv_filter_kernels.ts: the dispatches of the gradient of a convolution with respect to its filters, on any device.

import './shared.ts';
import { type ConvAttrs, type ConvSizes, filterSizes } from './conv.ts';
import { convIncludes, groupedTile, LEAST_INVOCATIONS, naiveConv, WORKGROUP_SHAPE } from './conv_kernels.ts';
import { geometry } from './conv_params.ts';
import type { KernelsOf } from './index.ts';
import { divisible } from './shape.ts';
import type { Kernel, KernelContext } from './types.ts';

/** Rows of dy in parallel where a whole workgroup shares one result. */
const FILTER_WORKGROUP = { software: 16, gpu: 64 } as const;

/** dw in register tiles. */
function tiledFilter(context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] {
  const { attrs, device } = context;
  const { N, H, W, C, P, Q, K, R, S, groupC, groupK } = sizes;
  const unit = divisible(groupK, 4) ? 4 : 1;
  const inputUnit = divisible(groupC, 4) ? 4 : 1;
  const columns = K / unit;
  // Few channels: see tiledForward. A row of the filter is one tap with S C channels.
  const joined = inputUnit === 1 && attrs.groups === 1 && attrs.dilations[1] === 1;
  const join = joined ? C : 1;
  const channels = joined ? S * C : groupC / inputUnit;
  const form = (variant: string, rowUnits: number, columnUnits: number, share: number): Kernel => {
    const tile = groupedTile({ pixels: 0, columns: Math.min(columns, columnUnits) }, attrs.groups, groupK / unit);
    const tileRows = Math.ceil(channels / Math.ceil(channels / rowUnits));
    const blocks = [Math.ceil(columns / tile.columns), Math.ceil(channels / tileRows)];
    const together = share > 1;
    const [across, down] = together ? [share, 1] : WORKGROUP_SHAPE[device.kind];
    return {
      variant,
      shader: 'conv2d_filter_tiled',
      text: {
        TYPE: unit === 4 ? 'vec4f' : 'f32',
        VECTOR_INPUT: inputUnit === 4,
        ROWS: tileRows,
        COLUMNS: tile.columns,
        SHARE: share,
        TOGETHER: together,
        JOINED: joined,
        WORKGROUP_X: across,
        WORKGROUP_Y: down,
      },
      uniforms: {
        N,
        H,
        P,
        Q,
        ...geometry(attrs),
        W: W * join,
        S: joined ? 1 : S,
        stride_w: attrs.strides[1] * join,
        left: attrs.pads[1] * join,
        x_pixel: C / join / inputUnit,
        group_channels: channels,
        columns,
        group_columns: groupK / unit,
      },
      workgroups: [
        together ? blocks[0] : Math.ceil(blocks[0] / across),
        Math.ceil(blocks[1] / down),
        joined ? R : R * S,
      ],
    };
  };
  const perUnit = (values: number, width: 1 | 4) => (width === 4 ? values / 4 : Math.min(4, values));
  // Rows of common filters over three channels, 9, 15 and 21 numbers, are cut into 9, 8 and 7.
  const large = [joined ? 9 : perUnit(8, inputUnit), perUnit(8, unit)] as const;
  const small = [perUnit(4, inputUnit), perUnit(4, unit)] as const;
  const alone = form('tiled', ...large, 1);
  const invocations = (R * S * groupC * K) / 64;
  if (invocations >= LEAST_INVOCATIONS[device.kind]) return [alone];
  const share = FILTER_WORKGROUP[device.kind];
  return [alone, form('workgroup', ...(device.kind === 'software' ? large : small), share)];
}

/** Naive first. */
export const convFilterKernels = (context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] => [
  naiveConv('conv2d_filter', context, sizes),
  ...tiledFilter(context, sizes),
];

export const kernels = {
  conv2dFilter: (context) => convFilterKernels(context, filterSizes(context.inputs, context.attrs)),
} satisfies KernelsOf<'conv2dFilter'>;

export const shaders = {
  conv2d_filter: () => import('../../shaders/conv2d_filter.wgsl'),
  conv2d_filter_tiled: () => import('../../shaders/conv2d_filter_tiled.wgsl'),
};

export const includes = convIncludes;
