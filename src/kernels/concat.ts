// concat.ts: joining values along an axis, and taking elements along an axis by index (with the sum that undoes it).

import { showShape, sizeOf } from './shape.ts';
import { type OpDef, OpError, type Shape } from './types.ts';

/** Inputs of one dispatch: with the output they stay below the 8 storage buffers every device offers. */
export const MAX_CONCAT_INPUTS = 6;

/** Inputs one after another along `axis`, at most MAX_CONCAT_INPUTS of them. */
export const concat: OpDef<{ readonly axis: number }> = {
  shape: (inputs, { axis }) => {
    const [first] = inputs;
    if (inputs.length > MAX_CONCAT_INPUTS) {
      throw new OpError(`concat: ${inputs.length} inputs in one dispatch, at most ${MAX_CONCAT_INPUTS} are possible.`);
    }
    if (!Number.isInteger(axis) || axis < 0 || axis >= first.length) {
      throw new OpError(`concat: axis ${axis} is not an axis of ${showShape(first)}.`);
    }
    inputs.forEach((shape, k) => {
      if (shape.length !== first.length || shape.some((d, i) => i !== axis && d !== first[i])) {
        throw new OpError(
          `concat: input ${k} is ${showShape(shape)}, input 0 is ${showShape(first)}; all axes but ${axis} must agree.`,
        );
      }
    });
    return first.map((d, i) => (i === axis ? inputs.reduce((sum, shape) => sum + shape[axis], 0) : d));
  },
};

/** [outer, length, inner]: a shape as seen from one of its axes. */
export const around = (shape: Shape, axis: number): [number, number, number] => [
  sizeOf(shape.slice(0, axis)),
  shape[axis],
  sizeOf(shape.slice(axis + 1)),
];

function checkTake(op: string, x: Shape, axis: number, ...vectors: Shape[]): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= x.length) {
    throw new OpError(`${op}: axis ${axis} is not an axis of ${showShape(x)}.`);
  }
  for (const vector of vectors) {
    if (vector.length !== 1) throw new OpError(`${op}: the indices are ${showShape(vector)}; they must be a vector.`);
  }
}

/** x, indices: [m] -> y with m elements along `axis`, element k being element indices[k] of x. Indices are whole. */
export const take: OpDef<{ readonly axis: number }> = {
  shape: ([x, indices], { axis }) => {
    checkTake('take', x, axis, indices);
    return x.map((d, i) => (i === axis ? indices[0] : d));
  },
};

export interface TakeInputAttrs {
  readonly axis: number;
  /** Length of the axis that was taken from. */
  readonly size: number;
}

/**
 * The transpose of take. dy, offsets: [size + 1], positions: [m] -> dx: element j along `axis` is the sum of the
 * elements positions[k] of dy for k from offsets[j] to offsets[j + 1]: the places where j was taken, in ascending order.
 */
export const takeInput: OpDef<TakeInputAttrs> = {
  shape: ([dy, offsets, positions], { axis, size }) => {
    checkTake('takeInput', dy, axis, offsets, positions);
    if (offsets[0] !== size + 1 || positions[0] !== dy[axis]) {
      throw new OpError(
        `takeInput: an axis of ${size} needs ${size + 1} offsets and a position for each of the ${dy[axis]} elements of ` +
          `dy ${showShape(dy)}; got ${offsets[0]} and ${positions[0]}.`,
      );
    }
    return dy.map((d, i) => (i === axis ? size : d));
  },
};
