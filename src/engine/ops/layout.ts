// layout.ts: renaming, stretching, permuting, cutting and padding axes.

import { normalizeAxis, sameShape, showShape, sizeOf } from '../../kernels/shape.ts';
import { OpError, type Shape } from '../../kernels/types.ts';
import { apply, type Value } from '../graph.ts';
import { take } from './concat.ts';

/** The same elements under other axes. */
export const reshape = (x: Value, shape: Shape, label?: string): Value =>
  sameShape(x.shape, shape) && !label ? x : apply('reshape', [x], { shape }, label);

/** Stretches axes of size 1, and missing leading ones. */
export const broadcastTo = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : apply('broadcastTo', [x], { shape });

/** Joins all axes from `axis` on: [N, ...] -> [N, M] by default. */
export const flatten = (x: Value, axis = 1, label?: string): Value =>
  reshape(x, [...x.shape.slice(0, axis), sizeOf(x.shape.slice(axis))], label);

/** Axis i of the result is axis `permutation[i]` of x; the axes reversed by default. */
export function transpose(
  x: Value,
  permutation: readonly number[] = x.shape.map((_, i) => i).reverse(),
  label?: string,
): Value {
  const axes = permutation.map((axis) => normalizeAxis('transpose', axis, x.shape.length));
  return axes.every((axis, i) => axis === i) && axes.length === x.shape.length
    ? x
    : apply('transpose', [x], { permutation: axes }, label);
}

export interface SliceOptions {
  /** First index taken, one an axis of `axes`. Negative ones count from the end. */
  readonly starts: readonly number[];
  /** Index after the last one taken; beyond the axis means to its end. To the end by default. */
  readonly ends?: readonly number[];
  /** 1 by default; negative steps walk backwards (an end before the first element is then any number below -size). */
  readonly steps?: readonly number[];
  /** The axes that starts, ends and steps speak of; the first ones by default. */
  readonly axes?: readonly number[];
  readonly label?: string;
}

/** A box of x, or every few elements of one. Indices are read as ONNX and NumPy do. */
export function slice(x: Value, { starts, ends, steps, axes = starts.map((_, i) => i), label }: SliceOptions): Value {
  const box = { starts: x.shape.map(() => 0), sizes: [...x.shape], steps: x.shape.map(() => 1) };
  axes.forEach((named, k) => {
    const axis = normalizeAxis('slice', named, x.shape.length);
    const d = x.shape[axis];
    const step = steps?.[k] ?? 1;
    // Backwards, the last index is -1 below the first element; forwards, it is d behind the last.
    const [lowest, highest] = step < 0 ? [-1, d - 1] : [0, d];
    const inside = (index: number) => Math.min(Math.max(index < 0 ? index + d : index, lowest), highest);
    const start = inside(starts[k]);
    const end = ends ? inside(ends[k]) : step < 0 ? -1 : d;
    box.starts[axis] = start;
    box.steps[axis] = step;
    box.sizes[axis] = Math.ceil((end - start) / step);
    if (!(box.sizes[axis] >= 1)) {
      throw new OpError(
        `slice: nothing lies between ${starts[k]} and ${ends?.[k] ?? 'the end'} in steps of ${step} along axis ${axis} of x ${showShape(x.shape)}.`,
      );
    }
  });
  const isAll = sameShape(box.sizes, x.shape) && box.steps.every((step) => step === 1);
  return isAll ? x : apply('slice', [x], box, label);
}

/** Element `index` along one axis, which goes: [N, H, W, C] at axis 3 -> [N, H, W]. */
export function select(x: Value, axis: number, index: number, label?: string): Value {
  const from = normalizeAxis('select', axis, x.shape.length);
  const d = x.shape[from];
  if (!Number.isInteger(index) || index < -d || index >= d) {
    throw new OpError(`select: index ${index} is outside axis ${from} of x ${showShape(x.shape)}.`);
  }
  const start = index < 0 ? index + d : index;
  return reshape(
    slice(x, { starts: [start], ends: [start + 1], axes: [from] }),
    x.shape.filter((_, i) => i !== from),
    label,
  );
}

