// split_matmul.ts: a matrix product in two dispatches, for GPUs that one result an invocation would leave idle: partial sums
// over parts of the terms, then their sum. Made by the pass that splits products (engine/passes/split.ts), never by hand.
// Parts are summed in their order, so the result is the same at every run.

import { denseLines, type MatmulAttrs, type MatmulLines, matmulSizes } from './matmul.ts';
import { showShape } from './shape.ts';
import { defineOp, OpError, type Shape } from './types.ts';

/** Numbers of parts that are tried. */
export const splitParts = [2, 4, 8, 16, 32] as const;
export const splitName = (parts: (typeof splitParts)[number]) => `split-${parts}` as const;

interface SplitMatmulAttrs extends MatmulAttrs {
  /** Number of equal parts of the terms. */
  readonly parts: number;
}

/** Sizes of y[i,m,n] = sum over the K terms of part i, and how the parts lie in a and b. */
export function partSizes([a, b]: readonly Shape[], attrs: SplitMatmulAttrs) {
  const { parts, transposeA, transposeB } = attrs;
  if (a?.length !== 2 || b?.length !== 2) {
    const shown = [a, b].map(showShape).join(' and ');
    throw new OpError(`splitMatmul: operands must be plain matrices, got ${shown}. Reshape batch axes into rows.`);
  }
  const whole = matmulSizes([a, b], attrs);
  if (!Number.isInteger(parts) || parts < 1 || whole.K % parts !== 0) {
    throw new OpError(`splitMatmul: ${whole.K} terms do not divide into ${parts} parts. Choose a divisor.`);
  }
  const K = whole.K / parts;
  const dense = denseLines(whole, attrs);
  const lines: MatmulLines = {
    ...dense,
    aBatch: transposeA ? K * dense.aLine : K,
    bBatch: transposeB ? K : K * dense.bLine,
  };
  return { sizes: { ...whole, batch: parts, K, sharedB: false }, lines };
}

/** y[i,m,n] = sum over k of part i of a[m,k] b[k,n], with a and b transposed where the attributes say so. */
export const splitMatmul = defineOp<SplitMatmulAttrs>({
  shape: (inputs, attrs) => {
    const { batch, M, N } = partSizes(inputs, attrs).sizes;
    return [batch, M, N];
  },
  readsHalves: () => [1],
});

export interface SumPartsAttrs {
  /** Where the parts are. */
  readonly axis: number;
}

/** y[i,j] = sum over p of x[i,p,j], i being the axes before the parts and j those after. */
export const sumParts = defineOp<SumPartsAttrs>({
  epilogue: true,
  shape: ([x], { axis }) => {
    if (!x || axis < 0 || axis >= x.length) {
      throw new OpError(`sumParts: axis ${axis} is none of x ${showShape(x)}. Give the axis of the parts.`);
    }
    return x.filter((_, at) => at !== axis);
  },
});
