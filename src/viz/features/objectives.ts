// objectives.ts: what feature visualization maximizes, under Lucid's names. An objective is immutable and composable:
// `channel('mixed4a', 97).sub(totalVariation().mul(0.25))`. After Olah et al.,
// "Feature Visualization", Distill 2017, doi:10.23915/distill.00007.

import type { Tensor, Value } from '../../engine/graph.ts';
import {
  abs,
  add,
  div,
  matmul,
  mean,
  mul,
  neg,
  reshape,
  slice,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  transpose,
  conv2d,
  stopGradient,
} from '../../engine/ops/index.ts';
import { ModelError, UnknownPartError } from '../../models/error.ts';

/** What an objective may look at. */
export interface ObjectiveContext {
  /** Activations of a layer by its name in the file: [N,H,W,C] or [N,C]. Throws for an unknown name. */
  layer(name: string): Value;
  /** Pre-softmax outputs, [N, classes], or [N,H,W,classes] of a network without a last pooling. */
  readonly logits: Value;
  /** The optimized picture before transformations, [N,H,W,C] in 0..1. */
  readonly image: Value;
}

export type Term = Objective | number;

export class Objective {
  constructor(
    /** As a user would write it. */
    readonly text: string,
    /** Traces the scalar to maximize. */
    readonly evaluate: (context: ObjectiveContext) => Value,
    /** True for a sum or difference: its text needs parentheses inside a product. */
    private readonly isSum = false,
  ) {}

  add(other: Term): Objective {
    return this.combine('+', other, add);
  }

  sub(other: Term): Objective {
    return this.combine('-', other, sub);
  }

  mul(other: Term): Objective {
    return this.combine('*', other, mul);
  }

  neg(): Objective {
    return new Objective(`-${this.factorText}`, (context) => neg(this.evaluate(context)));
  }

  private combine(sign: string, other: Term, op: (a: Value, b: Value | number) => Value): Objective {
    const isSum = sign !== '*';
    const left = isSum ? this.text : this.factorText;
    const right = typeof other === 'number' ? other : sign === '+' ? other.text : other.factorText;
    const evaluate = (context: ObjectiveContext) =>
      op(this.evaluate(context), typeof other === 'number' ? other : other.evaluate(context));
    return new Objective(`${left} ${sign} ${right}`, evaluate, isSum);
  }

  private get factorText(): string {
    return this.isSum ? `(${this.text})` : this.text;
  }
}

/** Axis counts of a layer as [N, H, W, C]; a layer without space has H = W = 1. */
function spatial(value: Value): Value {
  const { shape } = value;
  if (shape.length === 4) return value;
  return reshape(value, [shape[0], 1, 1, shape.slice(1).reduce((product, d) => product * d, 1)]);
}

function pick(value: Value, name: string, unit: number): Value {
  const channels = value.shape[3];
  if (!Number.isInteger(unit) || unit < 0 || unit >= channels) {
    throw new UnknownPartError(`layer "${name}" has channels 0 to ${channels - 1}; there is no channel ${unit}.`);
  }
  return slice(value, { starts: [0, 0, 0, unit], ends: [...value.shape.slice(0, 3), unit + 1] });
}

/** Mean over the batch and all positions of one channel. */
export const channel = (layer: string, unit: number): Objective =>
  new Objective(`${layer}:${unit}`, (context) => mean(pick(spatial(context.layer(layer)), layer, unit)));

/**
 * Mean over the batch of one unit. As in Lucid, x counts along the first spatial axis (rows), y along the second
 * (columns); by default the centre, the lower right one for even sizes.
 */
export const neuron = (layer: string, unit: number, x?: number, y?: number): Objective =>
  new Objective(
    x === undefined || y === undefined ? `neuron(${layer}:${unit})` : `${layer}:${unit}@${x},${y}`,
    (context) => {
      const map = pick(spatial(context.layer(layer)), layer, unit);
      const [n, height, width] = map.shape;
      const row = x ?? Math.floor(height / 2);
      const column = y ?? Math.floor(width / 2);
      if (row < 0 || row >= height || column < 0 || column >= width) {
        throw new ModelError(
          `layer "${layer}" has ${height} rows and ${width} columns here; there is no position @${row},${column}. Counting starts at 0.`,
        );
      }
      return mean(slice(map, { starts: [0, row, column, 0], ends: [n, row + 1, column + 1, 1] }));
    },
  );

/** Mean of the squared activations: the DeepDream objective. */
export const deepdream = (layer: string): Objective =>
  new Objective(layer, (context) => mean(square(context.layer(layer))));

/** Dot product of a direction [C] with the activations at each position, mean over batch and positions. */
export const direction = (layer: string, vector: Tensor, name = 'direction'): Objective =>
  new Objective(`direction:${name}@${layer}`, (context) => {
    const value = spatial(context.layer(layer));
    const channels = value.shape[3];
    if (vector.data.length !== channels) {
      throw new ModelError(
        `direction "${name}" has ${vector.data.length} numbers; layer "${layer}" has ${channels} channels.`,
      );
    }
    const weights = value.graph.constant({ shape: [channels], data: vector.data });
    return mean(sum(mul(value, weights), [3]));
  });

/** Classes are the last axis, also of a network without a last pooling, whose logits are a map. */
const classOf = (logits: Value, target: number): Value => {
  const classes = logits.shape[logits.shape.length - 1];
  if (!Number.isInteger(target) || target < 0 || target >= classes)
    throw new UnknownPartError(`the network has classes 0 to ${classes - 1}; there is no class ${target}.`);
  return slice(logits, { starts: [target], ends: [target + 1], axes: [-1] });
};

