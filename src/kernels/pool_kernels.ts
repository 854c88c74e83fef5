// pool_kernels.ts: the dispatches of pooling and of its gradients.

import poolDivisor from '../../shaders/shared/pool_divisor.wgsl';
import poolParams from '../../shaders/shared/pool_params.wgsl';
import './shared.ts';
import { epilogueText } from './elementwise_text.ts';
import type { KernelsOf } from './index.ts';
import type { AverageAttrs } from './pool.ts';
import { sliceUniforms } from './slice.ts';
import type { ChannelSlice, Kernel, KernelContext, Shape } from './types.ts';
import type { Window } from './window.ts';

const WORKGROUP = 64;

/** Four neighbouring channels at a time where the channels allow it. */
const widthOf = (channels: number): 1 | 4 => (channels % 4 === 0 ? 4 : 1);

/** `struct Params` of shared/pool_params.wgsl. Only pooling itself heeds a slice; the gradients read and write all of theirs. */
function poolUniforms(
  [, H, W, C]: Shape,
  [, P, Q]: Shape,
  attrs: Window | AverageAttrs,
  slice?: ChannelSlice,
): Record<string, number> {
  const { kernel, strides, pads, dilations } = attrs;
  return {
    height: H,
    width: W,
    channels: C / widthOf(C),
    pooled_height: P,
    pooled_width: Q,
    taps_h: kernel[0],
    taps_w: kernel[1],
    stride_h: strides[0],
    stride_w: strides[1],
    pad_top: pads[0],
    pad_left: pads[1],
    dilation_h: dilations[0],
    dilation_w: dilations[1],
    pad_bottom: pads[2],
    pad_right: pads[3],
    include_pad: 'countIncludePad' in attrs && attrs.countIncludePad ? 1 : 0,
    ...sliceUniforms(slice, C, widthOf(C)),
  };
}

/** One invocation a pixel of `grid` ([N, rows, columns, C]) and `width` channels: x runs along a row, y rows, z pictures. */
const pixelGrid = ([N, rows, columns, C]: Shape, width: number): [number, number, number] => [
  Math.ceil((columns * C) / width / WORKGROUP),
  rows,
  N,
];

/** Outputs of a row that one invocation of pool_row computes: 4 are no faster than 2, and 8 slower and long to compile. */
const ROW_TILE = 2;
/** Windows of at most this many taps are unrolled; larger ones would be compiled for longer than they run. */
const UNROLLED_TAPS = 25;

const isCompact = ({ kernel: [R, S], strides: [SH, SW], dilations }: Window): boolean =>
  dilations.every((d) => d === 1) && R * S <= UNROLLED_TAPS && SH <= R && SW <= S;

type Mode = 'max' | 'switches' | 'average';

const typeOf = (width: 1 | 4): string => (width === 4 ? 'vec4f' : 'f32');

function poolKernels(mode: Mode, { inputs: [x], attrs, output, slice }: KernelContext<Window>): Kernel[] {
  const width = widthOf(x[3]);
  const naive: Kernel = {
    variant: 'naive',
    shader: 'pool',
    text: { WORKGROUP, TYPE: typeOf(width), AVERAGE: mode === 'average', SWITCHES: mode === 'switches' },
    uniforms: poolUniforms(x, output, attrs, slice),
    workgroups: pixelGrid(output, width),
  };
  if (!isCompact(attrs)) return [naive];
  const [, S] = attrs.kernel;
  const SW = attrs.strides[1];
  const tile = Math.min(ROW_TILE, output[2]);
  const [N, P, Q, C] = output;
  const row: Kernel = {
    variant: 'row',
    shader: 'pool_row',
    text: {
      WORKGROUP,
      TYPE: typeOf(width),
      MAX: mode === 'max',
      AVERAGE: mode === 'average',
      SWITCHES: mode === 'switches',
      S,
      SW,
      TILE: tile,
      COLUMNS: (tile - 1) * SW + S,
    },
    uniforms: naive.uniforms,
    workgroups: pixelGrid([N, P, Math.ceil(Q / tile), C], width),
  };
  return [naive, row];
}

function poolInputKernels(mode: 'max' | 'average', context: KernelContext<Window>): Kernel[] {
  const { inputs, attrs, output } = context;
  const width = widthOf(output[3]);
  const dy = inputs[inputs.length - 1];
  const naive: Kernel = {
    variant: 'naive',
    shader: 'pool_input',
    text: { WORKGROUP, TYPE: typeOf(width), AVERAGE: mode === 'average', ...epilogueText(context, width) },
    uniforms: poolUniforms(output, dy, attrs),
    workgroups: pixelGrid(output, width),
  };
  if (!isCompact(attrs)) return [naive];
  const { kernel, strides, pads } = attrs;
  const [N, H, W, C] = output;
  // Blocks are counted from the padded corner; those wholly in the padding before the input are left out.
  const blocks = (size: number, before: number, block: number): number =>
    Math.floor((size - 1 + before) / block) - Math.floor(before / block) + 1;
  const block: Kernel = {
    variant: 'block',
    shader: 'pool_input_block',
    text: {
      WORKGROUP,
      TYPE: typeOf(width),
      AVERAGE: mode === 'average',
      R: kernel[0],
      S: kernel[1],
      SH: strides[0],
      SW: strides[1],
      WIN_H: Math.ceil(kernel[0] / strides[0]),
      WIN_W: Math.ceil(kernel[1] / strides[1]),
      ...epilogueText(context, width),
    },
    uniforms: naive.uniforms,
    workgroups: pixelGrid([N, blocks(H, pads[0], strides[0]), blocks(W, pads[1], strides[1]), C], width),
  };
  return [naive, block];
}

export const kernels = {
  maxPool: (context) => poolKernels('max', context),
  maxPoolSwitches: (context) => poolKernels('switches', context),
  maxPoolInput: (context) => poolInputKernels('max', context),

  maxPoolGather: ({ inputs: [, x], attrs, output }) => [
    {
      variant: 'naive',
      shader: 'max_pool_gather',
      text: { WORKGROUP },
      uniforms: { ...poolUniforms(x, output, attrs), channels: x[3] },
      workgroups: pixelGrid(output, 1),
    },
  ],

  averagePool: (context) => poolKernels('average', context),
  averagePoolInput: (context) => poolInputKernels('average', context),
} satisfies KernelsOf<
  'maxPool' | 'maxPoolSwitches' | 'maxPoolInput' | 'maxPoolGather' | 'averagePool' | 'averagePoolInput'
>;

export const shaders = {
  pool: () => import('../../shaders/pool.wgsl'),
  pool_row: () => import('../../shaders/pool_row.wgsl'),
  pool_input: () => import('../../shaders/pool_input.wgsl'),
  pool_input_block: () => import('../../shaders/pool_input_block.wgsl'),
  max_pool_gather: () => import('../../shaders/max_pool_gather.wgsl'),
};

export const includes = { pool_divisor: poolDivisor, pool_params: poolParams };
