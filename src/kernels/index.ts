// index.ts: every op of the engine, by name: what tracing and planning know of it.

import { concat, take, takeInput } from './concat.ts';
import { conv2d, conv2dFilter, conv2dInput } from './conv.ts';
import { elementwiseOps, fused } from './elementwise.ts';
import { fft, fftStage, irfft, rfft } from './fft.ts';
import { broadcastTo, pad, reshape, slice, transpose } from './layout.ts';
import { toHalf } from './half.ts';
import { lrn, lrnInput } from './lrn.ts';
import { matmul } from './matmul.ts';
import { averagePool, averagePoolInput, maxPool, maxPoolGather, maxPoolInput, maxPoolSwitches } from './pool.ts';
import { randomAffine, randomNormal, randomUniform } from './random.ts';
import { reduceMax, sum } from './reduce.ts';
import { affineSample, affineSampleInput } from './sample.ts';
import { logSoftmax, softmax } from './softmax.ts';
import { splitMatmul, sumParts } from './split_matmul.ts';
import type { CostOf, Kernels, OpDef, Reference } from './types.ts';
import { winogradFilter, winogradInput, winogradOutput, winogradProduct } from './winograd.ts';

export const ops = {
  ...elementwiseOps,
  fused,
  reshape,
  broadcastTo,
  transpose,
  slice,
  pad,
  concat,
  take,
  takeInput,
  maxPool,
  maxPoolSwitches,
  maxPoolInput,
  maxPoolGather,
  averagePool,
  averagePoolInput,
  lrn,
  lrnInput,
  softmax,
  logSoftmax,
  sum,
  reduceMax,
  conv2d,
  conv2dInput,
  conv2dFilter,
  winogradFilter,
  winogradInput,
  winogradProduct,
  winogradOutput,
  matmul,
  splitMatmul,
  sumParts,
  toHalf,
  fft,
  rfft,
  irfft,
  fftStage,
  affineSample,
  affineSampleInput,
  randomUniform,
  randomNormal,
  randomAffine,
} as const;

export type OpName = keyof typeof ops;
/** Attributes of op K. */
export type Attrs<K extends OpName> = (typeof ops)[K] extends OpDef<infer A> ? A : never;

/** What modules of references and of kernels hold of the ops K. */
export type ReferencesOf<K extends OpName> = { readonly [P in K]: Reference<Attrs<P>> };
export type CostsOf<K extends OpName> = { readonly [P in K]: CostOf<Attrs<P>> };
export type KernelsOf<K extends OpName> = { readonly [P in K]: Kernels<Attrs<P>> };

/** The definition of an op, its attribute type set aside. */
export const opDef = (name: OpName): OpDef => ops[name] as OpDef;
