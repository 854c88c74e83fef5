// elementwise_table.ts: the table of elementwise ops.
// An op is one row: its arity, its WGSL expression (valid for f32 and vec4f; `T` is the element type), its float64
// meaning and its price in flops. Adding an op is adding a row here and a rule in src/engine/rules/elementwise.ts.

import { erf, erfText } from './erf.ts';

export interface Row {
  readonly arity: 1 | 2 | 3;
  readonly wgsl: (a: string, b: string, c: string) => string;
  readonly f: (a: number, b: number, c: number) => number;
  readonly flops: number;
}

const row = (arity: 1 | 2 | 3, wgsl: Row['wgsl'], f: Row['f'], flops = 1): Row => ({ arity, wgsl, f, flops });
/** A function that has the same name in WGSL. */
const builtin = (name: string, f: (a: number) => number, flops?: number): Row =>
  row(1, (a) => `${name}(${a})`, f, flops);
const compare = (operator: string, f: (a: number, b: number) => boolean): Row =>
  row(
    2,
    (a, b) => `select(T(0.0), T(1.0), ${a} ${operator} ${b})`,
    (a, b) => (f(a, b) ? 1 : 0),
  );

/** 0.5 to 0, 1.5 and 2.5 to 2. */
function roundHalfEven(a: number): number {
  const below = Math.floor(a);
  const rest = a - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** `exp` and its kin cost about this many multiply-adds on the adapters measured. */
const TRANSCENDENTAL = 15;

/** Above this |x|, tanh is 1 in float32; larger arguments overflow `exp` inside some drivers' tanh. */
const TANH_SATURATION = '15.0';

export const elementwiseTable = {
  add: row(
    2,
    (a, b) => `(${a} + ${b})`,
    (a, b) => a + b,
  ),
  sub: row(
    2,
    (a, b) => `(${a} - ${b})`,
    (a, b) => a - b,
  ),
  mul: row(
    2,
    (a, b) => `(${a} * ${b})`,
    (a, b) => a * b,
  ),
  div: row(
    2,
    (a, b) => `(${a} / ${b})`,
    (a, b) => a / b,
    4,
  ),
  /** a to the power b, for a >= 0. */
  pow: row(
    2,
    (a, b) => `pow(${a}, ${b})`,
    (a, b) => a ** b,
    2 * TRANSCENDENTAL,
  ),
  max: row(
    2,
    (a, b) => `max(${a}, ${b})`,
    (a, b) => Math.max(a, b),
  ),
  min: row(
    2,
    (a, b) => `min(${a}, ${b})`,
    (a, b) => Math.min(a, b),
  ),
  neg: row(
    1,
    (a) => `(-${a})`,
    (a) => -a,
  ),
  abs: builtin('abs', Math.abs),
  sign: builtin('sign', Math.sign),
  floor: builtin('floor', Math.floor),
  /** To the nearest whole number, halves to the even one. */
  round: builtin('round', roundHalfEven),
  sqrt: builtin('sqrt', Math.sqrt, 4),
  exp: builtin('exp', Math.exp, TRANSCENDENTAL),
  log: builtin('log', Math.log, TRANSCENDENTAL),
  sin: builtin('sin', Math.sin, TRANSCENDENTAL),
  cos: builtin('cos', Math.cos, TRANSCENDENTAL),
  atan: builtin('atan', Math.atan, TRANSCENDENTAL),
  tanh: row(
    1,
    (a) => `tanh(clamp(${a}, T(-${TANH_SATURATION}), T(${TANH_SATURATION})))`,
    (a) => Math.tanh(a),
    TRANSCENDENTAL,
  ),
  /** The error function. */
  erf: row(1, erfText, erf, TRANSCENDENTAL + 40),
  sigmoid: row(
    1,
    (a) => `(T(1.0) / (T(1.0) + exp(-${a})))`,
    (a) => 1 / (1 + Math.exp(-a)),
    TRANSCENDENTAL + 5,
  ),
  relu: row(
    1,
    (a) => `max(${a}, T(0.0))`,
    (a) => Math.max(a, 0),
  ),
  greater: compare('>', (a, b) => a > b),
  greaterEqual: compare('>=', (a, b) => a >= b),
  equal: compare('==', (a, b) => a === b),
  /** where(condition, a, b): a where condition is not 0, else b. */
  where: row(
    3,
    (c, a, b) => `select(${b}, ${a}, ${c} != T(0.0))`,
    (c, a, b) => (c !== 0 ? a : b),
  ),
  /** The value itself, taken for a constant by `gradient`. */
  stopGradient: row(
    1,
    (a) => a,
    (a) => a,
    0,
  ),
  /** dy where y > 0, else 0: the gradient of relu, with y its result or its input. */
  reluMask: row(
    2,
    (dy, y) => `select(T(0.0), ${dy}, ${y} > T(0.0))`,
    (dy, y) => (y > 0 ? dy : 0),
  ),
} as const satisfies Record<string, Row>;
