// lrn.ts: derivative of local response normalization.

import { lrnInput } from '../ops/index.ts';
import { notDifferentiable, type Rule } from './types.ts';

export const lrnRules: { lrn: Rule<'lrn'>; lrnInput: Rule<'lrnInput'> } = {
  lrn: ({ x: [x], dy, attrs }) => [lrnInput(x, dy, attrs)],
  lrnInput: /* @__PURE__ */ notDifferentiable('second derivatives of local response normalization are not offered'),
};
