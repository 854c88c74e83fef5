// layout.ts: ops that rename, stretch, permute, cut and surround axes without arithmetic.

import { evaluateProgram, programKernel } from './elementwise.ts';
import { forEachIndex, grid1d, showShape, sizeOf, stridesOf } from './shape.ts';
import { defineOp, type DeviceTraits, type Kernel, OpError, type ScalarProgram, type Shape } from './types.ts';

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
  reference: ([x]) => x.data,
  cost: () => ({ flops: 0, bytes: 0, terms: 1 }),
  kernels: () => [],
});

const copyProgram: ScalarProgram = { operands: 1, steps: [] };

/** Stretches axes of size 1 (and missing leading axes) to `shape`. Also serves as a copy. */
export const broadcastTo = defineOp<{ readonly shape: Shape }>({
  shape: ([x], { shape }) => {
    const lead = shape.length - x.length;
    const fits = lead >= 0 && x.every((d, axis) => d === 1 || d === shape[axis + lead]);
    if (!fits) throw new OpError(`broadcastTo: ${showShape(x)} does not stretch to ${showShape(shape)}.`);
    return shape;
  },
  reference: ([x], _, output) => evaluateProgram(copyProgram, [x], output),
  cost: ([x], _, output) => ({ flops: 0, bytes: 4 * (sizeOf(x) + sizeOf(output)), terms: 1 }),
  kernels: (context) => [programKernel(copyProgram, context)],
});

// --- strided reads -----------------------------------------------------------------------------------------------

const WORKGROUP = 64;

