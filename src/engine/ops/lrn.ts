// lrn.ts: local response normalization.

import type { LrnAttrs } from '../../kernels/lrn.ts';
import type { Value } from '../graph.ts';
import * as definitions from '../../kernels/lrn.ts';
import { applying } from '../extra.ts';
import { lrnRules } from '../rules/lrn.ts';

const apply = /* @__PURE__ */ applying({
  ops: { lrn: definitions.lrn, lrnInput: definitions.lrnInput },
  rules: () => lrnRules,
});

export interface LrnOptions {
  /** Channels in the window. */
  readonly size: number;
  readonly alpha?: number;
  readonly beta?: number;
  readonly bias?: number;
  readonly label?: string;
}

/** x / (bias + alpha / size * sum of x² over the window)^beta, over channels (the last axis). Defaults as in ONNX. */
export const lrn = (x: Value, { size, alpha = 1e-4, beta = 0.75, bias = 1, label }: LrnOptions): Value =>
  apply('lrn', [x], { size, alpha, beta, bias }, label);

/** Gradient of lrn with respect to x. */
export const lrnInput = (x: Value, dy: Value, { size, alpha, beta, bias }: LrnAttrs): Value =>
  apply('lrnInput', [x, dy], { size, alpha, beta, bias });
