// softmax.ts: derivatives of softmax and its logarithm.

import { exp, mul, sub, sum } from '../ops/index.ts';
import type { Rule } from './types.ts';

export const softmaxRules: { softmax: Rule<'softmax'>; logSoftmax: Rule<'logSoftmax'> } = {
  softmax: ({ y, dy, attrs }) => [mul(y, sub(dy, sum(mul(dy, y), [attrs.axis], { keepDims: true })))],
  logSoftmax: ({ y, dy, attrs }) => [sub(dy, mul(exp(y), sum(dy, [attrs.axis], { keepDims: true })))],
};
