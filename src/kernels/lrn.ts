// lrn.ts: local response normalization over channels (Krizhevsky et al. 2012, section 3.3), as ONNX defines it.

import { epilogueText } from './elementwise.ts';
import { grid1d, sameShape, showShape, sizeOf } from './shape.ts';
import { defineOp, type Kernel, type KernelContext, OpError, type Shape } from './types.ts';

export interface LrnAttrs {
  /** Channels in the window. */
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly bias: number;
}

/**
 * Channels before and after the middle one. For even sizes the longer side comes after it: ONNX's rule.
 * (PyTorch's local_response_norm puts it before. Networks use odd sizes, where both agree.)
 */
const reach = (size: number): { before: number; after: number } => ({
  before: Math.floor((size - 1) / 2),
  after: Math.ceil((size - 1) / 2),
});

/** scale = bias + alpha / size * (sum of x² over the window), for every element of x. */
function scalesOf(x: ArrayLike<number>, C: number, { size, alpha, bias }: LrnAttrs): Float64Array {
  const { before, after } = reach(size);
  const scales = new Float64Array(x.length);
  for (let pixel = 0; pixel < x.length; pixel += C) {
    for (let c = 0; c < C; c++) {
      let squares = 0;
      for (let k = Math.max(0, c - before); k <= Math.min(C - 1, c + after); k++) squares += x[pixel + k] ** 2;
      scales[pixel + c] = bias + (alpha / size) * squares;
    }
  }
  return scales;
}

function checked(op: string, x: Shape, { size, bias }: LrnAttrs): Shape {
  if (x.length === 0) throw new OpError(`${op}: x is a scalar; the last axis of x must hold channels.`);
  if (!Number.isInteger(size) || size < 1)
    throw new OpError(`${op}: size ${size} must be a whole number of channels, 1 or more.`);
  if (!(bias > 0)) throw new OpError(`${op}: bias ${bias} must be positive, or a window of zeros divides by zero.`);
  return x;
}

const WORKGROUP = 64;
/** How far a window may reach from its channel for the vector kernels: one vector. */
const VECTOR_REACH = 4;
const SHORTEST_RUN = 4;
/** Invocations that keep a device busy. */
const ENOUGH_INVOCATIONS = 8192;
/** Flops of a power: two transcendental functions. */
const POWER = 30;

function lrnKernels(op: 'lrn' | 'lrn_input', context: KernelContext<LrnAttrs>): Kernel[] {
  const { output, attrs, device } = context;
  const { before, after } = reach(attrs.size);
  const channels = output[output.length - 1];
  const count = sizeOf(output);
  const { beta, bias } = attrs;
  const rate = attrs.alpha / attrs.size;
  const naive: Kernel = {
    variant: 'naive',
    shader: op,
    text: { WORKGROUP, ...(op === 'lrn_input' ? epilogueText(context, 1) : {}) },
    uniforms: { count, channels, before, after, rate, beta, bias },
    workgroups: grid1d(count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
  if (channels % 4 !== 0 || after > VECTOR_REACH) return [naive];
  const vectors = channels / 4;
  const pixels = count / channels;
  // As long as possible, for each run computes some scales its neighbour has too; short enough to occupy the device.
  const run = Math.max(SHORTEST_RUN, Math.min(vectors, Math.ceil((vectors * pixels) / ENOUGH_INVOCATIONS)));
  const runs = Math.ceil(vectors / run);
  const walk: Kernel = {
    variant: 'run',
    shader: `${op}_run`,
    text: {
      WORKGROUP,
      SIZE: attrs.size,
      BEFORE: before,
      THREE_QUARTERS: beta === 0.75,
      ...(op === 'lrn_input' ? epilogueText(context, 4) : {}),
    },
    uniforms: { count: pixels * runs, channels: vectors, run, runs, rate, beta, bias },
    workgroups: grid1d(pixels * runs, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
  return [naive, walk];
}

/** x: [..., C] -> y = x * scale^-beta, scale = bias + alpha / size * (sum of x² over the channels of the window). */
export const lrn = defineOp<LrnAttrs>({
  shape: ([x], attrs) => checked('lrn', x, attrs),
  reference: ([x], attrs, output) => {
    const scales = scalesOf(x.data, output[output.length - 1], attrs);
    return x.data.map((value, i) => value * scales[i] ** -attrs.beta);
  },
  cost: ([x], { size }) => ({ flops: sizeOf(x) * (2 * size + POWER), bytes: 8 * sizeOf(x), terms: size }),
  kernels: (context) => lrnKernels('lrn', context),
});

/**
 * x, dy: [..., C] -> dx, the gradient of lrn:
 * dx_j = dy_j * scale_j^-beta - 2 * alpha / size * beta * x_j * sum of dy_c * x_c * scale_c^(-beta-1) over the c whose
 * window holds j.
 */
export const lrnInput = defineOp<LrnAttrs>({
  epilogue: true,
  shape: ([x, dy], attrs) => {
    if (!sameShape(x, dy))
      throw new OpError(`lrnInput: x is ${showShape(x)} but dy is ${showShape(dy)}; they must agree.`);
    return checked('lrnInput', x, attrs);
  },
  reference: ([x, dy], attrs, output) => {
    const { size, alpha, beta } = attrs;
    const { before, after } = reach(size);
    const C = output[output.length - 1];
    const scales = scalesOf(x.data, C, attrs);
    const dx = new Float64Array(x.data.length);
    for (let pixel = 0; pixel < dx.length; pixel += C) {
      for (let j = 0; j < C; j++) {
        let sum = 0;
        for (let c = Math.max(0, j - after); c <= Math.min(C - 1, j + before); c++) {
          sum += dy.data[pixel + c] * x.data[pixel + c] * scales[pixel + c] ** (-beta - 1);
        }
        const at = pixel + j;
        dx[at] = dy.data[at] * scales[at] ** -beta - ((2 * alpha) / size) * beta * x.data[at] * sum;
      }
    }
    return dx;
  },
  cost: ([x], { size }) => ({
    flops: sizeOf(x) * (6 * size + POWER),
    bytes: 12 * sizeOf(x),
    terms: 2 * size,
  }),
  kernels: (context) => lrnKernels('lrn_input', context),
});
