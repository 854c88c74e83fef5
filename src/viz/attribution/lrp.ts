// lrp.ts: layer-wise relevance propagation (Bach et al. 2015; rules as in Montavon et al. 2019, section 10.2). What flows
// back is relevance R, not a slope: each layer hands R_k to its inputs in proportion to their share of z_k.
//
//   epsilon     R_j = Σ_k a_j w_jk / (z_k + ε sign z_k) R_k           z_k = Σ_j a_j w_jk + b_k
//   gamma       positive contributions (a_j w_jk)⁺ count 1 + γ times
//   alpha-beta  R_j = Σ_k (α (a_j w_jk)⁺ / z⁺_k - β (a_j w_jk)⁻ / z⁻_k) R_k     α - β = 1;  z-plus is α = 1, β = 0
//   flat        every input of a window gets the same
//   composite   epsilon where layers are dense, z-plus in convolutions, flat in the first layer
//
// Biases keep the share they took: the values sum to the score without it.

import { defaultRules, type Rule, type Rules } from '../../autodiff/rules/index.ts';
import { gradient as differentiate } from '../../autodiff/gradient.ts';
import { apply, operandsOf, Value } from '../../engine/graph.ts';
import { add, div, greaterEqual, min, mul, neg, relu, sub, where } from '../../engine/ops/index.ts';
import type { OpName } from '../../kernels/index.ts';
import { sizeOf } from '../../kernels/shape.ts';
import { ModelError } from '../../models/error.ts';
import { toWinners } from './deepLift.ts';
import { choice, real } from './options.ts';
import { traceSubject } from './subject.ts';
import { layerName, tracedMethod } from './traced.ts';

export const lrpRuleNames = ['composite', 'epsilon', 'gamma', 'alpha-beta', 'z-plus', 'flat'] as const;
export type LrpRuleName = (typeof lrpRuleNames)[number];

interface LrpOptions {
  readonly rule: LrpRuleName;
  readonly epsilon: number;
  readonly gamma: number;
  /** β is α - 1. */
  readonly alpha: number;
}

const LINEAR = ['conv2d', 'conv2dInput', 'matmul'] as const satisfies readonly OpName[];
type Linear = (typeof LINEAR)[number];

/** Steps that keep what is not negative that way. */
const KEEP_SIGN = new Set<OpName>([
  'maxPool',
  'averagePool',
  'concat',
  'reshape',
  'transpose',
  'slice',
  'pad',
  'sum',
  'min',
  'lrn',
]);

const opOf = ({ node }: Value): OpName | undefined => (node.kind === 'op' ? node.op : undefined);
const operands = ({ node, graph }: Value): Value[] => operandsOf(node).map((id) => new Value(graph, id));

/** True where a value cannot be negative, as behind a ReLU: half of the work falls away there. */
function isPositive(value: Value): boolean {
  const op = opOf(value);
  if (op === 'relu' || op === 'sigmoid' || op === 'exp' || op === 'softmax') return true;
  if (value.node.kind === 'constant') return value.node.tensor.data.every((number) => number >= 0);
  return op !== undefined && KEEP_SIGN.has(op) && operands(value).every(isPositive);
}

/** A number of the file: a constant, or a state where weights are drawn anew. */
const isGiven = ({ node: { kind } }: Value): boolean => kind === 'constant' || kind === 'state';

/** True where nothing but fixed shifts and scales lies between the network's input and the value. */
function isRaw(value: Value, input: Value): boolean {
  if (value.id === input.id || isGiven(value)) return true;
  const steps: (OpName | undefined)[] = ['add', 'sub', 'mul', 'div', 'pad', 'reshape', 'transpose', 'concat', 'slice'];
  return steps.includes(opOf(value)) && operands(value).every((operand) => isRaw(operand, input));
}

/** x - stopGradient(x): zero, through which a rounding hands back its slope. */
function isStraightThrough(value: Value): boolean {
  if (opOf(value) !== 'sub') return false;
  const [a, b] = operands(value);
  return opOf(b) === 'stopGradient' && operands(b)[0].id === a.id;
}

/** Made of numbers of the file alone. */
const isFixed = (value: Value): boolean =>
  isGiven(value) || (value.node.kind === 'op' && operands(value).every(isFixed));

/** One number a channel: [K], [1,1,1,K] and the like. */
const isPerChannel = ({ shape }: Value): boolean => shape.slice(0, -1).every((size) => size === 1);

/** Keeps the denominators of steps without weights from zero; what is left of them takes no relevance. */
const TINY = 1e-9;

/** Away from zero by ε, keeping the sign; zero counts as positive. */
const stable = (z: Value, epsilon: number): Value => add(z, where(greaterEqual(z, 0), epsilon, -epsilon));

