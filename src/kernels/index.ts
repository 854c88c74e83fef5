// index.ts: every op of the engine, by name. The engine takes only types from here: definitions.ts says what is loaded.

import { take, takeInput } from './concat.ts';
import { commonOps } from './definitions.ts';
import { fft, fftStage, irfft, rfft } from './fft.ts';
import { lrn, lrnInput } from './lrn.ts';
import { matmul } from './matmul.ts';
import { averagePool, averagePoolInput, maxPool, maxPoolGather, maxPoolInput, maxPoolSwitches } from './pool.ts';
import { randomAffine, randomNormal, randomUniform } from './random.ts';
import { affineSample, affineSampleInput } from './sample.ts';
import { logSoftmax, softmax } from './softmax.ts';
import type { CostOf, Kernels, OpDef, Reference } from './types.ts';

export const ops = {
  ...commonOps,
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
  matmul,
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
