// shape.ts: arithmetic on shapes, shared by all ops.

import { OpError, type Shape } from './types.ts';

/** Number of elements. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, d) => product * d, 1);

/** `[1,2,3]`, as errors and listings show it; of an operand that is missing, `nothing`. */
export const showShape = (shape: Shape | undefined): string => (shape ? `[${shape.join(',')}]` : 'nothing');

export const areWhole = (numbers: readonly number[], least: number): boolean =>
  numbers.every((n) => Number.isInteger(n) && n >= least);

export const divisible = (value: number, by: number): boolean => value % by === 0;

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/** The common shape of operands under NumPy's rules: aligned at the last axis, 1 stretches. */
export function broadcastShapes(op: string, shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    shape.forEach((d, i) => {
      const axis = i + rank - shape.length;
      if (d === 1 || d === result[axis]) return;
      if (result[axis] !== 1) {
        throw new OpError(
          `${op}: shapes ${shapes.map(showShape).join(' and ')} do not broadcast (axis ${axis}: ${result[axis]} against ${d}). ` +
            'Sizes must be equal or 1, aligned at the last axis.',
        );
      }
      result[axis] = d;
    });
  }
  return result;
}

/** Strides with which an operand is read at the indices of `output`: 0 along the axes it is stretched over. */
export function broadcastStrides(operand: Shape, output: Shape): number[] {
  const own = stridesOf(operand);
  const lead = output.length - operand.length;
  return output.map((_, axis) => (axis < lead || operand[axis - lead] === 1 ? 0 : own[axis - lead]));
}

/** Axis counted from the front; negative ones count from the end. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank) {
    throw new OpError(
      `${op}: axis ${axis} is not an axis of a value with ${rank} axes. Give one in ${-rank}..${rank - 1}.`,
    );
  }
  return positive;
}

/** Walks all index tuples of `shape` in row-major order; `index` is reused between calls. */
export function forEachIndex(shape: Shape, visit: (index: readonly number[], flat: number) => void): void {
  const index = new Array<number>(shape.length).fill(0);
  const count = sizeOf(shape);
  for (let flat = 0; flat < count; flat++) {
    visit(index, flat);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

/** Workgroup counts for `count` invocations in one dimension, folded into two where the device's limit asks for it. */
export function grid1d(count: number, workgroupSize: number, maxPerDimension: number): [number, number, number] {
  const groups = Math.max(1, Math.ceil(count / workgroupSize));
  const rows = Math.ceil(groups / maxPerDimension);
  return [Math.ceil(groups / rows), rows, 1];
}
