// pool.ts: maximum and average over sliding windows, and the linear maps that carry gradients back through them.
// The maximum's gradient goes by switches: which tap of each window won, computed once and read by every use
// (the backward pass, its own derivative, unpooling in a deconvolutional network).

import { epilogueText } from './elementwise.ts';
import { sameShape, showShape, sizeOf } from './shape.ts';
import { sliceUniforms } from './slice.ts';
import {
  type ChannelSlice,
  type Cost,
  defineOp,
  type Kernel,
  type KernelContext,
  type NdArray,
  OpError,
  type Shape,
} from './types.ts';
import { pooledShape, type Window } from './window.ts';

export interface AverageAttrs extends Window {
  /** Divide by the taps on input and padding (not by those beyond the padding), instead of by the taps on the input. */
  readonly countIncludePad: boolean;
}
/** [H, W] of the input: several sizes pool to the same one. */
interface InputSize {
  readonly inputSize: readonly [number, number];
}
export type MaxPoolInputAttrs = Window & InputSize;
export type AverageInputAttrs = AverageAttrs & InputSize;

// --- meaning -----------------------------------------------------------------------------------------------------

/** Visits every tap on the input: `at` counts outputs, `from` inputs, `tap` = r * S + s. Row-major in each window. */
function forEachTap(
  x: Shape,
  y: Shape,
  { kernel: [R, S], strides, pads, dilations }: Window,
  visit: (at: number, from: number, tap: number) => void,
): void {
  const [N, H, W, C] = x;
  const [, P, Q] = y;
  for (let n = 0; n < N; n++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        for (let r = 0; r < R; r++) {
          for (let s = 0; s < S; s++) {
            const h = p * strides[0] - pads[0] + r * dilations[0];
            const w = q * strides[1] - pads[1] + s * dilations[1];
            if (h < 0 || h >= H || w < 0 || w >= W) continue;
            for (let c = 0; c < C; c++) {
              visit(((n * P + p) * Q + q) * C + c, ((n * H + h) * W + w) * C + c, r * S + s);
            }
          }
        }
      }
    }
  }
}

function maxPoolReference(x: NdArray, window: Window, output: Shape): { values: Float64Array; switches: Float64Array } {
  const values = new Float64Array(sizeOf(output)).fill(-Infinity);
  const switches = new Float64Array(sizeOf(output));
  forEachTap(x.shape, output, window, (at, from, tap) => {
    if (x.data[from] > values[at]) {
      values[at] = x.data[from];
      switches[at] = tap;
    }
  });
  return { values, switches };
}

/** What the sum of window (p, q) is divided by. */
function divisor(p: number, q: number, [H, W]: readonly number[], attrs: AverageAttrs): number {
  const { kernel, strides, pads, countIncludePad } = attrs;
  const taps = [p, q].map((at, axis) => {
    const size = axis === 0 ? H : W;
    const start = at * strides[axis] - pads[axis];
    const first = countIncludePad ? start : Math.max(start, 0);
    return Math.min(start + kernel[axis], countIncludePad ? size + pads[axis + 2] : size) - first;
  });
  return taps[0] * taps[1];
}

const divisorAt = (at: number, [, P, Q, C]: Shape, size: readonly number[], attrs: AverageAttrs): number => {
  const pixel = Math.floor(at / C);
  return divisor(Math.floor(pixel / Q) % P, pixel % Q, size, attrs);
};

// --- kernels -----------------------------------------------------------------------------------------------------

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

const poolCost = (x: Shape, output: Shape, { kernel }: Window, perTap: number): Cost => ({
  flops: sizeOf(output) * kernel[0] * kernel[1] * perTap,
  bytes: 4 * (sizeOf(x) + sizeOf(output)),
  terms: 1,
});

// --- maximum -----------------------------------------------------------------------------------------------------

/** x: [N,H,W,C] -> y: [N,P,Q,C], the largest value in each window. Padding counts as -infinity. */
export const maxPool = defineOp<Window>({
  shape: ([x], attrs) => pooledShape('maxPool', x, attrs),
  reference: ([x], attrs, output) => maxPoolReference(x, attrs, output).values,
  cost: ([x], attrs, output) => poolCost(x, output, attrs, 1),
  kernels: (context) => poolKernels('max', context),
  writesSlices: () => true,
});

/** x: [N,H,W,C] -> [N,P,Q,C], the tap r * S + s of each window's maximum; the first in row-major order where several tie. */
export const maxPoolSwitches = defineOp<Window>({
  shape: ([x], attrs) => pooledShape('maxPoolSwitches', x, attrs),
  reference: ([x], attrs, output) => maxPoolReference(x, attrs, output).switches,
  cost: ([x], attrs, output) => poolCost(x, output, attrs, 2),
  kernels: (context) => poolKernels('switches', context),
});

