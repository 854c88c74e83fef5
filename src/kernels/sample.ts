// sample.ts: pictures read through an affine map, bilinearly, and the transposed write.
//
// Positions are (row, column) in pixels; integers are pixel centres. matrix [N or 1, 2, 3] maps output pixel (p, q) to
// the position it reads:   row = m00 p + m01 q + m02,   column = m10 p + m11 q + m12.
// A position between pixels blends the four around it; pixels outside the picture hold the constant `fill`.

import { grid1d, showShape, sizeOf } from './shape.ts';
import { defineOp, type DeviceTraits, type Kernel, type NdArray, OpError, type Shape } from './types.ts';

export interface AffineSampleAttrs {
  /** [P, Q] of the result. */
  readonly size: readonly [number, number];
  /** Value of pixels outside the picture. */
  readonly fill: number;
}
export interface AffineSampleInputAttrs {
  /** [H, W] of the picture that was read. */
  readonly inputSize: readonly [number, number];
}

function sampleShape(op: string, x: Shape, matrix: Shape, size: readonly [number, number], option: string): Shape {
  if (x.length !== 4) throw new OpError(`${op}: the picture is ${showShape(x)}, expected [N,H,W,C].`);
  const [batch] = x;
  if (matrix.length !== 3 || (matrix[0] !== batch && matrix[0] !== 1) || matrix[1] !== 2 || matrix[2] !== 3) {
    throw new OpError(
      `${op}: matrix is ${showShape(matrix)}; pictures ${showShape(x)} need [${batch},2,3], or [1,2,3] for all alike.`,
    );
  }
  if (size.length !== 2 || !size.every((d) => Number.isInteger(d) && d > 0)) {
    throw new OpError(`${op}: ${option} is ${showShape(size)}; give two positive whole numbers, height and width.`);
  }
  return [batch, size[0], size[1], x[3]];
}

/** The six numbers of picture n. */
const matrixOf = (matrix: NdArray, n: number): readonly number[] => {
  const at = matrix.shape[0] === 1 ? 0 : 6 * n;
  return Array.from(matrix.data.subarray(at, at + 6));
};

/** Visits each output pixel with the position it reads. */
function eachPosition(
  matrix: NdArray,
  [batch, height, width]: readonly number[],
  visit: (n: number, pixel: number, row: number, column: number) => void,
): void {
  for (let n = 0; n < batch; n++) {
    const m = matrixOf(matrix, n);
    for (let p = 0; p < height; p++) {
      for (let q = 0; q < width; q++) {
        visit(n, (n * height + p) * width + q, m[0] * p + m[1] * q + m[2], m[3] * p + m[4] * q + m[5]);
      }
    }
  }
}

/** Visits the four pixels around a position with their weights; `at` is -1 outside the picture. */
function eachTap(row: number, column: number, h: number, w: number, visit: (at: number, weight: number) => void): void {
  const top = Math.floor(row);
  const left = Math.floor(column);
  for (const r of [top, top + 1]) {
    for (const c of [left, left + 1]) {
      const inside = r >= 0 && r < h && c >= 0 && c < w;
      visit(inside ? r * w + c : -1, (1 - Math.abs(row - r)) * (1 - Math.abs(column - c)));
    }
  }
}

/** A determinant below this share of the products it is the difference of counts as zero. */
const SINGULAR = 1e-6;

const isSingular = ([a, b, , c, d]: readonly number[]): boolean =>
  !(Math.abs(a * d - b * c) > SINGULAR * (Math.abs(a * d) + Math.abs(b * c)));

const WORKGROUP = 64;

/** Channels one invocation handles: all of a picture's, or four of an activation's. */
const channelBlock = (channels: number): number => (channels <= 4 ? channels : channels % 4 === 0 ? 4 : 1);

