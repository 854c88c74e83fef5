// optimize.ts: optimizers as compositions: each returns the updates of its states, to be handed to `computation`. All of
// them minimise; to maximise, differentiate the negated objective.

import { sizeOf } from '../../kernels/shape.ts';
import { OpError } from '../../kernels/types.ts';
import type { Graph, Operand, Update, Value } from '../graph.ts';
import { add, div, mul, sqrt, sub } from './elementwise.ts';

/** A number, or a scalar input so that it can change between runs. */
type Rate = Operand;

export interface AdamOptions {
  readonly lr: Rate;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
  /** Tells the states of two optimizers in one graph apart; "adam" by default. */
  readonly name?: string;
}

export interface SgdOptions {
  readonly lr: Rate;
  readonly momentum?: number;
  /** Adds weightDecay * parameter to the gradient. */
  readonly weightDecay?: number;
  readonly nesterov?: boolean;
  /** Tells the states of two optimizers in one graph apart; "sgd" by default. */
  readonly name?: string;
}

/** Counts runs: 0 in the first. Feeds the random ops; its update belongs to the computation's. */
export function stepCounter(graph: Graph, name = 'step'): { readonly value: Value; readonly update: Update } {
  const value = graph.state(name, { shape: [], data: Float32Array.of(0) });
  return { value, update: { state: value, value: add(value, 1) } };
}

const asList = (values: Value | readonly Value[]): readonly Value[] =>
  Array.isArray(values) ? values : [values as Value];

function pairs(
  op: string,
  params: Value | readonly Value[],
  grads: Value | readonly Value[],
): [Value, Value, string][] {
  const [states, gradients] = [asList(params), asList(grads)];
  if (states.length !== gradients.length) {
    throw new OpError(`${op}: ${states.length} parameters, but ${gradients.length} gradients.`);
  }
  return states.map((state, i) => {
    if (state.node.kind !== 'state') {
      throw new OpError(`${op}: parameter ${i} is no state. Make it with graph.state(name, tensor).`);
    }
    return [state, gradients[i], state.node.name];
  });
}

/** A state of zeros shaped like a parameter. */
const zeroState = (like: Value, name: string): Value =>
  like.graph.state(name, { shape: like.shape, data: new Float32Array(sizeOf(like.shape)) });

/** decay * average + (1 - decay) * sample. */
const average = (soFar: Value, sample: Operand, decay: number): Value => add(mul(soFar, decay), mul(sample, 1 - decay));

/**
 * Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1; the same numbers as PyTorch's):
 * m and v average the gradient and its square, and parameter -= lr * m' / (sqrt(v') + eps), where m' = m / (1 - beta1^t).
 * The divisors 1 - beta^t are kept as averages of ones: that is the same number, and needs neither t nor a power, which in
 * float32 would cost v' four digits in the first steps.
 */
export function adam(
  params: Value | readonly Value[],
  grads: Value | readonly Value[],
  { lr, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, name = 'adam' }: AdamOptions,
): Update[] {
  const list = pairs('adam', params, grads);
  const { graph } = list[0][0];
  const ones = (suffix: string, decay: number): [Value, Update] => {
    const state = graph.state(`${name}.${suffix}`, { shape: [], data: Float32Array.of(0) });
    const value = add(mul(state, decay), 1 - decay);
    return [value, { state, value }];
  };
  const [correction1, update1] = ones('correction1', beta1);
  const [correction2, update2] = ones('correction2', beta2);
  const updates = list.flatMap(([state, grad, label]): Update[] => {
    const m = zeroState(state, `${name}.m.${label}`);
    const v = zeroState(state, `${name}.v.${label}`);
    const mean = average(m, grad, beta1);
    const square = average(v, mul(grad, grad), beta2);
    const step = div(div(mean, correction1), add(sqrt(div(square, correction2)), eps));
    return [
      { state: m, value: mean },
      { state: v, value: square },
      { state, value: sub(state, mul(step, lr)) },
    ];
  });
  return [update1, update2, ...updates];
}

/**
 * Gradient descent as in PyTorch: g = gradient + weightDecay * parameter; velocity = momentum * velocity + g;
 * parameter -= lr * velocity, or with nesterov lr * (g + momentum * velocity).
 */
export function sgd(
  params: Value | readonly Value[],
  grads: Value | readonly Value[],
  { lr, momentum = 0, weightDecay = 0, nesterov = false, name = 'sgd' }: SgdOptions,
): Update[] {
  return pairs('sgd', params, grads).flatMap(([state, grad, label]): Update[] => {
    const g = weightDecay === 0 ? grad : add(grad, mul(state, weightDecay));
    if (momentum === 0) return [{ state, value: sub(state, mul(g, lr)) }];
    const velocity = zeroState(state, `${name}.velocity.${label}`);
    const faster = add(mul(velocity, momentum), g);
    const direction = nesterov ? add(g, mul(faster, momentum)) : faster;
    return [
      { state: velocity, value: faster },
      { state, value: sub(state, mul(direction, lr)) },
    ];
  });
}
