// softmax.ts: softmax and its logarithm along one axis, safe against overflow.

import { grid1d, normalizeAxis, showShape, sizeOf } from './shape.ts';
import { defineOp, type Kernel, type KernelContext, type NdArray, OpError, type Shape } from './types.ts';

export interface SoftmaxAttrs {
  /** Counted from the front. */
  readonly axis: number;
}

/** Visits every row along the axis: its first element, the distance between its elements, and their number. */
function forEachRow(shape: Shape, axis: number, visit: (start: number, stride: number, length: number) => void): void {
  const length = shape[axis];
  const stride = sizeOf(shape.slice(axis + 1));
  for (let outer = 0; outer < sizeOf(shape); outer += length * stride) {
    for (let inner = 0; inner < stride; inner++) visit(outer + inner, stride, length);
  }
}

function softmaxReference(log: boolean, x: NdArray, axis: number): Float64Array {
  const y = new Float64Array(x.data.length);
  forEachRow(x.shape, axis, (start, stride, length) => {
    let largest = -Infinity;
    for (let i = 0; i < length; i++) largest = Math.max(largest, x.data[start + i * stride]);
    let sum = 0;
    for (let i = 0; i < length; i++) sum += Math.exp(x.data[start + i * stride] - largest);
    for (let i = 0; i < length; i++) {
      const shifted = x.data[start + i * stride] - largest;
      y[start + i * stride] = log ? shifted - Math.log(sum) : Math.exp(shifted) / sum;
    }
  });
  return y;
}

const WORKGROUP = 64;
/**
 * Fewer rows than this leave most of the device idle if each is one invocation's work. On a software adapter barriers are dear: of
 * 16 rows of 1,000 the workgroup took three times as long.
 */
const FEW_ROWS = { software: 4, gpu: 64 } as const;
/** Below this length a whole workgroup for one row does not pay. */
const LONG_ROW = 256;
/** Flops of an exponential. */
const EXP = 15;

function softmaxKernels(log: boolean, { inputs: [x], attrs, device }: KernelContext<SoftmaxAttrs>): Kernel[] {
  const length = x[attrs.axis];
  const count = sizeOf(x) / length;
  const uniforms = { count, length, stride: sizeOf(x.slice(attrs.axis + 1)) };
  const each: Kernel = {
    variant: 'naive',
    shader: 'softmax',
    text: { WORKGROUP, LOG: log },
    uniforms,
    workgroups: grid1d(count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
  const together: Kernel = {
    variant: 'workgroup',
    shader: 'softmax_workgroup',
    text: { WORKGROUP, LOG: log },
    uniforms,
    workgroups: grid1d(count, 1, device.maxWorkgroupsPerDimension),
  };
  return count < FEW_ROWS[device.kind] && length >= LONG_ROW ? [each, together] : [each];
}

const softmaxOp = (op: 'softmax' | 'logSoftmax') =>
  defineOp<SoftmaxAttrs>({
    shape: ([x], { axis }) => {
      if (x.length === 0)
        throw new OpError(`${op}: x is ${showShape(x)}, a scalar; it needs an axis to normalize along.`);
      normalizeAxis(op, axis, x.length);
      return x;
    },
    reference: ([x], { axis }) => softmaxReference(op === 'logSoftmax', x, axis),
    cost: ([x], { axis }) => ({ flops: sizeOf(x) * (2 * EXP + 4), bytes: 8 * sizeOf(x), terms: x[axis] }),
    kernels: (context) => softmaxKernels(op === 'logSoftmax', context),
  });

/** exp(x) / (sum of exp(x) along the axis). */
export const softmax = softmaxOp('softmax');
/** x - log(sum of exp(x) along the axis). */
export const logSoftmax = softmaxOp('logSoftmax');
