// random.ts: random numbers depend on nothing that could be differentiated.

import { type Rule, zeroGradient } from './types.ts';

export const randomRules: {
  randomUniform: Rule<'randomUniform'>;
  randomNormal: Rule<'randomNormal'>;
  randomAffine: Rule<'randomAffine'>;
} = {
  randomUniform: zeroGradient,
  randomNormal: zeroGradient,
  randomAffine: zeroGradient,
};
