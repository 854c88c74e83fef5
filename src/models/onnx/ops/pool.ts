// pool.ts: pooling over windows and over whole pictures.

import type { Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import { extentOf, pooledShape, type Window } from '../../../kernels/window.ts';
import type { Converter, NodeContext } from '../context.ts';
import { magnitude, root } from './reduce.ts';
import { padsOf, pair, type Plane, planeOf } from './window.ts';

function windowOf(context: NodeContext, plane: Plane): Window {
  if (!context.ints('kernel_shape')) context.refuse('lacks its kernel_shape');
  const [kernel, strides, dilations] = ['kernel_shape', 'strides', 'dilations'].map((name) =>
    pair(context, name, 1, plane.axes),
  );
  const pads = padsOf(context, plane, kernel, strides, dilations);
  return { kernel, strides, pads, dilations, ceilMode: context.int('ceil_mode', 0) === 1 };
}

const maxPool: Converter = (context) => {
  const plane = planeOf(context);
  return plane.result(ops.maxPool(plane.x, windowOf(context, plane)));
};

const isDense = ({ dilations }: Window): boolean => dilations.every((d) => d === 1);

const averagePool: Converter = (context) => {
  const plane = planeOf(context);
  const window = windowOf(context, plane);
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
  const plane = planeOf(context);
  const p = context.int('p', 2);
  return plane.result(root(windowSums(magnitude(plane.x, p), windowOf(context, plane)), p));
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
