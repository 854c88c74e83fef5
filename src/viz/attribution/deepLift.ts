// deepLift.ts: DeepLIFT with the Rescale rule (Shrikumar et al. 2017, section 3.5.1): every nonlinear step passes on the
// ratio of its differences from the baseline, Δy/Δx, in place of its slope. Values sum to the difference of the scores.
//
// The picture and the baseline go through the network as one batch [x; x0]; both halves carry the same multipliers, and a
// rule sees both sides of its step.

import type { Rule, Rules } from '../../autodiff/rules/index.ts';
import { defaultRules } from '../../autodiff/rules/index.ts';
import type { Value } from '../../engine/graph.ts';
import {
  abs,
  add,
  broadcastTo,
  concat,
  div,
  greater,
  matmul,
  max,
  maxPoolInput,
  maxPoolSwitches,
  mul,
  pow,
  reshape,
  slice,
  sub,
  sum,
  where,
} from '../../engine/ops/index.ts';
import type { OpName } from '../../kernels/index.ts';
import { OpError } from '../../kernels/types.ts';
import { baselineOption, makeBaseline } from './baseline.ts';
import { slopeOf } from './gradient.ts';
import { inputShape, traceSubject } from './subject.ts';
import { layerName, tracedMethod } from './traced.ts';

/** Below this difference of the inputs the slope takes the place of the ratio (Captum's value). */
const EPSILON = 1e-10;

/** What belongs to the pictures, and what to their baselines. */
function halves(value: Value): [Value, Value] {
  const half = value.shape[0] / 2;
  return [slice(value, { starts: [0], ends: [half] }), slice(value, { starts: [half] })];
}

const twice = (value: Value): Value => concat([value, value], 0);

/** Δ of a batch of pictures and baselines. */
const difference = (value: Value): Value => {
  const [own, base] = halves(value);
  return sub(own, base);
};

/** Both halves at the middle between picture and baseline. */
const middle = (value: Value): Value => {
  const [own, base] = halves(value);
  return twice(mul(add(own, base), 0.5));
};

/** Steps of one operand that depends on the picture: dy Δy/Δx. */
const rescale =
  <K extends OpName>(slope: Rule<K>): Rule<K> =>
  (context) => {
    const { x, y, dy, needs } = context;
    const position = needs.indexOf(true);
    // With several operands that depend on the picture there is no one ratio.
    if (needs.lastIndexOf(true) !== position) return slope(context);
    const dx = twice(difference(x[position]));
    const ratio = div(twice(difference(y)), dx);
    const plain = slope(context)[position];
    return needs.map((need) =>
      need ? where(greater(abs(dx), EPSILON), mul(dy, ratio), plain ?? mul(dy, 0)) : undefined,
    );
  };

/** Products: each factor at the middle of its two values, which splits Δ(ab) without a rest. */
const bilinear =
  <K extends OpName>(slope: Rule<K>): Rule<K> =>
  (context) =>
    slope({ ...context, x: context.x.map((value, k) => (context.needs[k] ? middle(value) : value)) });

/** The transpose of a maximum over axes: equal winners share dy evenly. */
export function toWinners(dy: Value, context: Parameters<Rule<'reduceMax'>>[0]): Value {
  const { y, attrs } = context;
  const mask = (each: Value): Value => defaultRules.reduceMax({ ...context, dy: each })[0] as Value;
  const ties = sum(mask(add(mul(dy, 0), 1)), attrs.axes);
  return mask(div(dy, reshape(ties, y.shape)));
}

/**
 * Maxima: Δy splits into what the picture's winner rises above the baseline's maximum, and what the baseline's winner falls.
 * `back` hands a number to the winner of each maximum.
 */
const winners =
  <K extends 'maxPool' | 'reduceMax'>(back: (dy: Value, context: Parameters<Rule<K>>[0]) => Value): Rule<K> =>
  (context) => {
    const { x, y, dy } = context;
    const [own, base] = halves(y);
    const [rise, fall] = [sub(max(own, base), base), sub(own, max(own, base))];
    const [up, down] = halves(back(mul(dy, concat([rise, fall], 0)), context));
    const dx = twice(difference(x[0]));
    return [where(greater(abs(dx), EPSILON), div(twice(add(up, down)), dx), back(dy, context))];
  };

/** B[k,c]: 1 where channel k lies in the window of channel c, as `lrn` has it. */
function windowBand(x: Value, size: number): Value {
  const channels = x.shape[x.shape.length - 1];
  const data = Float32Array.from({ length: channels * channels }, (_, i) => {
    const offset = Math.floor(i / channels) - (i % channels);
    return offset >= -Math.floor((size - 1) / 2) && offset <= Math.ceil((size - 1) / 2) ? 1 : 0;
  });
  return x.graph.constant({ shape: [channels, channels], data });
}

