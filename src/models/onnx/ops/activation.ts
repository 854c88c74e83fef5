// activation.ts: activations. Formulas and defaults are those of ONNX's operator list.

import type { Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import type { Converter } from '../context.ts';
import { Traced } from '../operand.ts';
import { mapped, unary } from './elementwise.ts';

/** x where it is not above 0, else 0: keeps exp() in range, with the slope of x at 0 itself. */
const below = (x: Value): Value => ops.where(ops.greater(x, 0), 0, x);

/** x above 0, else alpha (exp(x / scale) - 1). */
const elu = (x: Value, alpha: number, scale = 1): Value => {
  const part = scale === 1 ? below(x) : ops.mul(below(x), 1 / scale);
  return ops.where(ops.greater(x, 0), x, ops.mul(ops.sub(ops.exp(part), 1), alpha));
};

const hardSigmoid = (x: Value, alpha: number, beta: number): Value => ops.clip(ops.add(ops.mul(x, alpha), beta), 0, 1);

/** x times the normal distribution's share below x, or its approximation by tanh (Hendrycks and Gimpel, 2016). */
function gelu(x: Value, approximate: string): Value {
  const half = ops.mul(x, 0.5);
  if (approximate !== 'tanh') return ops.mul(half, ops.add(ops.erf(ops.mul(x, Math.SQRT1_2)), 1));
  const cubic = ops.add(x, ops.mul(ops.mul(ops.square(x), x), 0.044715));
  return ops.mul(half, ops.add(ops.tanh(ops.mul(cubic, Math.sqrt(2 / Math.PI))), 1));
}

/** The slope is a weight, mostly one a channel. */
const prelu: Converter = (context) => {
  const operand = context.operand(0);
  const layout = operand instanceof Traced && operand.layout === 'nhwc' ? 'nhwc' : 'plain';
  const x = layout === 'nhwc' ? context.nhwc(operand) : context.plain(operand);
  const slope = context.weightAgainst(layout, context.operand(1));
  return new Traced(ops.where(ops.greater(x, 0), x, ops.mul(x, slope)), layout);
};

/** 0 within lambd of 0; outside, moved towards 0 by the bias. */
const shrink = (x: Value, lambd: number, bias: number): Value =>
  ops.add(
    ops.where(ops.greater(-lambd, x), ops.add(x, bias), 0),
    ops.where(ops.greater(x, lambd), ops.sub(x, bias), 0),
  );

export const activation: Record<string, Converter> = {
  Relu: unary(ops.relu),
  LeakyRelu: mapped((x, context) => ops.leakyRelu(x, context.float('alpha', 0.01))),
  PRelu: prelu,
  ThresholdedRelu: mapped((x, context) => ops.where(ops.greater(x, context.float('alpha', 1)), x, 0)),
  Elu: mapped((x, context) => elu(x, context.float('alpha', 1))),
  Celu: mapped((x, context) => elu(x, context.float('alpha', 1), context.float('alpha', 1))),
  Selu: mapped((x, context) =>
    ops.mul(elu(x, context.float('alpha', 1.6732632423543772)), context.float('gamma', 1.0507009873554805)),
  ),
  Sigmoid: unary(ops.sigmoid),
  HardSigmoid: mapped((x, context) => hardSigmoid(x, context.float('alpha', 0.2), context.float('beta', 0.5))),
  HardSwish: unary((x) => ops.mul(x, hardSigmoid(x, 1 / 6, 0.5))),
  Tanh: unary(ops.tanh),
  Softplus: unary(ops.softplus),
  Softsign: unary((x) => ops.div(x, ops.add(ops.abs(x), 1))),
  Shrink: mapped((x, context) => shrink(x, context.float('lambd', 0.5), context.float('bias', 0))),
  Mish: unary((x) => ops.mul(x, ops.tanh(ops.softplus(x)))),
  Erf: unary(ops.erf),
  Gelu: mapped((x, context) => gelu(x, context.text('approximate', 'none'))),
};