/** Input shape of a gradient op, after checking that what it carries back has the pooled shape. */
function inputShapeOf(op: string, pooled: readonly Shape[], attrs: Window & InputSize): Shape {
  const dy = pooled[pooled.length - 1];
  if (dy.length !== 4) throw new OpError(`${op}: dy is ${showShape(dy)}; pooling wants [N, P, Q, C].`);
  const x = [dy[0], attrs.inputSize[0], attrs.inputSize[1], dy[3]];
  const expected = pooledShape(op, x, attrs);
  for (const shape of pooled) {
    if (!sameShape(shape, expected)) {
      throw new OpError(
        `${op}: an input of ${showShape(x)} pools to ${showShape(expected)}, but dy or switches are ${showShape(shape)}. ` +
          'Give the inputSize and the window of the forward pooling.',
      );
    }
  }
  return x;
}

/** Windows that cover one pixel, at most. */
const windowsPerPixel = ({ kernel, strides }: Window): number =>
  Math.ceil(kernel[0] / strides[0]) * Math.ceil(kernel[1] / strides[1]);

const inputCost = (pooled: readonly Shape[], attrs: Window, output: Shape): Cost => ({
  flops: 2 * sizeOf(output) * windowsPerPixel(attrs),
  bytes: 4 * (sizeOf(output) + pooled.reduce((sum, s) => sum + sizeOf(s), 0)),
  terms: windowsPerPixel(attrs),
});

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

/**
 * switches, dy: [N,P,Q,C] -> dx: [N,H,W,C]: each dy is added to the pixel its window's switch points at. The gradient
 * of maxPool, and (dy being a signal) its unpooling.
 */
export const maxPoolInput = defineOp<MaxPoolInputAttrs>({
  epilogue: true,
  shape: (inputs, attrs) => inputShapeOf('maxPoolInput', inputs, attrs),
  reference: ([switches, dy], attrs, output) => {
    const dx = new Float64Array(sizeOf(output));
    forEachTap(output, dy.shape, attrs, (at, from, tap) => {
      if (switches.data[at] === tap) dx[from] += dy.data[at];
    });
    return dx;
  },
  cost: inputCost,
  kernels: (context) => poolInputKernels('max', context),
});

/** switches: [N,P,Q,C], x: [N,H,W,C] -> y: [N,P,Q,C], the value of x each switch points at. The transpose of maxPoolInput. */
export const maxPoolGather = defineOp<Window>({
  shape: ([switches, x], attrs) => {
    const expected = pooledShape('maxPoolGather', x, attrs);
    if (!sameShape(switches, expected)) {
      throw new OpError(
        `maxPoolGather: x ${showShape(x)} pools to ${showShape(expected)}, but the switches are ${showShape(switches)}.`,
      );
    }
    return expected;
  },
  reference: ([switches, x], attrs, output) => {
    const y = new Float64Array(sizeOf(output));
    forEachTap(x.shape, output, attrs, (at, from, tap) => {
      if (switches.data[at] === tap) y[at] = x.data[from];
    });
    return y;
  },
  cost: (_, __, output) => ({ flops: 0, bytes: 12 * sizeOf(output), terms: 1 }),
  kernels: ({ inputs: [, x], attrs, output }) => [
    {
      variant: 'naive',
      shader: 'max_pool_gather',
      text: { WORKGROUP },
      uniforms: { ...poolUniforms(x, output, attrs), channels: x[3] },
      workgroups: pixelGrid(output, 1),
    },
  ],
});

// --- average -----------------------------------------------------------------------------------------------------

const checkedAverage = (op: string, x: Shape, attrs: AverageAttrs): Shape => {
  if (attrs.dilations.some((d) => d !== 1)) {
    throw new OpError(`${op}: dilations [${attrs.dilations}] are not offered for averages, only [1,1].`);
  }
  return pooledShape(op, x, attrs);
};

/** x: [N,H,W,C] -> y: [N,P,Q,C], the mean of each window; see `countIncludePad` for what it is divided by. */
export const averagePool = defineOp<AverageAttrs>({
  shape: ([x], attrs) => checkedAverage('averagePool', x, attrs),
  reference: ([x], attrs, output) => {
    const y = new Float64Array(sizeOf(output));
    forEachTap(x.shape, output, attrs, (at, from) => {
      y[at] += x.data[from];
    });
    return y.map((sum, at) => sum / divisorAt(at, output, x.shape.slice(1, 3), attrs));
  },
  cost: ([x], attrs, output) => ({ ...poolCost(x, output, attrs, 1), terms: attrs.kernel[0] * attrs.kernel[1] }),
  kernels: (context) => poolKernels('average', context),
  writesSlices: () => true,
});

/** dy: [N,P,Q,C] -> dx: [N,H,W,C]: the gradient of averagePool. */
export const averagePoolInput = defineOp<AverageInputAttrs>({
  epilogue: true,
  shape: (inputs, attrs) => {
    const x = inputShapeOf('averagePoolInput', inputs, attrs);
    checkedAverage('averagePoolInput', x, attrs);
    return x;
  },
  reference: ([dy], attrs, output) => {
    const dx = new Float64Array(sizeOf(output));
    const shares = dy.data.map((d, at) => d / divisorAt(at, dy.shape, attrs.inputSize, attrs));
    forEachTap(output, dy.shape, attrs, (at, from) => {
      dx[from] += shares[at];
    });
    return dx;
  },
  cost: inputCost,
  kernels: (context) => poolInputKernels('average', context),
});
