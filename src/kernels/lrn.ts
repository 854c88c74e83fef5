// lrn.ts: local response normalization over channels (Krizhevsky et al. 2012, section 3.3), as ONNX defines it.

import { sameShape, showShape } from './shape.ts';
import { type OpDef, OpError, type Shape } from './types.ts';

export interface LrnAttrs {
  /** Channels in the window. */
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly bias: number;
}

/**
 * Channels before and after the middle one. For even sizes the longer side comes after it: ONNX's rule.
 * (PyTorch's local_response_norm puts it before. Networks use odd sizes, where both agree.)
 */
export const reach = (size: number): { before: number; after: number } => ({
  before: Math.floor((size - 1) / 2),
  after: Math.ceil((size - 1) / 2),
});

function checked(op: string, x: Shape, { size, bias }: LrnAttrs): Shape {
  if (x.length === 0) throw new OpError(`${op}: x is a scalar; the last axis of x must hold channels.`);
  if (!Number.isInteger(size) || size < 1)
    throw new OpError(`${op}: size ${size} must be a whole number of channels, 1 or more.`);
  if (!(bias > 0)) throw new OpError(`${op}: bias ${bias} must be positive, or a window of zeros divides by zero.`);
  return x;
}

/** x: [..., C] -> y = x * scale^-beta, scale = bias + alpha / size * (sum of x² over the channels of the window). */
export const lrn: OpDef<LrnAttrs> = {
  shape: ([x], attrs) => checked('lrn', x, attrs),
};

/**
 * x, dy: [..., C] -> dx, the gradient of lrn:
 * dx_j = dy_j * scale_j^-beta - 2 * alpha / size * beta * x_j * sum of dy_c * x_c * scale_c^(-beta-1) over the c whose
 * window holds j.
 */
export const lrnInput: OpDef<LrnAttrs> = {
  epilogue: true,
  shape: ([x, dy], attrs) => {
    if (!sameShape(x, dy))
      throw new OpError(`lrnInput: x is ${showShape(x)} but dy is ${showShape(dy)}; they must agree.`);
    return checked('lrnInput', x, attrs);
  },
};
