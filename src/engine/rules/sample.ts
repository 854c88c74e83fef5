// sample.ts: derivatives of affine sampling: reading is transposed to writing and the other way round.

import { OpError } from '../../kernels/types.ts';
import { affineSample, affineSampleInput } from '../ops/index.ts';
import type { Rule } from './types.ts';

/** Nothing needs it yet: maps are drawn at random or fixed. */
function noMatrixGradient(op: string, needs: readonly boolean[]): void {
  if (needs[1]) {
    throw new OpError(
      `gradient: ${op} is not differentiable in its matrix, only in its picture. Make the matrix an input.`,
    );
  }
}

export const sampleRules: { affineSample: Rule<'affineSample'>; affineSampleInput: Rule<'affineSampleInput'> } = {
  affineSample: ({ x: [x, matrix], dy, needs }) => {
    noMatrixGradient('affineSample', needs);
    return [affineSampleInput(dy, matrix, { inputSize: [x.shape[1], x.shape[2]] })];
  },
  affineSampleInput: ({ x: [x, matrix], dy, needs }) => {
    noMatrixGradient('affineSampleInput', needs);
    return [affineSample(dy, matrix, { size: [x.shape[1], x.shape[2]], fill: 0 })];
  },
};
