// concat.ts: joining values along an axis, and taking elements along an axis by index (with the sum that undoes it).

import { grid1d, showShape, sizeOf } from './shape.ts';
import { defineOp, type Kernel, OpError, type Shape } from './types.ts';

const WORKGROUP = 64;
/** Rows of a concat that one invocation copies. */
const ROWS = 4;

/** Inputs of one dispatch: with the output they stay below the 8 storage buffers every device offers. */
export const MAX_CONCAT_INPUTS = 6;

/** Inputs one after another along `axis`, at most MAX_CONCAT_INPUTS of them. */
export const concat = defineOp<{ readonly axis: number }>({
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
  reference: (inputs, { axis }, output) => {
    const y = new Float64Array(sizeOf(output));
    const rowLength = sizeOf(output.slice(axis));
    let start = 0;
    for (const { shape, data } of inputs) {
      const length = sizeOf(shape.slice(axis));
      data.forEach((value, i) => {
        y[Math.floor(i / length) * rowLength + start + (i % length)] = value;
      });
      start += length;
    }
    return y;
  },
  cost: (_, __, output) => ({ flops: 0, bytes: 8 * sizeOf(output), terms: 1 }),
  kernels: ({ inputs, attrs: { axis }, output, device }): Kernel[] => {
    const lengths = inputs.map((shape) => sizeOf(shape.slice(axis)));
    const vectors = lengths.every((length) => length % 4 === 0);
    const width = vectors ? 4 : 1;
    const rowLength = sizeOf(output.slice(axis)) / width;
    const rows = sizeOf(output.slice(0, axis));
    const uniforms: Record<string, number> = {
      count: Math.ceil(rows / ROWS) * rowLength,
      row_length: rowLength,
      rows,
    };
    let start = 0;
    lengths.forEach((length, k) => {
      uniforms[`start_${k}`] = start;
      uniforms[`length_${k}`] = length / width;
      start += length / width;
    });
    return [
      {
        variant: vectors ? 'vec4' : 'scalar',
        shader: 'concat',
        text: { WORKGROUP, TYPE: vectors ? 'vec4f' : 'f32', INPUTS: inputs.length, ROWS },
        uniforms,
        workgroups: grid1d(uniforms.count, WORKGROUP, device.maxWorkgroupsPerDimension),
      },
    ];
  },
});

/** [outer, length, inner]: a shape as seen from one of its axes. */
const around = (shape: Shape, axis: number): [number, number, number] => [
  sizeOf(shape.slice(0, axis)),
  shape[axis],
  sizeOf(shape.slice(axis + 1)),
];

function takeKernel(shader: 'take' | 'take_input', x: Shape, output: Shape, axis: number, limit: number): Kernel {
  const [, size, inner] = around(x, axis);
  const width = inner % 4 === 0 ? 4 : 1;
  const uniforms = { count: sizeOf(output) / width, size, taken: output[axis], inner: inner / width };
  return {
    variant: width === 4 ? 'vec4' : 'scalar',
    shader,
    text: { WORKGROUP, TYPE: width === 4 ? 'vec4f' : 'f32' },
    uniforms,
    workgroups: grid1d(uniforms.count, WORKGROUP, limit),
  };
}

function checkTake(op: string, x: Shape, axis: number, ...vectors: Shape[]): void {
  if (!Number.isInteger(axis) || axis < 0 || axis >= x.length) {
    throw new OpError(`${op}: axis ${axis} is not an axis of ${showShape(x)}.`);
  }
  for (const vector of vectors) {
    if (vector.length !== 1) throw new OpError(`${op}: the indices are ${showShape(vector)}; they must be a vector.`);
  }
}

/** x, indices: [m] -> y with m elements along `axis`, element k being element indices[k] of x. Indices are whole. */
export const take = defineOp<{ readonly axis: number }>({
  shape: ([x, indices], { axis }) => {
    checkTake('take', x, axis, indices);
    return x.map((d, i) => (i === axis ? indices[0] : d));
  },
  reference: ([x, indices], { axis }, output) => {
    const y = new Float64Array(sizeOf(output));
    const [outer, size, inner] = around(x.shape, axis);
    const taken = output[axis];
    for (let o = 0; o < outer; o++) {
      for (let k = 0; k < taken; k++) {
        for (let i = 0; i < inner; i++) {
          y[(o * taken + k) * inner + i] = x.data[(o * size + indices.data[k]) * inner + i];
        }
      }
    }
    return y;
  },
  cost: (_, __, output) => ({ flops: 0, bytes: 8 * sizeOf(output), terms: 1 }),
  kernels: ({ inputs: [x], attrs: { axis }, output, device }) => [
    takeKernel('take', x, output, axis, device.maxWorkgroupsPerDimension),
  ],
});

export interface TakeInputAttrs {
  readonly axis: number;
  /** Length of the axis that was taken from. */
  readonly size: number;
}

/**
 * The transpose of take. dy, offsets: [size + 1], positions: [m] -> dx: element j along `axis` is the sum of the
 * elements positions[k] of dy for k from offsets[j] to offsets[j + 1]: the places where j was taken, in ascending order.
 */
export const takeInput = defineOp<TakeInputAttrs>({
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
  reference: ([dy, offsets, positions], { axis, size }, output) => {
    const dx = new Float64Array(sizeOf(output));
    const [outer, taken, inner] = around(dy.shape, axis);
    for (let o = 0; o < outer; o++) {
      for (let j = 0; j < size; j++) {
        for (let k = offsets.data[j]; k < offsets.data[j + 1]; k++) {
          for (let i = 0; i < inner; i++) {
            dx[(o * size + j) * inner + i] += dy.data[(o * taken + positions.data[k]) * inner + i];
          }
        }
      }
    }
    return dx;
  },
  cost: ([dy], { axis }, output) => ({
    flops: sizeOf(dy),
    bytes: 4 * (sizeOf(dy) + sizeOf(output)),
    // All of dy may have been taken from one element.
    terms: dy[axis],
  }),
  kernels: ({ inputs: [dy], attrs: { axis }, output, device }) => [
    takeKernel('take_input', dy, output, axis, device.maxWorkgroupsPerDimension),
  ],
});
