// layout.ts: ops that rename, stretch, permute, cut and surround axes without arithmetic.

import { areWhole, showShape, sizeOf } from './shape.ts';
import { defineOp, OpError, type Shape } from './types.ts';

/** Same elements in the same order under other axes. */
export const reshape = defineOp<{ readonly shape: Shape }>({
  alias: true,
  shape: ([x], { shape }) => {
    if (sizeOf(x) !== sizeOf(shape)) {
      throw new OpError(
        `reshape: ${showShape(x)} has ${sizeOf(x)} elements, ${showShape(shape)} has ${sizeOf(shape)}.`,
      );
    }
    return shape;
  },
});

/** Stretches axes of size 1 (and missing leading axes) to `shape`. Also serves as a copy. */
export const broadcastTo = defineOp<{ readonly shape: Shape }>({
  shape: ([x], { shape }) => {
    const lead = shape.length - x.length;
    const fits = lead >= 0 && x.every((d, axis) => d === 1 || d === shape[axis + lead]);
    if (!fits) throw new OpError(`broadcastTo: ${showShape(x)} does not stretch to ${showShape(shape)}.`);
    return shape;
  },
});

/** Axis i of the result is axis `permutation[i]` of x. */
export const transpose = defineOp<{ readonly permutation: readonly number[] }>({
  shape: ([x], { permutation }) => {
    const isPermutation = permutation.length === x.length && x.every((_, axis) => permutation.includes(axis));
    if (!isPermutation) {
      throw new OpError(
        `transpose: [${permutation}] is no permutation of the axes of x ${showShape(x)}. Name each of 0..${x.length - 1} once.`,
      );
    }
    return permutation.map((axis) => x[axis]);
  },
});

export interface SliceAttrs {
  /** Index of the first element taken, one an axis. */
  readonly starts: readonly number[];
  /** Elements taken, one an axis. */
  readonly sizes: readonly number[];
  /** Distance between elements taken; negative ones walk backwards. */
  readonly steps: readonly number[];
}

/** Every `steps`-th element of a box. */
export const slice = defineOp<SliceAttrs>({
  shape: ([x], { starts, sizes, steps }) => {
    if (starts.length !== x.length || sizes.length !== x.length || steps.length !== x.length) {
      throw new OpError(`slice: starts, sizes and steps must name each of the ${x.length} axes of x ${showShape(x)}.`);
    }
    x.forEach((d, axis) => {
      const [start, size, step] = [starts[axis], sizes[axis], steps[axis]];
      const end = start + (size - 1) * step;
      const isWhole = [start, size, step].every(Number.isInteger);
      if (!isWhole || size < 1 || step === 0 || start < 0 || start >= d || end < 0 || end >= d) {
        throw new OpError(
          `slice: ${size} elements from ${start} in steps of ${step} do not lie in axis ${axis} of x ${showShape(x)}.`,
        );
      }
    });
    return sizes;
  },
});

// --- padding -----------------------------------------------------------------------------------------------------

export interface PadAttrs {
  /** Elements put before and after, one an axis. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Distance of neighbours of x in the result, one an axis: 1 leaves no gaps. */
  readonly dilation: readonly number[];
  readonly value: number;
}

/** x in a frame of `value`, its elements spread by `dilation`: with value 0 the transpose of `slice`. */
export const pad = defineOp<PadAttrs>({
  shape: ([x], { before, after, dilation }) => {
    if (before.length !== x.length || after.length !== x.length || dilation.length !== x.length) {
      throw new OpError(`pad: before, after and dilation must name each of the ${x.length} axes of x ${showShape(x)}.`);
    }
    if (!areWhole([...before, ...after], 0) || !areWhole(dilation, 1)) {
      throw new OpError(
        `pad: [${before}] before and [${after}] after must be whole and not negative. To cut, use slice.`,
      );
    }
    return x.map((d, axis) => before[axis] + (d - 1) * dilation[axis] + 1 + after[axis]);
  },
});
