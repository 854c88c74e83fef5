// matmul.ts: matrix products, with leading batch axes and either operand transposed.

import { showShape, sizeOf } from './shape.ts';
import { type OpDef, OpError, type Shape } from './types.ts';

export interface MatmulAttrs {
  /** a is stored [.., K, M] instead of [.., M, K]. */
  readonly transposeA: boolean;
  /** b is stored [.., N, K] instead of [.., K, N]. */
  readonly transposeB: boolean;
}

/** Sizes of y[b,m,n] = sum over k of a[b,m,k] b[b,k,n]. */
export interface MatmulSizes {
  readonly batch: number;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** b has no batch axes: one matrix for all. */
  readonly sharedB: boolean;
}

export function matmulSizes([a, b]: readonly Shape[], { transposeA, transposeB }: MatmulAttrs): MatmulSizes {
  if (!a || !b || a.length < 2 || b.length < 2) {
    const shown = [a, b].map(showShape).join(' and ');
    throw new OpError(`matmul: operands need at least two axes, got ${shown}. Reshape a vector to [1,K] or [K,1].`);
  }
  const lead = a.slice(0, -2);
  const leadB = b.slice(0, -2);
  if (leadB.length > 0 && !(leadB.length === lead.length && leadB.every((d, axis) => d === lead[axis]))) {
    throw new OpError(
      `matmul: the batch axes of a ${showShape(a)} and b ${showShape(b)} differ. They must be equal, or b a plain matrix; ` +
        'stretch the operand with broadcastTo.',
    );
  }
  const [M, K] = transposeA ? [a[a.length - 1], a[a.length - 2]] : [a[a.length - 2], a[a.length - 1]];
  const [depth, N] = transposeB ? [b[b.length - 1], b[b.length - 2]] : [b[b.length - 2], b[b.length - 1]];
  if (K !== depth) {
    const flags = `transposeA ${transposeA}, transposeB ${transposeB}`;
    throw new OpError(
      `matmul: a ${showShape(a)} sums over ${K} terms, b ${showShape(b)} over ${depth} (${flags}). Transpose one of them.`,
    );
  }
  return { batch: sizeOf(lead), M, N, K, sharedB: leadB.length === 0 };
}

/** Numbers between the products of a batch, and between lines of an operand as it is stored. */
export interface MatmulLines {
  readonly aBatch: number;
  readonly aLine: number;
  readonly bBatch: number;
  readonly bLine: number;
}

/** The lines of operands that fill their arrays. */
export const denseLines = ({ M, N, K, sharedB }: MatmulSizes, attrs: MatmulAttrs): MatmulLines => ({
  aBatch: M * K,
  aLine: attrs.transposeA ? M : K,
  bBatch: sharedB ? 0 : K * N,
  bLine: attrs.transposeB ? K : N,
});

/** y[..,m,n] = sum over k of a[..,m,k] b[..,k,n], with a and b transposed where the attributes say so. */
export const matmul: OpDef<MatmulAttrs> = {
  epilogue: true,
  shape: (inputs, attrs) => {
    const { M, N } = matmulSizes(inputs, attrs);
    return [...inputs[0].slice(0, -2), M, N];
  },
  readsHalves: () => [1],
};
