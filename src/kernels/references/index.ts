// index.ts: of every op its meaning, in plain float64 loops, which kernels and gradient rules are tested against, and its cost.

import * as concat from './concat.ts';
import * as conv from './conv.ts';
import * as elementwise from './elementwise.ts';
import * as fft from './fft.ts';
import * as half from './half.ts';
import * as layout from './layout.ts';
import * as lrn from './lrn.ts';
import * as matmul from './matmul.ts';
import * as pool from './pool.ts';
import * as random from './random.ts';
import * as reduce from './reduce.ts';
import * as sample from './sample.ts';
import * as softmax from './softmax.ts';
import * as splitMatmul from './split_matmul.ts';
import * as winograd from './winograd.ts';
import type { CostsOf, OpName, ReferencesOf } from '../index.ts';
import type { CostOf, Reference } from '../types.ts';

const references: ReferencesOf<OpName> = {
  ...elementwise.references,
  ...layout.references,
  ...concat.references,
  ...pool.references,
  ...lrn.references,
  ...softmax.references,
  ...reduce.references,
  ...conv.references,
  ...winograd.references,
  ...matmul.references,
  ...splitMatmul.references,
  ...half.references,
  ...fft.references,
  ...sample.references,
  ...random.references,
};

const costs: CostsOf<OpName> = {
  ...elementwise.costs,
  ...layout.costs,
  ...concat.costs,
  ...pool.costs,
  ...lrn.costs,
  ...softmax.costs,
  ...reduce.costs,
  ...conv.costs,
  ...winograd.costs,
  ...matmul.costs,
  ...splitMatmul.costs,
  ...half.costs,
  ...fft.costs,
  ...sample.costs,
  ...random.costs,
};

/** The meaning of an op, its attribute type set aside. */
export const referenceOf = (op: OpName): Reference => references[op] as Reference;

/** The cost of an op, its attribute type set aside. */
export const costOfOp = (op: OpName): CostOf => costs[op] as CostOf;