/** Pre-softmax output of a class, summed over the batch (and over the positions of a map). */
export const logit = (target: number): Objective =>
  new Objective(`logit:${target}`, (context) => sum(classOf(context.logits, target)));

/** Softmax probability of a class, summed likewise. Its gradient fades as it nears 1. */
export const prob = (target: number): Objective =>
  new Objective(`prob:${target}`, (context) => sum(classOf(softmax(context.logits), target)));

// Penalties. All are sums over the picture, not means, as in Lucid.

/** Sum of |x - c|; c is the grey the picture should fall back to. */
export const l1 = (constant = 0.5): Objective => new Objective('l1', ({ image }) => sum(abs(sub(image, constant))));

/** Square root of the sum of (x - c)². */
export const l2 = (constant = 0.5): Objective =>
  new Objective('l2', ({ image }) => sqrt(add(sum(square(sub(image, constant))), SQRT_GUARD)));

/** Keeps the derivative of a square root finite where its argument is 0. */
const SQRT_GUARD = 1e-6;

/** Sum of the absolute differences of neighbouring pixels. */
export const totalVariation = (): Objective =>
  new Objective('tv', ({ image }) => {
    const [n, height, width, channels] = image.shape;
    const part = (h0: number, w0: number, h1: number, w1: number) =>
      slice(image, { starts: [0, h0, w0, 0], ends: [n, h1, w1, channels] });
    const vertical = sub(part(1, 0, height, width), part(0, 0, height - 1, width));
    const horizontal = sub(part(0, 1, height, width), part(0, 0, height, width - 1));
    return add(sum(abs(vertical)), sum(abs(horizontal)));
  });

/** Weights of a pixel and of each of its eight neighbours in a blur. */
const BLUR = { centre: 1, ring: 0.5 };

/** Each pixel blended with its neighbours; at the edges, with those that there are. image: [N,H,W,C]. */
function blurred(image: Value): Value {
  const [, height, width, channels] = image.shape;
  const { graph } = image;
  const taps = Float32Array.from({ length: 9 * channels }, (_, i) =>
    Math.floor(i / channels) === 4 ? BLUR.centre : BLUR.ring,
  );
  const kernel = graph.constant({ shape: [3, 3, 1, channels], data: taps });
  const options = { pads: [1, 1, 1, 1], groups: channels } as const;
  const ones = graph.constant({
    shape: [1, height, width, channels],
    data: new Float32Array(height * width * channels).fill(1),
  });
  return div(conv2d(image, kernel, options), conv2d(ones, kernel, options));
}

/**
 * Half the sum of the squared differences between the picture and its blur, the blur taken as fixed. A gradient step that
 * lowers k times this is x <- (1 - k) x + k blur(x): subtract it to blur the picture a little in each step.
 */
export const blur = (): Objective =>
  new Objective('blur', ({ image }) => mul(sum(square(sub(image, stopGradient(blurred(image))))), 0.5));

/** Each further neighbour counts this many times less. */
const ALIGNMENT_DECAY = 2;
const ALIGNMENT_REACH = 4;

/**
 * How far apart neighbouring pictures of a batch are for a layer: mean squared difference of their activations, summed over
 * pairs up to four places apart, halved with each place. Subtract it to draw alike things in alike places.
 */
export const alignment = (layer: string): Objective =>
  new Objective(`alignment(${layer})`, (context) => {
    const value = context.layer(layer);
    const [batch, ...rest] = value.shape;
    if (batch < 2) throw new ModelError('alignment compares the pictures of a batch: ask for a batch of 2 or more.');
    const size = rest.reduce((product, d) => product * d, 1);
    const part = (from: number, to: number) =>
      slice(value, { starts: [from, ...rest.map(() => 0)], ends: [to, ...rest] });
    const terms = Array.from({ length: Math.min(ALIGNMENT_REACH, batch - 1) }, (_, k) => {
      const apart = sum(square(sub(part(0, batch - k - 1), part(k + 1, batch))));
      return mul(apart, 1 / (size * ALIGNMENT_DECAY ** (k + 1)));
    });
    return terms.reduce((total, term) => add(total, term));
  });

/**
 * How alike the pictures of a batch look to a layer: the mean over pictures of Σ ⟨G_i, G_j⟩ over the others, G the
 * normalized Gram matrix of the layer's channels. Subtract it: `channel(…).sub(diversity(…).mul(100))`.
 */
export const diversity = (layer: string): Objective =>
  new Objective(`diversity(${layer})`, (context) => {
    const value = spatial(context.layer(layer));
    const [batch, height, width, channels] = value.shape;
    if (batch < 2) throw new ModelError('diversity compares the pictures of a batch: ask for a batch of 2 or more.');
    const features = reshape(value, [batch, height * width, channels]);
    const gram = reshape(matmul(transpose(features, [0, 2, 1]), features), [batch, channels * channels]);
    const norms = sqrt(add(sum(square(gram), [1], { keepDims: true }), SQRT_GUARD));
    const unit = div(gram, norms);
    const alike = matmul(unit, unit, { transposeB: true });
    // The diagonal, each picture with itself, does not count.
    const self = sum(square(unit));
    return mul(sub(sum(alike), self), 1 / batch);
  });
