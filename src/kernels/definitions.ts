// definitions.ts: what tracing and planning know of ops. The families that most programs need are always there; the definitions of
// the others are added by the functions that trace them (`engine/extra.ts`), so that a bundle without these is without them.

import { concat } from './concat.ts';
import { conv2d, conv2dFilter, conv2dInput } from './conv.ts';
import { elementwiseOps, fused } from './elementwise.ts';
import { toHalf } from './half.ts';
import type { OpName, ops } from './index.ts';
import { broadcastTo, pad, reshape, slice, transpose } from './layout.ts';
import { reduceMax, sum } from './reduce.ts';
import { splitMatmul, sumParts } from './split_matmul.ts';
import type { OpDef } from './types.ts';
import { winogradFilter, winogradInput, winogradOutput, winogradProduct } from './winograd.ts';

export const commonOps = {
  ...elementwiseOps,
  fused,
  reshape,
  broadcastTo,
  transpose,
  slice,
  pad,
  concat,
  sum,
  reduceMax,
  conv2d,
  conv2dInput,
  conv2dFilter,
  winogradFilter,
  winogradInput,
  winogradProduct,
  winogradOutput,
  splitMatmul,
  sumParts,
  toHalf,
};

const known: Partial<typeof ops> = { ...commonOps };

/** Adds definitions of ops that are not among `commonOps`. */
export const defineOps = (definitions: Partial<typeof ops>): void => {
  Object.assign(known, definitions);
};

/** The definition of an op, its attribute type set aside. */
export function opDef(name: OpName): OpDef {
  const definition = known[name] as OpDef | undefined;
  if (!definition) throw new Error(`op ${name} is not defined; trace it by its function of engine/ops.`);
  return definition;
}