/** A layer that is linear in `input`, with what is fixed in it. */
interface Layer {
  readonly input: Value;
  readonly weight: Value;
  readonly bias?: Value;
  forward(input: Value, weight: Value): Value;
  /** The transposed layer. */
  back(relevance: Value, weight: Value): Value;
}

const positive = (value: Value): Value => relu(value);
const negative = (value: Value): Value => min(value, 0);

/** Relevance of the inputs of a layer, from that of its outputs. */
function flow(rule: Exclude<LrpRuleName, 'composite'>, layer: Layer, relevance: Value, options: LrpOptions): Value {
  const { input, weight, bias, forward, back } = layer;
  const { epsilon, gamma, alpha } = options;
  const share = (z: Value, factor = 1): Value => div(mul(relevance, factor), stable(z, epsilon));
  const withBias = (z: Value, part: (value: Value) => Value): Value => (bias ? add(z, part(bias)) : z);
  /** Pairs of parts of input and weight whose products have one sign. */
  const pairs = (sign: 1 | -1): [Value, Value][] => {
    const [same, other] = sign > 0 ? [positive, negative] : [negative, positive];
    const first: [Value, Value] = [isPositive(input) ? input : positive(input), same(weight)];
    return isPositive(input) ? [first] : [first, [negative(input), other(weight)]];
  };
  const sumOver = (list: [Value, Value][], term: (a: Value, w: Value) => Value): Value =>
    list.map(([a, w]) => term(a, w)).reduce((total, value) => add(total, value));
  const through = (s: Value) => (a: Value, w: Value) => mul(a, back(s, w));

  switch (rule) {
    case 'epsilon':
      return through(share(withBias(forward(input, weight), (b) => b)))(input, weight);
    case 'gamma': {
      const raised = mul(sumOver(pairs(1), forward), gamma);
      const z = withBias(add(forward(input, weight), raised), (b) => add(b, mul(positive(b), gamma)));
      const s = share(z);
      return add(through(s)(input, weight), mul(sumOver(pairs(1), through(s)), gamma));
    }
    case 'z-plus':
    case 'alpha-beta': {
      const a = rule === 'z-plus' ? 1 : alpha;
      const s = share(withBias(sumOver(pairs(1), forward), positive), a);
      const gained = sumOver(pairs(1), through(s));
      if (a === 1) return gained;
      const t = share(withBias(sumOver(pairs(-1), forward), negative), a - 1);
      return sub(gained, sumOver(pairs(-1), through(t)));
    }
    case 'flat': {
      const ones = (like: Value): Value =>
        like.graph.constant({ shape: like.shape, data: new Float32Array(sizeOf(like.shape)).fill(1) });
      const [a, w] = [ones(input), ones(weight)];
      return back(div(relevance, stable(forward(a, w), TINY)), w);
    }
    default:
      return rule satisfies never;
  }
}

/** What fixed numbers do to the result z of a linear op before it is used: scale z + bias. */
interface Affine {
  readonly scale?: Value;
  readonly bias?: Value;
}

/**
 * Rules for one differentiation of what has been traced, relevance in, relevance out. `input` is what the network takes
 * in, `scores` what is explained.
 */
