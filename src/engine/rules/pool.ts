// pool.ts: derivatives of pooling. Given the switches, max pooling is linear, and so are all its derivatives.

import { averagePool, averagePoolInput, maxPoolGather, maxPoolInput, maxPoolSwitches } from '../ops/index.ts';
import { type Rule, zeroGradient } from './types.ts';

export const maxPoolRules: {
  maxPool: Rule<'maxPool'>;
  maxPoolSwitches: Rule<'maxPoolSwitches'>;
  maxPoolInput: Rule<'maxPoolInput'>;
  maxPoolGather: Rule<'maxPoolGather'>;
} = {
  maxPool: ({ x: [x], dy, attrs }) => [maxPoolInput(maxPoolSwitches(x, attrs), dy, attrs, [x.shape[1], x.shape[2]])],
  maxPoolSwitches: zeroGradient,
  maxPoolInput: ({ x: [switches], dy, attrs }) => [undefined, maxPoolGather(switches, dy, attrs)],
  maxPoolGather: ({ x: [switches, x], dy, attrs }) => [
    undefined,
    maxPoolInput(switches, dy, attrs, [x.shape[1], x.shape[2]]),
  ],
};

export const averagePoolRules: {
  averagePool: Rule<'averagePool'>;
  averagePoolInput: Rule<'averagePoolInput'>;
} = {
  averagePool: ({ x: [x], dy, attrs }) => [averagePoolInput(dy, attrs, [x.shape[1], x.shape[2]])],
  averagePoolInput: ({ dy, attrs }) => [averagePool(dy, attrs)],
};
