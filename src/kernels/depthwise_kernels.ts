// depthwise_kernels.ts: the dispatches of convolutions in which every channel has its own filter, and of their gradients.
// There is little arithmetic to a load here, so the ladder is one of fewer loads: see docs/kernels.md.

import type { ConvAttrs, ConvSizes } from './conv.ts';
import { plainUniforms } from './conv_params.ts';
import { epilogueText } from './elementwise_text.ts';
import { grid1d, sizeOf } from './shape.ts';
import type { DeviceTraits, Kernel, KernelContext } from './types.ts';

type Context = KernelContext<ConvAttrs>;
type Depthwise = (context: Context, sizes: ConvSizes) => Kernel[];

/** Invocations of a workgroup; the smaller, the fewer idle ones at the ends of rows. */
const WORKGROUP = { software: 16, gpu: 64 } as const;

/** One vec4 of channels of one pixel (of one tap, for the filter's gradient) an invocation. */
function single(
  shader: 'depthwise' | 'depthwise_input' | 'depthwise_filter',
  context: Context,
  sizes: ConvSizes,
): Kernel {
  const { device, attrs, output } = context;
  const count = sizeOf(output) / 4;
  const isFilter = shader === 'depthwise_filter';
  const share = isFilter ? WORKGROUP[device.kind] : 64;
  return {
    variant: 'depthwise',
    shader,
    text: { WORKGROUP: share, ...(isFilter ? {} : epilogueText(context, 4)) },
    uniforms: plainUniforms(count, sizes, attrs, 4),
    workgroups: grid1d(count, isFilter ? 1 : share, device.maxWorkgroupsPerDimension),
  };
}

// --- tiles along a row -----------------------------------------------------------------------------------------------

/** Pixels of a row that one invocation takes: 7 or 8 save few loads more and take twice as long to compile. */
const PIXELS = 4;
/** Wider filters would be compiled for longer than they run. */
const WIDEST_ROW = 9;

const rowText = (context: Context) => ({ WORKGROUP: WORKGROUP[context.device.kind], ...epilogueText(context, 4) });

/** One invocation a tile of one row: x counts tiles times channels, y rows, z pictures. */
const rowGrid = (device: DeviceTraits, tiles: number, { C, N }: ConvSizes, rows: number): Kernel['workgroups'] => [
  Math.ceil((tiles * C) / 4 / WORKGROUP[device.kind]),
  rows,
  N,
];

function row(context: Context, sizes: ConvSizes): Kernel[] {
  const { attrs, device } = context;
  const { P, Q, S } = sizes;
  if (S > WIDEST_ROW) return [];
  const [SW, DW] = [attrs.strides[1], attrs.dilations[1]];
  const pixels = Math.min(Q, PIXELS);
  const columns = (pixels - 1) * SW + (S - 1) * DW + 1;
  const tiles = Math.ceil(Q / pixels);
  return [
    {
      variant: 'row',
      shader: 'depthwise_row',
      text: { ...rowText(context), S, SW, DW, PIXELS: pixels, COLUMNS: columns },
      uniforms: plainUniforms((tiles * sizes.C) / 4, sizes, attrs, 4),
      workgroups: rowGrid(device, tiles, sizes, P),
    },
  ];
}

function rowInput(context: Context, sizes: ConvSizes): Kernel[] {
  const { attrs, device } = context;
  const { H, W, S } = sizes;
  if (S > WIDEST_ROW || attrs.dilations.some((d) => d > 1)) return [];
  const SW = attrs.strides[1];
  const left = attrs.pads[1];
  // Blocks are counted from the padded corner; those wholly in the padding are left out.
  const across = Math.floor((W - 1 + left) / SW) - Math.floor(left / SW) + 1;
  const blocks = Math.min(across, PIXELS);
  const windows = Math.ceil(S / SW);
  const tiles = Math.ceil(across / blocks);
  return [
    {
      variant: 'row',
      shader: 'depthwise_input_row',
      text: { ...rowText(context), S, SW, BLOCKS: blocks, WINDOWS: windows, COLUMNS: blocks + windows - 1 },
      uniforms: plainUniforms((tiles * sizes.C) / 4, sizes, attrs, 4),
      workgroups: rowGrid(device, tiles, sizes, H),
    },
  ];
}