function lrpRules({ input, scores }: { input: Value; scores: Value }, options: LrpOptions): Rules {
  const uses = new Map<number, number>();
  for (const node of scores.graph.nodes) for (const id of operandsOf(node)) uses.set(id, (uses.get(id) ?? 0) + 1);
  const affine = new Map<number, Affine>();

  /**
   * True where nothing but fixed numbers lies between a linear op and x: they are its bias, and the normalization behind
   * it, and belong to the layer.
   */
  function folds(x: Value, isScaled: boolean): boolean {
    if (uses.get(x.id) !== 1) return false;
    const op = opOf(x);
    if (isScaled ? op === 'conv2d' : LINEAR.includes(op as Linear)) return true;
    if (op !== 'add' && op !== 'sub' && op !== 'mul') return false;
    const [a, b] = operands(x);
    const [value, part] = op !== 'sub' && isFixed(a) ? [b, a] : [a, b];
    if (!isFixed(part)) return false;
    return op === 'mul' ? isPerChannel(part) && folds(value, true) : folds(value, isScaled);
  }

  /** What is added to the result of a linear op becomes its bias; false where there is no such op. */
  function takesBias(y: Value, value: Value, part: () => Value): boolean {
    const after = affine.get(y.id);
    if (!after && !folds(value, false)) return false;
    const own = after?.scale ? mul(part(), after.scale) : part();
    affine.set(value.id, { scale: after?.scale, bias: after?.bias ? add(own, after.bias) : own });
    return true;
  }

  /** Each input that is asked for gets its own share of the whole. */
  const proportional =
    <K extends OpName>(slope: Rule<K>): Rule<K> =>
    (context) => {
      const shares = slope({ ...context, dy: div(context.dy, stable(context.y, TINY)) });
      return shares.map((dx, k) => dx && mul(context.x[k], dx));
    };

  /** All to the first input that depends on the picture: a step of one value, what is gated, what is divided. */
  const whole: Rule<never> = ({ dy, needs }) =>
    needs.map((need, k) => (need && k === needs.indexOf(true) ? dy : undefined));

  const linear =
    (op: Linear): Rule<Linear> =>
    (context) => {
      const { x, y, dy, attrs, needs } = context;
      const slope = defaultRules[op] as Rule<Linear>;
      // Two values that both depend on the picture (attention): half of the relevance each, by the plain rule.
      if (needs[0] && needs[1]) return proportional(slope)({ ...context, dy: mul(dy, 0.5) });
      const at = needs[0] ? 0 : 1;
      const { scale, bias } = affine.get(y.id) ?? {};
      const fixed = x[1 - at];
      const ordered = (input: Value, weight: Value): Value[] => (at === 0 ? [input, weight] : [weight, input]);
      const layer: Layer = {
        input: x[at],
        weight: scale ? mul(fixed, scale) : fixed,
        bias,
        forward: (input, weight) => apply(op, ordered(input, weight), attrs as never),
        back: (relevance, weight) => slope({ ...context, x: ordered(x[at], weight), dy: relevance })[at] as Value,
      };
      const isDense = op === 'matmul' || y.shape.slice(1, 3).every((d) => d === 1);
      const composite = isRaw(x[at], input) ? 'flat' : isDense ? 'epsilon' : 'z-plus';
      const relevance = flow(options.rule === 'composite' ? composite : options.rule, layer, dy, options);
      return at === 0 ? [relevance] : [undefined, relevance];
    };

  return {
    ...defaultRules,
    conv2d: linear('conv2d'),
    conv2dInput: linear('conv2dInput'),
    matmul: linear('matmul'),
    add: (context) => {
      const { x, y, dy, needs } = context;
      if (x.some(isStraightThrough)) return x.map((each) => (isStraightThrough(each) ? dy : undefined));
      const [value, part] = needs[0] ? x : [x[1], x[0]];
      const isBias = !(needs[0] && needs[1]) && takesBias(y, value, () => part);
      return isBias ? whole(context as never) : proportional(defaultRules.add)(context);
    },
    sub: (context) => {
      const { x, y, needs } = context;
      if (isStraightThrough(y)) return whole(context as never);
      const isBias = needs[0] && !needs[1] && takesBias(y, x[0], () => neg(x[1]));
      return isBias ? whole(context as never) : proportional(defaultRules.sub)(context);
    },
    mul: (context) => {
      const { x, y, dy, needs } = context;
      if (needs[0] && needs[1]) return [mul(dy, 0.5), mul(dy, 0.5)];
      const [value, part] = needs[0] ? x : [x[1], x[0]];
      const after = affine.get(y.id);
      if (after || (isPerChannel(part) && folds(value, true))) {
        affine.set(value.id, { scale: after?.scale ? mul(part, after.scale) : part, bias: after?.bias });
      }
      return whole(context as never);
    },
    sum: proportional(defaultRules.sum),
    reduceMax: (context) => [toWinners(context.dy, context)],
    averagePool: proportional(defaultRules.averagePool),
    affineSample: proportional(defaultRules.affineSample),
    neg: whole,
    floor: whole,
    round: whole,
    sign: whole,
    div: whole,
    pow: whole,
    max: whole,
    min: whole,
    relu: whole,
    sigmoid: whole,
    tanh: whole,
    exp: whole,
    log: whole,
    sqrt: whole,
    abs: whole,
    sin: whole,
    cos: whole,
    atan: whole,
    erf: whole,
    lrn: whole,
    softmax: whole,
    logSoftmax: whole,
  };
}

export const lrp = tracedMethod({
  name: 'lrp',
  title: 'LRP',
  description: 'relevance handed back from layer to layer in proportion to contributions',
  source: 'Bach et al. 2015, https://doi.org/10.1371/journal.pone.0130140',
  family: 'gradient',
  takesLayer: true,
  options: {
    rule: choice(lrpRuleNames, 'composite', 'how a layer shares relevance out'),
    epsilon: real(1e-9, 'keeps denominators from zero', 0, 1e6),
    gamma: real(0.25, 'how much more positive contributions count (rule gamma)', 0, 1e6),
    alpha: real(2, 'weight of positive contributions; that of negative ones is alpha - 1 (rule alpha-beta)', 1, 1e6),
  },
  signed: () => true,
  trace(context, x, options) {
    const { scores, at, layout } = traceSubject(context, x);
    if (context.scoreKind === 'prob') {
      throw new ModelError(
        'LRP hands back the logit: a probability has no layers to share it out. Leave --score prob out.',
      );
    }
    const [map] = differentiate(scores, [at], { seed: scores, rules: lrpRules({ input: x, scores }, options) });
    return { map, layout, scores, layer: layerName(context) };
  },
});
