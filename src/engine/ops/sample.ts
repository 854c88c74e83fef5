// sample.ts: reading pictures through an affine map.

import type { Value } from '../graph.ts';
import * as definitions from '../../kernels/sample.ts';
import { applying } from '../extra.ts';
import { sampleRules } from '../rules/sample.ts';

const apply = /* @__PURE__ */ applying({
  ops: { affineSample: definitions.affineSample, affineSampleInput: definitions.affineSampleInput },
  rules: () => sampleRules,
});

export interface AffineSampleOptions {
  /** [P, Q] of the result; the picture's own size by default. */
  readonly size?: readonly [number, number];
  /** Value of pixels outside the picture; 0 by default. */
  readonly fill?: number;
  readonly label?: string;
}

/**
 * Pixel (p, q) of the result is the picture at (row, column) = matrix (p, q, 1), read bilinearly. Integer positions are
 * pixel centres, so the identity [[1,0,0],[0,1,0]] copies. Pixels outside the picture hold `fill`.
 * x: [N,H,W,C], matrix: [N,2,3] or [1,2,3] -> [N,P,Q,C]. Differentiable in x.
 */
export function affineSample(x: Value, matrix: Value, options: AffineSampleOptions = {}): Value {
  const { size = [x.shape[1], x.shape[2]], fill = 0, label } = options;
  return apply('affineSample', [x, matrix], { size, fill }, label);
}

/** Gradient of `affineSample` with respect to x. dy: [N,P,Q,C] -> [N,H,W,C] with [H, W] = inputSize. */
export const affineSampleInput = (
  dy: Value,
  matrix: Value,
  { inputSize, label }: { readonly inputSize: readonly [number, number]; readonly label?: string },
): Value => apply('affineSampleInput', [dy, matrix], { inputSize }, label);
