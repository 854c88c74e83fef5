// softmax.ts: softmax and its logarithm.

import { normalizeAxis } from '../../kernels/shape.ts';
import type { Value } from '../graph.ts';
import * as definitions from '../../kernels/softmax.ts';
import { applying } from '../extra.ts';
import { softmaxRules } from '../rules/softmax.ts';

const apply = /* @__PURE__ */ applying({
  ops: { softmax: definitions.softmax, logSoftmax: definitions.logSoftmax },
  rules: () => softmaxRules,
});

/** exp(x) / (sum of exp(x) along the axis); the last axis by default. */
export const softmax = (x: Value, axis = -1, label?: string): Value =>
  apply('softmax', [x], { axis: normalizeAxis('softmax', axis, x.shape.length) }, label);

/** log(softmax(x)), computed without leaving the range of floats. */
export const logSoftmax = (x: Value, axis = -1, label?: string): Value =>
  apply('logSoftmax', [x], { axis: normalizeAxis('logSoftmax', axis, x.shape.length) }, label);
