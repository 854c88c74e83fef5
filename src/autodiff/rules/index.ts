// index.ts: the whole table of gradient rules, complete by type, for whoever replaces some of them.

import { commonRules } from '../../engine/rules/common.ts';
import { takeRules } from '../../engine/rules/concat.ts';
import { fftRules } from '../../engine/rules/fft.ts';
import { lrnRules } from '../../engine/rules/lrn.ts';
import { matmulRules } from '../../engine/rules/matmul.ts';
import { averagePoolRules, maxPoolRules } from '../../engine/rules/pool.ts';
import { randomRules } from '../../engine/rules/random.ts';
import { sampleRules } from '../../engine/rules/sample.ts';
import { softmaxRules } from '../../engine/rules/softmax.ts';
import type { Rules } from '../../engine/rules/types.ts';

export const defaultRules: Rules = {
  ...commonRules,
  ...takeRules,
  ...maxPoolRules,
  ...averagePoolRules,
  ...lrnRules,
  ...softmaxRules,
  ...matmulRules,
  ...fftRules,
  ...randomRules,
  ...sampleRules,
};

export type { Rule, Rules } from '../../engine/rules/types.ts';