/** A walk over the output: sizes of its axes and, for each, the step it takes in the input. Outermost first. */
interface Walk {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

/** Merges neighbouring axes that are walked as one; axes of size 1 go. */
function mergeAxes({ sizes, strides }: Walk): Walk {
  const merged: { sizes: number[]; strides: number[] } = { sizes: [], strides: [] };
  sizes.forEach((size, axis) => {
    if (size === 1) return;
    const last = merged.sizes.length - 1;
    if (last >= 0 && merged.strides[last] === strides[axis] * size) {
      merged.sizes[last] *= size;
      merged.strides[last] = strides[axis];
    } else {
      merged.sizes.push(size);
      merged.strides.push(strides[axis]);
    }
  });
  return merged.sizes.length > 0 ? merged : { sizes: [1], strides: [1] };
}

/** y[i] = x[offset + sum of index * stride], vec4 where four neighbours stay neighbours. */
function stridedKernel(walk: Walk, offset: number, device: DeviceTraits): Kernel {
  const { sizes, strides } = mergeAxes(walk);
  const last = sizes.length - 1;
  const vectors =
    strides[last] === 1 &&
    sizes[last] % 4 === 0 &&
    offset % 4 === 0 &&
    strides.every((stride, axis) => axis === last || stride % 4 === 0);
  const width = vectors ? 4 : 1;
  const uniforms: Record<string, number> = { count: sizeOf(sizes) / width, offset: offset / width };
  // The shader numbers axes from the innermost.
  for (let axis = last; axis >= 0; axis--) {
    uniforms[`size_${last - axis}`] = axis === last ? sizes[axis] / width : sizes[axis];
    uniforms[`stride_${last - axis}`] = axis === last ? strides[axis] : strides[axis] / width;
  }
  return {
    variant: vectors ? 'vec4' : 'scalar',
    shader: 'strided',
    text: { WORKGROUP, TYPE: vectors ? 'vec4f' : 'f32', RANK: sizes.length },
    uniforms,
    workgroups: grid1d(uniforms.count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
}

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
  reference: ([x], { permutation }, output) => {
    const y = new Float64Array(sizeOf(output));
    const strides = stridesOf(x.shape);
    forEachIndex(output, (index, flat) => {
      y[flat] = x.data[index.reduce((at, i, axis) => at + i * strides[permutation[axis]], 0)];
    });
    return y;
  },
  cost: ([x]) => ({ flops: 0, bytes: 8 * sizeOf(x), terms: 1 }),
  kernels: ({ inputs: [x], attrs: { permutation }, output, device }) => {
    const strides = stridesOf(x);
    return [stridedKernel({ sizes: output, strides: permutation.map((axis) => strides[axis]) }, 0, device)];
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
  reference: ([x], { starts, steps }, output) => {
    const y = new Float64Array(sizeOf(output));
    const strides = stridesOf(x.shape);
    forEachIndex(output, (index, flat) => {
      y[flat] = x.data[index.reduce((at, i, axis) => at + (starts[axis] + i * steps[axis]) * strides[axis], 0)];
    });
    return y;
  },
  cost: (_, __, output) => ({ flops: 0, bytes: 8 * sizeOf(output), terms: 1 }),
  kernels: ({ inputs: [x], attrs: { starts, sizes, steps }, device }) => {
    const strides = stridesOf(x);
    const offset = starts.reduce((at, start, axis) => at + start * strides[axis], 0);
    return [stridedKernel({ sizes, strides: strides.map((stride, axis) => stride * steps[axis]) }, offset, device)];
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
    if (
      ![...before, ...after].every((n) => Number.isInteger(n) && n >= 0) ||
      dilation.some((n) => !(Number.isInteger(n) && n >= 1))
    ) {
      throw new OpError(
        `pad: [${before}] before and [${after}] after must be whole and not negative. To cut, use slice.`,
      );
    }
    return x.map((d, axis) => before[axis] + (d - 1) * dilation[axis] + 1 + after[axis]);
  },
  reference: ([x], { before, dilation, value }, output) => {
    const y = new Float64Array(sizeOf(output)).fill(value);
    const strides = stridesOf(output);
    forEachIndex(x.shape, (index, flat) => {
      y[index.reduce((at, i, axis) => at + (before[axis] + i * dilation[axis]) * strides[axis], 0)] = x.data[flat];
    });
    return y;
  },
  cost: ([x], _, output) => ({ flops: 0, bytes: 4 * (sizeOf(x) + sizeOf(output)), terms: 1 }),
  kernels: ({ inputs: [x], attrs, output, device }) => [padKernel(x, output, attrs, device)],
});

interface PadAxis {
  extent: number;
  size: number;
  before: number;
  dilation: number;
}

function padKernel(x: Shape, output: Shape, { before, dilation, value }: PadAttrs, device: DeviceTraits): Kernel {
  // An axis without padding joins the one outside it, unless that one has gaps.
  const axes: PadAxis[] = [];
  x.forEach((extent, axis) => {
    const outer = axes[axes.length - 1];
    const plain = extent === output[axis] && dilation[axis] === 1;
    if (plain && outer && outer.dilation === 1) {
      outer.extent *= extent;
      outer.size *= extent;
      outer.before *= extent;
    } else axes.push({ extent, size: output[axis], before: before[axis], dilation: dilation[axis] });
  });
  if (axes.length === 0) axes.push({ extent: 1, size: 1, before: 0, dilation: 1 });
  const inner = axes[axes.length - 1];
  const vectors = inner.dilation === 1 && [inner.extent, inner.size, inner.before].every((n) => n % 4 === 0);
  const width = vectors ? 4 : 1;
  if (vectors) {
    inner.extent /= 4;
    inner.size /= 4;
    inner.before /= 4;
  }
  const uniforms: Record<string, number> = { count: sizeOf(output) / width, value };
  let stride = 1;
  // The shader numbers axes from the innermost.
  axes.reverse().forEach((axis, k) => {
    uniforms[`size_${k}`] = axis.size;
    uniforms[`before_${k}`] = axis.before;
    uniforms[`extent_${k}`] = axis.extent;
    uniforms[`dilation_${k}`] = axis.dilation;
    uniforms[`stride_${k}`] = stride;
    stride *= axis.extent;
  });
  return {
    variant: vectors ? 'vec4' : 'scalar',
    shader: 'pad',
    text: {
      WORKGROUP,
      TYPE: vectors ? 'vec4f' : 'f32',
      RANK: axes.length,
      DILATED: axes.some((axis) => axis.dilation > 1),
    },
    uniforms,
    workgroups: grid1d(uniforms.count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
}
