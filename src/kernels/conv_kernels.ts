// conv_kernels.ts: the dispatches of convolutions that run on any device: which shader, in which form, on which grid; and what
// those of the gradients, in conv_input_kernels.ts and conv_filter_kernels.ts, share with them. Kernels that only one kind of
// device takes join them in conv_software.ts and conv_gpu.ts, and what is only for convolutions in groups in conv_grouped.ts.
//
// Every size is a uniform and only register tiles and load widths are text, so that a network of many layers needs few
// pipelines. What decides between forms was measured on a software adapter; see docs/kernels.md.

import convParams from '../../shaders/shared/conv_params.wgsl';
import quadOrder from '../../shaders/shared/quad_order.wgsl';
import type { ConvAttrs, ConvSizes } from './conv.ts';
import { geometry, plainUniforms } from './conv_params.ts';
import { epilogueText, heldEpilogueText } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import { divisible, grid1d, sizeOf } from './shape.ts';
import { sliceUniforms } from './slice.ts';
import type { DeviceTraits, Kernel, KernelContext } from './types.ts';

const WORKGROUP = 64;

export function naiveConv(
  shader: 'conv2d' | 'conv2d_input' | 'conv2d_filter',
  context: KernelContext<ConvAttrs>,
  sizes: ConvSizes,
): Kernel {
  const count = sizeOf(context.output);
  return {
    variant: 'naive',
    shader,
    text: {
      WORKGROUP,
      ...(shader === 'conv2d_filter' ? {} : { ...epilogueText(context, 1), ...storedText(context, 1, 'w', 1) }),
    },
    uniforms: {
      ...plainUniforms(count, sizes, context.attrs, 1),
      ...(shader === 'conv2d' ? sliceUniforms(context.slice, sizes.K, 1) : {}),
    },
    workgroups: grid1d(count, WORKGROUP, context.device.maxWorkgroupsPerDimension),
  };
}

// --- register tiles ----------------------------------------------------------------------------------------------

/** Invocations of one workgroup: along tiles of pixels and along blocks of columns. */
export const WORKGROUP_SHAPE = {
  // One subgroup: as few idle invocations as can be, and starting a workgroup costs next to nothing.
  software: [4, 1],
  gpu: [8, 8],
} as const;

/** Fewer invocations than this leave part of a device idle; smaller tiles, or sharing one, make more of them. */
export const LEAST_INVOCATIONS = { software: 1 << 6, gpu: 1 << 14 } as const;

interface Tile {
  readonly pixels: number;
  readonly columns: number;
}

/** The tile length that leaves fewer idle pixels in a row, the first at a tie: 7 suits 7, 14, 28, 56 and 112. */
export function leastWaste(width: number, a: number, b: number): number {
  const waste = (pixels: number) => Math.ceil(width / pixels) * pixels - width;
  return waste(a) <= waste(b) ? a : b;
}

/** Pixels along a row and units along the columns for one invocation, for `columns` units of `unit` values. */
export function chooseTile(device: DeviceTraits, rows: number, width: number, columns: number, unit: 1 | 4): Tile {
  if (device.kind === 'gpu') {
    const large = (rows * width * columns * unit) / 64 >= LEAST_INVOCATIONS.gpu;
    return { pixels: large ? 8 : 4, columns: unit === 1 ? Math.min(columns, 4) : large && columns > 1 ? 2 : 1 };
  }
  // Where quads share the loads of w, columns are cheaper than pixels.
  if (canUseQuads(device)) return { pixels: 4, columns: Math.min(columns, 4) };
  const pixels = width <= 4 ? 4 : leastWaste(width, 7, 8);
  return { pixels, columns: Math.min(columns, unit === 1 ? 4 : 2) };
}

/** The grid of one invocation a tile: tiles along x, folded into z where there are many; z is a multiple of `phases`. */
export function tileGrid(device: DeviceTraits, tiles: number, blocks: number, phases: number): Kernel['workgroups'] {
  const [across, down] = WORKGROUP_SHAPE[device.kind];
  const groups = Math.ceil(tiles / across);
  const folds = Math.ceil(groups / device.maxWorkgroupsPerDimension);
  return [Math.ceil(groups / folds), Math.ceil(blocks / down), folds * phases];
}