function rowFilter(context: Context, sizes: ConvSizes): Kernel[] {
  const { attrs, device } = context;
  const { R, S, C, Q } = sizes;
  if (S > WIDEST_ROW) return [];
  const [SW, DW] = [attrs.strides[1], attrs.dilations[1]];
  const pixels = Math.min(Q, PIXELS);
  const columns = (pixels - 1) * SW + (S - 1) * DW + 1;
  return [
    {
      variant: 'row',
      shader: 'depthwise_filter_row',
      text: { WORKGROUP: WORKGROUP[device.kind], S, SW, DW, PIXELS: pixels, COLUMNS: columns },
      uniforms: plainUniforms((R * C) / 4, sizes, attrs, 4),
      workgroups: grid1d((R * C) / 4, 1, device.maxWorkgroupsPerDimension),
    },
  ];
}

// --- strips down the rows --------------------------------------------------------------------------------------------

/** Rows that one invocation walks down at most. */
const LONGEST_RUN = 28;
/** Filters of more taps take seconds to compile: all of them lie in registers. */
const STRIP_TAPS = 25;

const isUnit = ({ strides, dilations }: ConvAttrs): boolean => [...strides, ...dilations].every((d) => d === 1);

/** Strips of y, or with `flip` of dx. */
function strip(context: Context, sizes: ConvSizes, flip: boolean): Kernel[] {
  const { attrs, device } = context;
  const { R, S, C } = sizes;
  if (!isUnit(attrs) || R * S > STRIP_TAPS) return [];
  const [H, W, P, Q] = flip ? [sizes.P, sizes.Q, sizes.H, sizes.W] : [sizes.H, sizes.W, sizes.P, sizes.Q];
  const [top, left] = attrs.pads;
  const pixels = Math.min(Q, PIXELS);
  const tiles = Math.ceil(Q / pixels);
  const runs = Math.ceil(P / LONGEST_RUN);
  return [
    {
      variant: 'strip',
      shader: 'depthwise_strip',
      text: {
        ...rowText(context),
        FLIP: flip,
        R,
        S,
        PIXELS: pixels,
        COLUMNS: pixels + S - 1,
        CARRIED: R - 1,
      },
      uniforms: {
        tiles,
        channels: C / 4,
        H,
        W,
        P,
        Q,
        top: flip ? R - 1 - top : top,
        left: flip ? S - 1 - left : left,
        run: Math.ceil(P / runs),
      },
      workgroups: rowGrid(device, tiles, sizes, runs),
    },
  ];
}

/** Strips make few invocations, so on a GPU they come before what is taken by default. */
const ordered = ({ kind }: DeviceTraits, rows: Kernel[], strips: Kernel[]): Kernel[] =>
  kind === 'gpu' ? [...strips, ...rows] : [...rows, ...strips];

export const depthwiseKernels: Depthwise = (context, sizes) => [
  single('depthwise', context, sizes),
  ...ordered(context.device, row(context, sizes), strip(context, sizes, false)),
];

export const depthwiseInputKernels: Depthwise = (context, sizes) => [
  single('depthwise_input', context, sizes),
  ...ordered(context.device, rowInput(context, sizes), strip(context, sizes, true)),
];

export const depthwiseFilterKernels: Depthwise = (context, sizes) => [
  single('depthwise_filter', context, sizes),
  ...rowFilter(context, sizes),
];

export const depthwiseShaders = {
  depthwise: () => import('../../shaders/depthwise.wgsl'),
  depthwise_row: () => import('../../shaders/depthwise_row.wgsl'),
  depthwise_strip: () => import('../../shaders/depthwise_strip.wgsl'),
  depthwise_input: () => import('../../shaders/depthwise_input.wgsl'),
  depthwise_input_row: () => import('../../shaders/depthwise_input_row.wgsl'),
  depthwise_filter: () => import('../../shaders/depthwise_filter.wgsl'),
  depthwise_filter_row: () => import('../../shaders/depthwise_filter_row.wgsl'),
};
