// pool.ts: maximum and average over sliding windows, and the linear maps that carry gradients back through them.
// The maximum's gradient goes by switches: which tap of each window won, computed once and read by every use
// (the backward pass, its own derivative, unpooling in a deconvolutional network).

import { sameShape, showShape } from './shape.ts';
import { type OpDef, OpError, type Shape } from './types.ts';
import { pooledShape, type Window } from './window.ts';

export interface AverageAttrs extends Window {
  /** Divide by the taps on input and padding (not by those beyond the padding), instead of by the taps on the input. */
  readonly countIncludePad: boolean;
}
/** [H, W] of the input: several sizes pool to the same one. */
interface InputSize {
  readonly inputSize: readonly [number, number];
}
export type MaxPoolInputAttrs = Window & InputSize;
export type AverageInputAttrs = AverageAttrs & InputSize;

// --- maximum -----------------------------------------------------------------------------------------------------

/** x: [N,H,W,C] -> y: [N,P,Q,C], the largest value in each window. Padding counts as -infinity. */
export const maxPool: OpDef<Window> = {
  shape: ([x], attrs) => pooledShape('maxPool', x, attrs),
  writesSlices: () => true,
};

/** x: [N,H,W,C] -> [N,P,Q,C], the tap r * S + s of each window's maximum; the first in row-major order where several tie. */
export const maxPoolSwitches: OpDef<Window> = {
  shape: ([x], attrs) => pooledShape('maxPoolSwitches', x, attrs),
};

/** Input shape of a gradient op, after checking that what it carries back has the pooled shape. */
function inputShapeOf(op: string, pooled: readonly Shape[], attrs: Window & InputSize): Shape {
  const dy = pooled[pooled.length - 1];
  if (dy.length !== 4) throw new OpError(`${op}: dy is ${showShape(dy)}; pooling wants [N, P, Q, C].`);
  const x = [dy[0], attrs.inputSize[0], attrs.inputSize[1], dy[3]];
  const expected = pooledShape(op, x, attrs);
  for (const shape of pooled) {
    if (!sameShape(shape, expected)) {
      throw new OpError(
        `${op}: an input of ${showShape(x)} pools to ${showShape(expected)}, but dy or switches are ${showShape(shape)}. ` +
          'Give the inputSize and the window of the forward pooling.',
      );
    }
  }
  return x;
}

/**
 * switches, dy: [N,P,Q,C] -> dx: [N,H,W,C]: each dy is added to the pixel its window's switch points at. The gradient
 * of maxPool, and (dy being a signal) its unpooling.
 */
export const maxPoolInput: OpDef<MaxPoolInputAttrs> = {
  epilogue: true,
  shape: (inputs, attrs) => inputShapeOf('maxPoolInput', inputs, attrs),
};

/** switches: [N,P,Q,C], x: [N,H,W,C] -> y: [N,P,Q,C], the value of x each switch points at. The transpose of maxPoolInput. */
export const maxPoolGather: OpDef<Window> = {
  shape: ([switches, x], attrs) => {
    const expected = pooledShape('maxPoolGather', x, attrs);
    if (!sameShape(switches, expected)) {
      throw new OpError(
        `maxPoolGather: x ${showShape(x)} pools to ${showShape(expected)}, but the switches are ${showShape(switches)}.`,
      );
    }
    return expected;
  },
};

// --- average -----------------------------------------------------------------------------------------------------

const checkedAverage = (op: string, x: Shape, attrs: AverageAttrs): Shape => {
  if (attrs.dilations.some((d) => d !== 1)) {
    throw new OpError(`${op}: dilations [${attrs.dilations}] are not offered for averages, only [1,1].`);
  }
  return pooledShape(op, x, attrs);
};

/** x: [N,H,W,C] -> y: [N,P,Q,C], the mean of each window; see `countIncludePad` for what it is divided by. */
export const averagePool: OpDef<AverageAttrs> = {
  shape: ([x], attrs) => checkedAverage('averagePool', x, attrs),
  writesSlices: () => true,
};

/** dy: [N,P,Q,C] -> dx: [N,H,W,C]: the gradient of averagePool. */
export const averagePoolInput: OpDef<AverageInputAttrs> = {
  epilogue: true,
  shape: (inputs, attrs) => {
    const x = inputShapeOf('averagePoolInput', inputs, attrs);
    checkedAverage('averagePoolInput', x, attrs);
    return x;
  },
};