/** The tile made narrow enough not to straddle two groups. */
export function groupedTile(tile: Tile, groups: number, groupColumns: number): Tile {
  let { columns } = tile;
  while (groups > 1 && !divisible(groupColumns, columns)) columns--;
  return { ...tile, columns };
}

interface TiledText {
  readonly unit: 1 | 4;
  readonly inputUnit: 1 | 4;
  readonly tile: Tile;
}

export const tiledText = (context: KernelContext<unknown>, { unit, inputUnit, tile }: TiledText, quad: boolean) => {
  const [across, down] = WORKGROUP_SHAPE[context.device.kind];
  return {
    TYPE: unit === 4 ? 'vec4f' : 'f32',
    VECTOR_INPUT: inputUnit === 4,
    PIXELS: tile.pixels,
    COLUMNS: tile.columns,
    QUAD: quad,
    TILES_PER_WORKGROUP: across,
    BLOCKS_PER_WORKGROUP: down,
  };
};

/** y in register tiles. */
function tiledForward(context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] {
  const { attrs, device } = context;
  const { K, groupC, groupK } = sizes;
  const unit = divisible(groupK, 4) ? 4 : 1;
  const inputUnit = divisible(groupC, 4) ? 4 : 1;
  // A 1x1 convolution of stride 1 knows no rows: all pixels are one.
  const pointwise =
    sizes.R * sizes.S === 1 && attrs.strides.every((s) => s === 1) && attrs.pads.every((pad) => pad === 0);
  const pixels = sizes.N * sizes.P * sizes.Q;
  const { N, H, W, P, Q } = pointwise ? { N: 1, H: 1, W: pixels, P: 1, Q: pixels } : sizes;
  const tile = groupedTile(chooseTile(device, N * P, Q, K / unit, unit), attrs.groups, groupK / unit);
  const tilesPerRow = Math.ceil(Q / tile.pixels);
  const tiles = N * P * tilesPerRow;
  // Few channels: the S C numbers under one row of the filter lie side by side in x and in w, so a row of pixels with C
  // channels is taken for a row of C times as many with one. Quads then share four such taps.
  const joined = canUseQuads(device) && inputUnit === 1 && attrs.groups === 1 && attrs.dilations[1] === 1;
  const rowGeometry = (join: number) => ({
    W: W * join,
    S: sizes.S * join,
    stride_w: attrs.strides[1] * join,
    left: attrs.pads[1] * join,
    x_pixel: sizes.C / join / inputUnit,
    group_channels: groupC / join / inputUnit,
  });
  const uniforms = {
    ...geometry(attrs),
    tiles,
    tiles_per_row: tilesPerRow,
    H,
    P,
    Q,
    R: sizes.R,
    columns: K / unit,
    group_columns: groupK / unit,
    ...sliceUniforms(context.slice, K, unit),
  };
  const workgroups = tileGrid(device, tiles, Math.ceil(K / unit / tile.columns), 1);
  const form = (variant: string, quad: boolean): Kernel => ({
    variant,
    shader: 'conv2d_tiled',
    text: {
      ...tiledText(context, { unit, inputUnit, tile }, quad),
      ...heldEpilogueText(context, unit),
      ...storedText(context, 1, 'w', unit),
      JOINED_QUAD: quad && joined,
    },
    uniforms: { ...uniforms, ...rowGeometry(quad && joined ? sizes.C : 1) },
    workgroups,
  });
  const quads = joined || (canUseQuads(device) && inputUnit === 4);
  return quads ? [form('tiled', false), form('quad', true)] : [form('tiled', false)];
}

/** Handing loads round in a quad pays where loads are dear: on software adapters, whose subgroups are one quad. */
export const canUseQuads = (device: DeviceTraits): boolean => device.kind === 'software' && device.subgroups;

/** Naive first. */
export const convKernels = (context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] => [
  naiveConv('conv2d', context, sizes),
  ...tiledForward(context, sizes),
];

export const convShaders = {
  conv2d: () => import('../../shaders/conv2d.wgsl'),
  conv2d_tiled: () => import('../../shaders/conv2d_tiled.wgsl'),
};

export const convIncludes = { conv_params: convParams, quad_order: quadOrder };
