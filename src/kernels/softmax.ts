// softmax.ts: softmax and its logarithm along one axis, safe against overflow.

import { normalizeAxis, showShape } from './shape.ts';
import { defineOp, OpError } from './types.ts';

export interface SoftmaxAttrs {
  /** Counted from the front. */
  readonly axis: number;
}

const softmaxOp = (op: 'softmax' | 'logSoftmax') =>
  defineOp<SoftmaxAttrs>({
    shape: ([x], { axis }) => {
      if (x.length === 0)
        throw new OpError(`${op}: x is ${showShape(x)}, a scalar; it needs an axis to normalize along.`);
      normalizeAxis(op, axis, x.length);
      return x;
    },
  });

/** exp(x) / (sum of exp(x) along the axis). */
export const softmax = /* @__PURE__ */ softmaxOp('softmax');
/** x - log(sum of exp(x) along the axis). */
export const logSoftmax = /* @__PURE__ */ softmaxOp('logSoftmax');
