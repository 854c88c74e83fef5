// layout.ts: derivatives of ops that move elements about: the transposed move.

import { reshape } from '../../engine/ops/index.ts';
import type { Rule } from './types.ts';

export const layoutRules: { reshape: Rule<'reshape'>; broadcastTo: Rule<'broadcastTo'> } = {
  reshape: ({ x: [x], dy }) => [reshape(dy, x.shape)],
  // `gradient` sums the stretched axes.
  broadcastTo: ({ dy }) => [dy],
};
