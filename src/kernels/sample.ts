// sample.ts: pictures read through an affine map, bilinearly, and the transposed write.
//
// Positions are (row, column) in pixels; integers are pixel centres. matrix [N or 1, 2, 3] maps output pixel (p, q) to
// the position it reads:   row = m00 p + m01 q + m02,   column = m10 p + m11 q + m12.
// A position between pixels blends the four around it; pixels outside the picture hold the constant `fill`.

import { areWhole, showShape } from './shape.ts';
import { type OpDef, OpError, type Shape } from './types.ts';

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
  if (size.length !== 2 || !areWhole(size, 1)) {
    throw new OpError(`${op}: ${option} is ${showShape(size)}; give two positive whole numbers, height and width.`);
  }
  return [batch, size[0], size[1], x[3]];
}

/** A determinant below this share of the products it is the difference of counts as zero. */
export const SINGULAR = 1e-6;

/** x [N,H,W,C], matrix [N or 1, 2, 3] -> [N,P,Q,C]. */
export const affineSample: OpDef<AffineSampleAttrs> = {
  shape: ([x, matrix], { size }) => sampleShape('affineSample', x, matrix, size, 'size'),
};

/**
 * Transpose of `affineSample` in x: dy [N,P,Q,C], matrix [N or 1, 2, 3] -> dx [N,H,W,C]. A singular matrix, which reads
 * a whole picture from a line or a point, gets zeros.
 */
export const affineSampleInput: OpDef<AffineSampleInputAttrs> = {
  shape: ([dy, matrix], { inputSize }) => sampleShape('affineSampleInput', dy, matrix, inputSize, 'inputSize'),
};
