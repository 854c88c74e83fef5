// elementwise.ts: functions of one element at a time, with NumPy broadcasting, and compositions of them.

import type { ElementwiseName } from '../../kernels/elementwise.ts';
import { apply, lift, type Operand, type Value } from '../graph.ts';

const unary = (op: ElementwiseName) => (a: Value, label?: string) => apply(op, [a], {}, label);
const binary = (op: ElementwiseName) => (a: Operand, b: Operand, label?: string) => apply(op, lift([a, b]), {}, label);

export const add = binary('add');
export const sub = binary('sub');
export const mul = binary('mul');
export const div = binary('div');
/** a to the power b, for a >= 0. */
export const pow = binary('pow');
export const max = binary('max');
export const min = binary('min');
/** 1 where a > b, else 0. */
export const greater = binary('greater');
export const greaterEqual = binary('greaterEqual');
export const equal = binary('equal');
/** dy where y > 0, else 0. */
export const reluMask = binary('reluMask');

export const neg = unary('neg');
export const abs = unary('abs');
export const sign = unary('sign');
export const floor = unary('floor');
/** To the nearest whole number, halves to the even one. */
export const round = unary('round');
export const sqrt = unary('sqrt');
export const exp = unary('exp');
export const log = unary('log');
export const sin = unary('sin');
export const cos = unary('cos');
export const atan = unary('atan');
export const tanh = unary('tanh');
export const erf = unary('erf');
export const sigmoid = unary('sigmoid');
export const relu = unary('relu');
/** The value itself; no gradient flows through. */
export const stopGradient = unary('stopGradient');

/** a where the condition is not 0, else b. */
export const where = (condition: Operand, a: Operand, b: Operand) => apply('where', lift([condition, a, b]), {});

// Derived.
export const square = (a: Value) => mul(a, a);
export const ceil = (a: Value) => neg(floor(neg(a)));
/** Towards zero. */
export const trunc = (a: Value) => mul(sign(a), floor(abs(a)));
export const reciprocal = (a: Value) => div(1, a);
export const clip = (a: Value, low: Operand, high: Operand, label?: string) => min(max(a, low), high, label);
export const leakyRelu = (a: Value, slope: number) => where(greater(a, 0), a, mul(a, slope));
/** log(1 + exp(a)), written so that neither end overflows. */
export const softplus = (a: Value) => add(max(a, 0), log(add(exp(neg(abs(a))), 1)));
