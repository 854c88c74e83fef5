// conv_input_kernels.ts: the dispatches of the gradient of a convolution with respect to its input that run on any device.

import type { ConvAttrs, ConvSizes } from './conv.ts';
import {
  canUseQuads,
  chooseTile,
  convIncludes,
  groupedTile,
  leastWaste,
  naiveConv,
  tiledText,
  tileGrid,
} from './conv_kernels.ts';
import { geometry } from './conv_params.ts';
import { epilogueText } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import { divisible } from './shape.ts';
import type { Kernel, KernelContext } from './types.ts';

/** dx in register tiles, by phase. */
function tiledInput(context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] {
  const { attrs, device } = context;
  const { N, H, W, C, P, Q, K, groupC, groupK } = sizes;
  const [sh, sw] = attrs.strides;
  const unit = divisible(groupC, 4) ? 4 : 1;
  const inputUnit = divisible(groupK, 4) ? 4 : 1;
  const rows = Math.ceil(H / sh);
  const width = Math.ceil(W / sw);
  const usual = chooseTile(device, sh * sw * N * rows, width, C / unit, unit);
  // Reading w along K, this shader gains from longer rows.
  const wide = canUseQuads(device) && unit === 4 ? { ...usual, pixels: leastWaste(width, 7, 4) } : usual;
  const tile = groupedTile(wide, attrs.groups, groupC / unit);
  const tilesPerRow = Math.ceil(width / tile.pixels);
  const tiles = N * rows * tilesPerRow;
  const uniforms = {
    tiles,
    tiles_per_row: tilesPerRow,
    rows,
    H,
    W,
    P,
    Q,
    R: sizes.R,
    S: sizes.S,
    ...geometry(attrs),
    dy_pixel: K / inputUnit,
    group_filters: groupK / inputUnit,
    columns: C / unit,
    group_columns: groupC / unit,
  };
  const workgroups = tileGrid(device, tiles, Math.ceil(C / unit / tile.columns), sh * sw);
  const form = (variant: string, quad: boolean): Kernel => ({
    variant,
    shader: 'conv2d_input_tiled',
    text: {
      ...tiledText(context, { unit, inputUnit, tile }, quad),
      ...epilogueText(context, unit),
      ...storedText(context, 1, 'w', inputUnit),
      VECTOR_OUTPUT: unit === 4,
    },
    uniforms,
    workgroups,
  });
  const quads = canUseQuads(device) && unit === 4;
  return quads ? [form('tiled', false), form('quad', true)] : [form('tiled', false)];
}

/** Naive first. */
export const convInputKernels = (context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] => [
  naiveConv('conv2d_input', context, sizes),
  ...tiledInput(context, sizes),
];

export const shaders = {
  conv2d_input: () => import('../../shaders/conv2d_input.wgsl'),
  conv2d_input_tiled: () => import('../../shaders/conv2d_input_tiled.wgsl'),
};

export const includes = convIncludes;
