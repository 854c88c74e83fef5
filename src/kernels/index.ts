// index.ts: every op of the engine, by name.

import { conv2d, conv2dFilter, conv2dInput } from './conv.ts';
import { elementwiseOps, fused } from './elementwise.ts';
import { fft, fftStage, irfft, rfft } from './fft.ts';
import { concat, take, takeInput } from './concat.ts';
import { broadcastTo, pad, reshape, slice, transpose } from './layout.ts';
import { toHalf } from './half.ts';
import { lrn, lrnInput } from './lrn.ts';
import { averagePool, averagePoolInput, maxPool, maxPoolGather, maxPoolInput, maxPoolSwitches } from './pool.ts';
import { randomAffine, randomNormal, randomUniform } from './random.ts';
import { matmul } from './matmul.ts';
import { reduceMax, sum } from './reduce.ts';
import { logSoftmax, softmax } from './softmax.ts';
import { splitMatmul, sumParts } from './split_matmul.ts';
import { affineSample, affineSampleInput } from './sample.ts';
import { winogradFilter, winogradInput, winogradOutput, winogradProduct } from './winograd.ts';
import type { OpDef } from './types.ts';

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

/** The definition of an op, its attribute type set aside. */
export const opDef = (name: OpName): OpDef => ops[name] as OpDef;
