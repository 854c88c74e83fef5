// elementwise.ts: functions of one number and arithmetic with broadcasting.

import type { Operand as EngineOperand, Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import type { Converter, NodeContext } from '../context.ts';
import type { Layout } from '../layout.ts';
import { Fixed, type Operand, Traced } from '../operand.ts';

/** f on each element: the layout stays. */
export const mapped =
  (f: (x: Value, context: NodeContext) => Value): Converter =>
  (context) => {
    const x = context.operand(0);
    if (x instanceof Fixed) return new Traced(f(context.plain(x), context));
    return new Traced(f(x.value, context), x.layout);
  };

export const unary = (f: (x: Value) => Value): Converter => mapped((x) => f(x));

const isFlattened = (layout: Layout): boolean => typeof layout === 'object';

/** Operands of an elementwise op in one layout, ready to broadcast. */
export function aligned(
  context: NodeContext,
  operands: readonly Operand[],
): { values: EngineOperand[]; layout: Layout } {
  const rank = Math.max(...operands.map(({ shape }) => shape.length));
  const traced = operands.filter((operand) => operand instanceof Traced);
  const scalar = (operand: Operand): number | undefined =>
    operand instanceof Fixed && operand.size === 1 && traced.some(({ shape }) => shape.length >= operand.shape.length)
      ? operand.data[0]
      : undefined;
  const others = operands.filter((operand) => scalar(operand) === undefined);
  const place = (layout: Layout, place: (operand: Operand) => Value) => ({
    values: operands.map((operand) => scalar(operand) ?? place(operand)),
    layout,
  });
  if (rank === 4 && traced.some(({ layout }) => layout === 'nhwc')) {
    return place('nhwc', (operand) => withoutLeadingOnes(context, operand));
  }
  const [first] = others;
  const isOneFlatMap =
    first instanceof Traced &&
    isFlattened(first.layout) &&
    others.every((other) => other instanceof Traced && JSON.stringify(other.layout) === JSON.stringify(first.layout));
  if (isOneFlatMap) return place(first.layout, (operand) => (operand as Traced).value);
  return place('plain', (operand) => context.plain(operand));
}

/** Channels last; a known operand loses leading axes of size 1, so that one number a channel reads as [C]. */
function withoutLeadingOnes(context: NodeContext, operand: Operand): Value {
  const value = context.nhwc(operand);
  if (operand instanceof Traced) return value;
  const from = value.shape.findIndex((d) => d !== 1);
  const shape = from < 0 ? [] : value.shape.slice(from);
  const { node } = value;
  return node.kind === 'constant' ? context.derived([operand], 'channels', shape, () => node.tensor.data) : value;
}

/** f on each pair of elements; more than two operands (Sum, Max, Min) go one after another. */
export const combined =
  (f: (a: EngineOperand, b: EngineOperand) => Value): Converter =>
  (context) => {
    const operands = [context.operand(0), ...context.inputs.slice(1).map((_, i) => context.operand(i + 1))];
    if (operands.length === 1) return operands[0];
    const { values, layout } = aligned(context, operands);
    // Of many, values go first: two plain numbers have no graph to be computed in. (Only order-free ops take many.)
    if (values.length > 2) values.sort((a, b) => Number(typeof a === 'number') - Number(typeof b === 'number'));
    return new Traced(values.slice(1).reduce((a: EngineOperand, b) => f(a, b), values[0]) as Value, layout);
  };

/** The engine's `pow` takes a >= 0; whole exponents are defined for all a. */
function power(a: EngineOperand, b: EngineOperand): Value {
  if (typeof b !== 'number' || typeof a === 'number') return ops.pow(a, b);
  if (b === 0) return ops.add(ops.mul(a, 0), 1);
  if (b === 1) return ops.mul(a, 1);
  if (b === 2) return ops.square(a);
  if (b === 3) return ops.mul(ops.square(a), a);
  if (b === 4) return ops.square(ops.square(a));
  if (b === 0.5) return ops.sqrt(a);
  if (b === -1) return ops.reciprocal(a);
  if (!Number.isInteger(b)) return ops.pow(a, b);
  const magnitude = ops.pow(ops.abs(a), b);
  return b % 2 === 0 ? magnitude : ops.mul(ops.sign(a), magnitude);
}

/** Of whole numbers the quotient is cut off: half of one more keeps a quotient that is whole above its own rounding. */
const divide: Converter = (context) => {
  if (!context.operand(0).isInteger) return combined(ops.div)(context);
  return combined((a, b) => {
    const quotient = ops.div(sum(a, halfOf(a)), b);
    return ops.trunc(quotient);
  })(context);
};

const sum = (a: EngineOperand, b: EngineOperand): EngineOperand =>
  typeof a === 'number' && typeof b === 'number' ? a + b : ops.add(a, b);

/** A half of the sign of a, 0 for 0. */
const halfOf = (a: EngineOperand): EngineOperand =>
  typeof a === 'number' ? Math.sign(a) / 2 : ops.mul(ops.sign(a), 0.5);

/** The rest of a division: of the sign of a with `fmod`, else of that of b. The whole quotient is taken for a constant. */
const modulo: Converter = (context) => {
  const isOfDividend = context.int('fmod', 0) === 1;
  const isWhole = context.operand(0).isInteger;
  return combined((a, b) => {
    const raised = isWhole ? sum(a, halfOf(isOfDividend ? a : b)) : a;
    const quotient = ops.div(raised, b);
    return ops.sub(a, ops.mul(b, isOfDividend ? ops.trunc(quotient) : ops.floor(quotient)));
  })(context);
};

const average: Converter = (context) => {
  const total = combined(ops.add)(context) as Operand;
  return total instanceof Fixed ? total : new Traced(ops.mul(total.value, 1 / context.inputs.length), total.layout);
};

/** Bounds are attributes before opset 11 and inputs since; either may be missing. */
const clip: Converter = mapped((x, context) => {
  const low = context.scalar(1, 'min') ?? Number.NEGATIVE_INFINITY;
  const high = context.scalar(2, 'max') ?? Number.POSITIVE_INFINITY;
  const LIMIT = 3.4e38; // files write "no bound" as the largest float32
  // Clipping at 0 is a ReLU with a lid: traced as such, so that rules for ReLU (guided backprop) hold for ReLU6 too.
  const raised = low === 0 ? ops.relu(x) : low > -LIMIT ? ops.max(x, low) : x;
  return high < LIMIT ? ops.min(raised, high) : raised;
});

export const elementwise: Record<string, Converter> = {
  Clip: clip,
  Exp: unary(ops.exp),
  Log: unary(ops.log),
  Sqrt: unary(ops.sqrt),
  Neg: unary(ops.neg),
  Abs: unary(ops.abs),
  Reciprocal: unary(ops.reciprocal),
  Floor: unary(ops.floor),
  Ceil: unary(ops.ceil),
  Round: unary(ops.round),
  Sign: unary(ops.sign),
  Sin: unary(ops.sin),
  Cos: unary(ops.cos),
  Tan: unary((x) => ops.div(ops.sin(x), ops.cos(x))),
  Atan: unary(ops.atan),
  Add: combined(ops.add),
  Sub: combined(ops.sub),
  Mul: combined(ops.mul),
  Div: divide,
  Mod: modulo,
  Pow: combined(power),
  Sum: combined(ops.add),
  Mean: average,
  Max: combined(ops.max),
  Min: combined(ops.min),
};