/** x with the order of its elements along the axes turned around. */
export const flip = (x: Value, axes: readonly number[], label?: string): Value =>
  slice(x, { starts: axes.map(() => -1), steps: axes.map(() => -1), axes, label });

export type PadMode = 'constant' | 'reflect' | 'edge' | 'wrap';

export interface PadOptions {
  /**
   * Elements before each axis, then after each: [before_0, before_1, ..., after_0, after_1, ...], as in ONNX. Negative
   * ones cut elements off.
   */
  readonly pads: readonly number[];
  /** What the frame holds: `value`, the picture mirrored at its edge pixels, the edge pixels repeated, or the picture repeated. */
  readonly mode?: PadMode;
  /** 0 by default. */
  readonly value?: number;
  readonly label?: string;
}

/** x without the elements that negative pads cut off. */
function cropped(x: Value, pads: readonly number[]): Value {
  const cut = pads.map((n) => Math.max(0, -n));
  const starts = cut.slice(0, x.shape.length);
  const ends = x.shape.map((d, axis) => d - cut[axis + x.shape.length]);
  if (!cut.every(Number.isInteger) || ends.some((end, axis) => end <= starts[axis])) {
    throw new OpError(`pad: pads [${pads}] cut all of x ${showShape(x.shape)} off, or no whole number of elements.`);
  }
  return slice(x, { starts, ends });
}

/** x in a frame. */
export function pad(x: Value, { mode = 'constant', ...options }: PadOptions): Value {
  if (mode === 'constant') return padConstant(x, options);
  const { cut, before, after } = framed(x, options.pads);
  let padded = cut;
  cut.shape.forEach((d, axis) => {
    if (before[axis] === 0 && after[axis] === 0) return;
    padded = take(padded, frameIndices(d, before[axis], after[axis], mode), axis, options.label);
  });
  return padded;
}

/** x in a frame of one value. */
export function padConstant(x: Value, { pads, value = 0, label }: Omit<PadOptions, 'mode'>): Value {
  const { cut, before, after } = framed(x, pads);
  if ([...before, ...after].every((n) => n === 0)) return cut;
  return apply('pad', [cut], { before, after, dilation: x.shape.map(() => 1), value }, label);
}

/** What negative pads leave of x, and the frame around it. */
function framed(x: Value, pads: readonly number[]): { cut: Value; before: number[]; after: number[] } {
  const rank = x.shape.length;
  if (pads.length !== 2 * rank) {
    throw new OpError(
      `pad: ${pads.length} pads for x ${showShape(x.shape)}; give ${rank} before and ${rank} after, or use padSpatial.`,
    );
  }
  const cut = pads.some((n) => n < 0) ? cropped(x, pads) : x;
  const frame = pads.map((n) => Math.max(0, n));
  return { cut, before: frame.slice(0, rank), after: frame.slice(rank) };
}

/** x: [N,H,W,C] framed by `pads` pixels [top, left, bottom, right]. */
export const padSpatial = (
  x: Value,
  [top, left, bottom, right]: readonly [number, number, number, number],
  options: Omit<PadOptions, 'pads'> = {},
): Value => pad(x, { ...options, pads: [0, top, left, 0, 0, bottom, right, 0] });

/** Which of `size` elements each position of the framed axis shows. */
function frameIndices(size: number, before: number, after: number, mode: Exclude<PadMode, 'constant'>): number[] {
  if (![before, after].every((n) => Number.isInteger(n) && n >= 0 && (mode !== 'reflect' || n < size))) {
    throw new OpError(
      `pad: ${before} before and ${after} after cannot be mirrored from ${size} elements. Pads must be whole, not negative and, ` +
        'to reflect, smaller than the axis.',
    );
  }
  return Array.from({ length: before + size + after }, (_, position) => {
    const i = position - before;
    if (mode === 'edge') return Math.min(Math.max(i, 0), size - 1);
    if (mode === 'wrap') return ((i % size) + size) % size;
    return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
  });
}
