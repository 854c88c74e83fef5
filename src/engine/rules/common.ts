// common.ts: the gradient rules of the ops that are always defined, complete by type.

import type { commonOps } from '../../kernels/definitions.ts';
import { concatRules } from './concat.ts';
import { convRules } from './conv.ts';
import { elementwiseRules } from './elementwise.ts';
import { layoutRules } from './layout.ts';
import { reduceRules } from './reduce.ts';
import { notDifferentiable, type Rules } from './types.ts';

const madeByPass = notDifferentiable('it is made by the pass that lowers convolutions, after gradients are taken');
const madeBySplit = notDifferentiable('it is made by the pass that splits matrix products, after gradients are taken');

export const commonRules: Pick<Rules, keyof typeof commonOps> = {
  ...elementwiseRules,
  ...layoutRules,
  ...concatRules,
  ...reduceRules,
  ...convRules,
  winogradFilter: madeByPass,
  winogradInput: madeByPass,
  winogradProduct: madeByPass,
  winogradOutput: madeByPass,
  toHalf: notDifferentiable('it is made by the pass that stores filters in halves, after gradients are taken'),
  splitMatmul: madeBySplit,
  sumParts: madeBySplit,
  fused: notDifferentiable('it is made by the fusion pass, after gradients are taken'),
};
