// redirect.ts: help for dead ReLUs in the first steps. Where a ReLU lets no gradient of a picture through at all, let it
// pass anyway, except where that would push units further below zero (Lucid, `redirected_relu_grad.py`).

import { defaultRules, type Rules } from '../../autodiff/rules/index.ts';
import { abs, greater, mul, reluMask, sub, sum, where } from '../../engine/ops/index.ts';

/** Rules for the gradient of a loss that is minimized. */
export const redirectedRules: Rules = {
  ...defaultRules,
  relu: ({ y, dy }) => {
    const plain = reluMask(dy, y);
    const perPicture = y.shape.map((_, axis) => axis).slice(1);
    const passes = sum(abs(plain), perPicture, { keepDims: true });
    // A positive gradient of the loss makes the step lower the unit.
    const pushesDown = mul(sub(1, greater(y, 0)), greater(dy, 0));
    return [where(greater(passes, 0), plain, where(pushesDown, 0, dy))];
  },
};
