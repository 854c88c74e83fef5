// lower.ts: replaces ops that are written as one for the sake of their gradients by several that run faster.
// Comes after differentiation: what it makes has no gradient rules.

import { extraLowering } from '../extra.ts';
import { type Pass, rewrite } from '../rewrite.ts';
import { lowerConv2dInput } from './lower_conv.ts';

export const lower: Pass = (source) =>
  rewrite(source, (node, inputs) => {
    if (node.epilogue) return undefined;
    const lowering = node.op === 'conv2dInput' ? lowerConv2dInput : extraLowering(node.op);
    return lowering?.(node, inputs);
  });