/**
 * Rules that expect a batch of pictures and then their baselines. What is left to its slope (softmax, maxima of two values,
 * means over the batch axis) shows in the completeness delta.
 */
const deepLiftRules: Rules = {
  ...defaultRules,
  relu: rescale(defaultRules.relu),
  sigmoid: rescale(defaultRules.sigmoid),
  tanh: rescale(defaultRules.tanh),
  exp: rescale(defaultRules.exp),
  log: rescale(defaultRules.log),
  sqrt: rescale(defaultRules.sqrt),
  abs: rescale(defaultRules.abs),
  sin: rescale(defaultRules.sin),
  cos: rescale(defaultRules.cos),
  atan: rescale(defaultRules.atan),
  erf: rescale(defaultRules.erf),
  pow: rescale(defaultRules.pow),
  floor: rescale(defaultRules.floor),
  round: rescale(defaultRules.round),
  sign: rescale(defaultRules.sign),
  max: rescale(defaultRules.max),
  min: rescale(defaultRules.min),
  mul: bilinear(defaultRules.mul),
  matmul: bilinear(defaultRules.matmul),
  // a / b = a (1/b), a product whose second factor is rescaled: Δ(1/b)/Δb = -1/(b b0).
  div: ({ x: [a, b], dy, needs }) => {
    if (!needs[1]) return [div(dy, b), undefined];
    const [own, base] = halves(b);
    const product = twice(mul(own, base));
    const numerator = needs[0] ? middle(a) : a;
    return [needs[0] ? div(mul(dy, middle(b)), product) : undefined, sub(0, div(mul(dy, numerator), product))];
  },
  // A switch on the sign (leaky ReLU): where picture and baseline fall on different sides, the side of the picture gets
  // the whole difference.
  where: ({ x: [condition, a, b], y, dy, needs }) => {
    const isConstant = condition.shape[0] !== y.shape[0];
    const side = isConstant ? condition : twice(halves(broadcastTo(condition, y.shape))[0]);
    const share = (value: Value): Value => {
      const dx = twice(difference(broadcastTo(value, y.shape)));
      return where(greater(abs(dx), EPSILON), div(mul(dy, twice(difference(y))), dx), dy);
    };
    return [
      undefined,
      needs[1] ? where(side, share(a), 0) : undefined,
      needs[2] ? where(side, 0, share(b)) : undefined,
    ];
  },
  maxPool: winners((dy, { x, attrs }) =>
    maxPoolInput(maxPoolSwitches(x[0], attrs), dy, attrs, [x[0].shape[1], x[0].shape[2]]),
  ),
  reduceMax: winners(toWinners),
  // y = x g(s), s = bias + rate B x² with B the band of the window: two products and one rescaled power.
  lrn: ({ x: [x], dy, attrs: { size, alpha, beta, bias } }) => {
    const rate = alpha / size;
    const band = windowBand(x, size);
    const sums = add(mul(matmul(mul(x, x), band), rate), bias);
    const powers = pow(sums, -beta);
    const ds = twice(difference(sums));
    const slope = mul(div(powers, sums), -beta);
    const ratio = where(greater(abs(ds), EPSILON), div(twice(difference(powers)), ds), slope);
    const means = middle(x);
    const through = matmul(mul(mul(dy, means), ratio), band, { transposeB: true });
    return [add(mul(dy, middle(powers)), mul(mul(through, means), 2 * rate))];
  },
  transpose: (context) => {
    if (context.attrs.permutation[0] !== 0) {
      throw new OpError(
        'DeepLIFT: this network moves its batch axis, so that a picture cannot be told from its baseline.',
      );
    }
    return defaultRules.transpose(context);
  },
};

export const deepLift = tracedMethod({
  name: 'deeplift',
  title: 'DeepLIFT',
  description: 'differences from a baseline passed back as ratios (Rescale rule)',
  source: 'Shrikumar et al. 2017, https://arxiv.org/abs/1704.02685',
  family: 'gradient',
  takesLayer: true,
  options: { baseline: baselineOption() },
  signed: () => true,
  trace(context, x) {
    const start = x.graph.input('baseline', inputShape(context));
    const pair = concat([x, broadcastTo(start, x.shape)], 0);
    const subject = traceSubject(context, pair);
    const [multipliers] = halves(slopeOf(subject, deepLiftRules));
    const [scores, baselineScores] = halves(subject.scores);
    const map = mul(multipliers, difference(subject.at));
    return { map, layout: subject.layout, scores, baselineScores, layer: layerName(context) };
  },
  inputs(context, { input }, { baseline }) {
    const [, ...shape] = inputShape(context);
    return { baseline: makeBaseline(baseline, input, shape, context.seed) };
  },
});
