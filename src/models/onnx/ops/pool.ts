// pool.ts: pooling over windows and over whole pictures.

import type { Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import { extentOf, pooledShape, type Window } from '../../../kernels/window.ts';
import type { Converter, NodeContext } from '../context.ts';
import { Traced } from '../operand.ts';
import { magnitude, root } from './reduce.ts';
import { padsOf, pair, type Plane, planeOf } from './window.ts';

function windowOf(context: NodeContext, plane: Plane): Window {
  if (!context.ints('kernel_shape')?.length) context.refuse('lacks its kernel_shape');
  const [kernel, strides, dilations] = ['kernel_shape', 'strides', 'dilations'].map((name) =>
    pair(context, name, 1, plane.axes),
  );
  const pads = padsOf(context, plane, kernel, strides, dilations);
  return { kernel, strides, pads, dilations, ceilMode: context.int('ceil_mode', 0) === 1 };
}

function inPlane(context: NodeContext): { plane: Plane; window: Window } {
  const plane = planeOf(context);
  return { plane, window: windowOf(context, plane) };
}

const maxPool: Converter = (context) => {
  const { plane, window } = inPlane(context);
  return plane.result(ops.maxPool(plane.x, window));
};

const isDense = ({ dilations }: Window): boolean => dilations.every((d) => d === 1);

/**
 * Volumes [N,C,D,H,W] under windows [k,1,1] are pictures [D, H W], each channel one of its own: PyTorch writes a local
 * response normalization as such a mean, with the channels along D.
 */
function depthOf(context: NodeContext): { plane: Plane; window: Window } {
  const operand = context.operand(0);
  const [N, C, D, H, W] = operand.shape;
  const of = (name: string, count: number, value: number) => context.ints(name) ?? new Array<number>(count).fill(value);
  const [kernel, strides, dilations] = ['kernel_shape', 'strides', 'dilations'].map((name) => of(name, 3, 1));
  const pads = of('pads', 6, 0);
  const isDepth =
    [kernel, strides].every(([, ...rest]) => rest.join() === '1,1') &&
    [1, 2, 4, 5].every((i) => pads[i] === 0) &&
    context.text('auto_pad', 'NOTSET') === 'NOTSET';
  if (!isDepth)
    context.refuse(`takes windows of [${kernel}] from [${operand.shape.join(',')}]; only pictures are understood`);
  const x = ops.reshape(context.plain(operand), [N * C, D, H * W, 1]);
  const result = (y: Value) => new Traced(ops.reshape(y, [N, C, y.shape[1], H, W]));
  return {
    plane: { x, axes: 2, result },
    window: {
      kernel: [kernel[0], 1],
      strides: [strides[0], 1],
      dilations: [dilations[0], 1],
      pads: [pads[0], 0, pads[3], 0],
      ceilMode: context.int('ceil_mode', 0) === 1,
    },
  };
}

const averagePool: Converter = (context) => {
  const isVolume = context.operand(0).shape.length === 5;
  const { plane, window } = isVolume ? depthOf(context) : inPlane(context);
  const countIncludePad = context.int('count_include_pad', 0) === 1;
  if (isDense(window)) return plane.result(ops.averagePool(plane.x, { ...window, countIncludePad }));
  const shares = counts(plane.x, window, countIncludePad).map((count) => 1 / count);
  const total = windowSums(plane.x, window);
  const [, P, Q] = total.shape;
  const data = Float32Array.from(shares);
  return plane.result(ops.mul(total, plane.x.graph.constant({ shape: [P, Q, 1], data })));
};

/** The sum of each window, each channel by itself: a convolution with ones. */
function windowSums(x: Value, window: Window): Value {
  const { kernel, strides, dilations } = window;
  const C = x.shape[3];
  const ones = new Float32Array(kernel[0] * kernel[1] * C).fill(1);
  const filter = x.graph.constant({ shape: [...kernel, 1, C], data: ones });
  const [, P, Q] = pooledShape('windowSums', x.shape, window);
  // Where the last window hangs over the end (ceil mode), it hangs over as much more padding.
  const [top, left, bottom, right] = window.pads;
  const after = [bottom, right].map((given, axis) => {
    const reach = ([P, Q][axis] - 1) * strides[axis] + extentOf(kernel[axis], dilations[axis]);
    return Math.max(given, reach - x.shape[axis + 1] - [top, left][axis]);
  });
  return ops.conv2d(x, filter, { strides, pads: [top, left, after[0], after[1]], dilations, groups: C });
}

/** What the sum of each window is divided by: its taps on the picture, or on picture and padding. [P, Q], row by row. */
function counts(x: Value, window: Window, countIncludePad: boolean): number[] {
  const { kernel, strides, dilations, pads } = window;
  const pooled = pooledShape('AveragePool', x.shape, window);
  const [down, across] = [0, 1].map((axis) => {
    const [low, high] = countIncludePad ? [-pads[axis], x.shape[axis + 1] + pads[axis + 2]] : [0, x.shape[axis + 1]];
    return Array.from({ length: pooled[axis + 1] }, (_, at) => {
      const first = at * strides[axis] - pads[axis];
      const taps = Array.from({ length: kernel[axis] }, (_, tap) => first + tap * dilations[axis]);
      return taps.filter((pixel) => pixel >= low && pixel < high).length;
    });
  });
  return down.flatMap((rows) => across.map((columns) => rows * columns));
}

// (sum of |x|^p over the window)^(1/p); padding counts as 0.
const lpPool: Converter = (context) => {
  const { plane, window } = inPlane(context);
  const p = context.int('p', 2);
  return plane.result(root(windowSums(magnitude(plane.x, p), window), p));
};

const overPicture =
  (reduce: (x: Value, axes: readonly number[], options: { keepDims: boolean }) => Value): Converter =>
  (context) => {
    const plane = planeOf(context);
    return plane.result(reduce(plane.x, [1, 2], { keepDims: true }));
  };

/** (sum of |x|^p over the picture)^(1/p) */
const globalLpPool: Converter = (context) => {
  const p = context.int('p', 2);
  return overPicture((x, axes, options) => root(ops.sum(magnitude(x, p), axes, options), p))(context);
};

export const pool: Record<string, Converter> = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  LpPool: lpPool,
  GlobalAveragePool: overPicture(ops.mean),
  GlobalMaxPool: overPicture(ops.reduceMax),
  GlobalLpPool: globalLpPool,
};
