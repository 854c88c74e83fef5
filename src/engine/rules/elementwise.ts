// elementwise.ts: derivatives of the elementwise ops. Sums over broadcast axes are taken by `gradient`.

import type { ElementwiseName } from '../../kernels/elementwise.ts';
import {
  add,
  cos,
  div,
  equal,
  exp,
  greater,
  log,
  mul,
  neg,
  pow,
  reluMask,
  sign,
  sin,
  sub,
  where,
} from '../ops/index.ts';
import { type Rule, zeroGradient } from './types.ts';

export const elementwiseRules: { readonly [K in ElementwiseName]: Rule<K> } = {
  add: ({ dy }) => [dy, dy],
  sub: ({ dy }) => [dy, neg(dy)],
  mul: ({ x: [a, b], dy }) => [mul(dy, b), mul(dy, a)],
  div: ({ x: [, b], y, dy }) => [div(dy, b), neg(div(mul(dy, y), b))],
  pow: ({ x: [a, b], y, dy, needs }) => [
    needs[0] ? mul(dy, mul(b, pow(a, sub(b, 1)))) : undefined,
    needs[1] ? mul(dy, mul(y, log(a))) : undefined,
  ],
  // Where both operands are equal, each gets half: the mean of the two one-sided derivatives.
  max: ({ x: [a, b], dy }) => [mul(dy, share(greater(a, b), equal(a, b))), mul(dy, share(greater(b, a), equal(a, b)))],
  min: ({ x: [a, b], dy }) => [mul(dy, share(greater(b, a), equal(a, b))), mul(dy, share(greater(a, b), equal(a, b)))],
  neg: ({ dy }) => [neg(dy)],
  abs: ({ x: [a], dy }) => [mul(dy, sign(a))],
  sign: zeroGradient,
  floor: zeroGradient,
  round: zeroGradient,
  sqrt: ({ y, dy }) => [div(mul(dy, 0.5), y)],
  exp: ({ y, dy }) => [mul(dy, y)],
  log: ({ x: [a], dy }) => [div(dy, a)],
  sin: ({ x: [a], dy }) => [mul(dy, cos(a))],
  cos: ({ x: [a], dy }) => [neg(mul(dy, sin(a)))],
  atan: ({ x: [a], dy }) => [div(dy, add(mul(a, a), 1))],
  tanh: ({ y, dy }) => [mul(dy, sub(1, mul(y, y)))],
  erf: ({ x: [a], dy }) => [mul(dy, mul(exp(neg(mul(a, a))), 2 / Math.sqrt(Math.PI)))],
  sigmoid: ({ y, dy }) => [mul(dy, mul(y, sub(1, y)))],
  relu: ({ y, dy }) => [reluMask(dy, y)],
  greater: zeroGradient,
  greaterEqual: zeroGradient,
  equal: zeroGradient,
  where: ({ x: [condition], dy }) => [undefined, where(condition, dy, 0), where(condition, 0, dy)],
  stopGradient: zeroGradient,
  reluMask: ({ x: [, y], dy }) => [reluMask(dy, y), undefined],
};

/** 1 where it wins, 1/2 at a tie. */
function share(wins: ReturnType<typeof greater>, ties: ReturnType<typeof equal>) {
  return add(wins, mul(ties, 0.5));
}
