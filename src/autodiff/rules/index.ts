// index.ts: the table of gradient rules, complete by type.

import { convRules } from './conv.ts';
import { concatRules } from './concat.ts';
import { elementwiseRules } from './elementwise.ts';
import { fftRules } from './fft.ts';
import { layoutRules } from './layout.ts';
import { lrnRules } from './lrn.ts';
import { poolRules } from './pool.ts';
import { randomRules } from './random.ts';
import { matmulRules } from './matmul.ts';
import { reduceRules } from './reduce.ts';
import { softmaxRules } from './softmax.ts';
import { sampleRules } from './sample.ts';
import { notDifferentiable, type Rules } from './types.ts';

const madeByPass = notDifferentiable('it is made by the pass that lowers convolutions, after gradients are taken');

export const defaultRules: Rules = {
  ...elementwiseRules,
  ...layoutRules,
  ...concatRules,
  ...poolRules,
  ...lrnRules,
  ...softmaxRules,
  ...reduceRules,
  ...convRules,
  ...matmulRules,
  ...fftRules,
  ...randomRules,
  ...sampleRules,
  winogradFilter: madeByPass,
  winogradInput: madeByPass,
  winogradProduct: madeByPass,
  winogradOutput: madeByPass,
  toHalf: notDifferentiable('it is made by the pass that stores filters in halves, after gradients are taken'),
  splitMatmul: notDifferentiable('it is made by the pass that splits matrix products, after gradients are taken'),
  sumParts: notDifferentiable('it is made by the pass that splits matrix products, after gradients are taken'),
  fused: notDifferentiable('it is made by the fusion pass, after gradients are taken'),
};

export type { Rule, Rules } from './types.ts';