function sampleKernels(
  shader: 'affine_sample' | 'affine_sample_input',
  uniforms: Readonly<Record<string, number>>,
  output: Shape,
  device: DeviceTraits,
): Kernel[] {
  const channels = output[3];
  const kernel = (variant: string, block: number): Kernel => {
    const count = sizeOf(output) / block;
    return {
      variant,
      shader,
      text: { WORKGROUP, BLOCK: block },
      uniforms: { ...uniforms, count, blocks: channels / block },
      workgroups: grid1d(count, WORKGROUP, device.maxWorkgroupsPerDimension),
    };
  };
  const block = channelBlock(channels);
  return block === 1 ? [kernel('naive', 1)] : [kernel('naive', 1), kernel('pixel', block)];
}

/** x [N,H,W,C], matrix [N or 1, 2, 3] -> [N,P,Q,C]. */
export const affineSample = defineOp<AffineSampleAttrs>({
  shape: ([x, matrix], { size }) => sampleShape('affineSample', x, matrix, size, 'size'),
  reference: ([x, matrix], { fill }, output) => {
    const [, h, w, channels] = x.shape;
    const y = new Float64Array(sizeOf(output));
    eachPosition(matrix, output, (n, pixel, row, column) => {
      eachTap(row, column, h, w, (at, weight) => {
        for (let c = 0; c < channels; c++) {
          y[pixel * channels + c] += weight * (at < 0 ? fill : x.data[(n * h * w + at) * channels + c]);
        }
      });
    });
    return y;
  },
  cost: ([x, matrix], _, output) => ({
    flops: 10 * sizeOf(output),
    bytes: 4 * (sizeOf(x) + sizeOf(matrix) + sizeOf(output)),
    // A position carries the rounding of numbers as large as the picture, and the result that of the position.
    terms: 4 * (x[1] + x[2] + output[1] + output[2]),
  }),
  kernels: ({ inputs: [x, matrix], attrs, output, device }) => {
    const uniforms = {
      height: x[1],
      width: x[2],
      channels: x[3],
      out_height: output[1],
      out_width: output[2],
      matrix_stride: matrix[0] === 1 ? 0 : 6,
      fill: attrs.fill,
    };
    return sampleKernels('affine_sample', uniforms, output, device);
  },
});

/**
 * Transpose of `affineSample` in x: dy [N,P,Q,C], matrix [N or 1, 2, 3] -> dx [N,H,W,C]. A singular matrix, which reads
 * a whole picture from a line or a point, gets zeros.
 */
export const affineSampleInput = defineOp<AffineSampleInputAttrs>({
  shape: ([dy, matrix], { inputSize }) => sampleShape('affineSampleInput', dy, matrix, inputSize, 'inputSize'),
  reference: ([dy, matrix], _, output) => {
    const [, h, w, channels] = output;
    const dx = new Float64Array(sizeOf(output));
    eachPosition(matrix, dy.shape, (n, pixel, row, column) => {
      if (isSingular(matrixOf(matrix, n))) return;
      eachTap(row, column, h, w, (at, weight) => {
        if (at < 0) return;
        for (let c = 0; c < channels; c++) {
          dx[(n * h * w + at) * channels + c] += weight * dy.data[pixel * channels + c];
        }
      });
    });
    return dx;
  },
  cost: ([dy, matrix], _, output) => ({
    flops: 10 * sizeOf(dy) + 10 * sizeOf(output),
    bytes: 4 * (sizeOf(dy) + sizeOf(matrix) + sizeOf(output)),
    terms: 4 * (dy[1] + dy[2] + output[1] + output[2]),
  }),
  kernels: ({ inputs: [dy, matrix], output, device }) => {
    const uniforms = {
      height: output[1],
      width: output[2],
      channels: output[3],
      out_height: dy[1],
      out_width: dy[2],
      matrix_stride: matrix[0] === 1 ? 0 : 6,
      singular: SINGULAR,
    };
    return sampleKernels('affine_sample_input', uniforms, output, device);
  },
});
