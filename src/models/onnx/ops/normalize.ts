// normalize.ts: normalization by recorded statistics or those of the value itself, local response, softmax.

import type { Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import { normalizeAxis, sizeOf } from '../../../kernels/shape.ts';
import { type Converter, type NodeContext, toFloat32 } from '../context.ts';
import { nhwcAxis } from '../layout.ts';
import { Fixed, type Operand, Traced } from '../operand.ts';
import { magnitude, root } from './reduce.ts';
import { withAxes } from './shape.ts';

/** x in a layout where one number a channel broadcasts as `shape`. */
function byChannel(
  context: NodeContext,
  x: Operand,
  channels: number,
): { value: Value; shape: number[]; result: (y: Value) => Traced } {
  if (x.shape.length === 4) {
    return { value: context.nhwc(x), shape: [channels], result: (y) => new Traced(y, 'nhwc') };
  }
  const trailing = new Array<number>(Math.max(0, x.shape.length - 2)).fill(1);
  return { value: context.plain(x), shape: [channels, ...trailing], result: (y) => new Traced(y) };
}

// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, with the statistics of the file. While training, scale and
// bias are states and the statistics stay; otherwise the four become one factor and one summand.
const batchNormalization: Converter = (context) => {
  if (context.int('training_mode', 0) === 1) {
    context.refuse('normalizes by the batch it sees (training_mode 1). Export the model in evaluation mode');
  }
  const [scale, bias, mean, variance] = ['scale', 'bias', 'mean', 'variance'].map((what, i) =>
    context.fixed(i + 1, what),
  );
  const epsilon = context.float('epsilon', 1e-5);
  const { value, shape, result } = byChannel(context, context.operand(0), scale.size);
  const deviation = (i: number) => Math.sqrt(variance.data[i] + epsilon);
  if (context.state.trainable) {
    const centred = ops.sub(
      value,
      context.derived([mean], 'channels', shape, () => toFloat32(mean.data)),
    );
    const inverse = context.derived([variance], `1/deviation ${epsilon}`, shape, () =>
      Float32Array.from(variance.data, (_, i) => 1 / deviation(i)),
    );
    const gain = context.parameter(scale, 'channels', shape, () => toFloat32(scale.data));
    const shift = context.parameter(bias, 'channels', shape, () => toFloat32(bias.data));
    return result(ops.add(ops.mul(ops.mul(centred, inverse), gain), shift));
  }
  context.owns(scale);
  context.owns(bias);
  const factor = context.derived([scale, variance], `factor ${epsilon}`, shape, () =>
    Float32Array.from(scale.data, (v, i) => v / deviation(i)),
  );
  const summand = context.derived([scale, bias, mean, variance], `summand ${epsilon}`, shape, () =>
    Float32Array.from(bias.data, (v, i) => v - (mean.data[i] * scale.data[i]) / deviation(i)),
  );
  return result(ops.add(ops.mul(value, factor), summand));
};

/** What lies above the mean over the axes, and sqrt(variance + epsilon). */
function statistics(x: Value, axes: readonly number[], epsilon: number) {
  const mean = ops.mean(x, axes, { keepDims: true });
  const centred = ops.sub(x, mean);
  const variance = ops.mean(ops.square(centred), axes, { keepDims: true });
  // A variance of 0 has no slope without an epsilon.
  return { mean, centred, deviation: epsilon === 0 ? root(variance, 2) : ops.sqrt(ops.add(variance, epsilon)) };
}

function standardized(x: Value, axes: readonly number[], epsilon: number): Value {
  const { centred, deviation } = statistics(x, axes, epsilon);
  return ops.div(centred, deviation);
}

/** A factor or summand: a weight, or computed (as those that carry a style). */
const weight = (context: NodeContext, source: Operand, form: string, shape: readonly number[]): Value =>
  source instanceof Fixed
    ? context.parameter(source, form, shape, () => toFloat32(source.data))
    : ops.reshape(context.plain(source), shape);

// Each channel of each picture by its own statistics.
const instanceNormalization: Converter = (context) => {
  const [x, scale, bias] = [0, 1, 2].map((i) => context.operand(i));
  const { value, shape, result } = byChannel(context, x, sizeOf(scale.shape));
  const axes = x.shape.length === 4 ? [1, 2] : Array.from({ length: x.shape.length - 2 }, (_, i) => i + 2);
  const y = standardized(value, axes, context.float('epsilon', 1e-5));
  return result(
    ops.add(ops.mul(y, weight(context, scale, 'channels', shape)), weight(context, bias, 'channels', shape)),
  );
};

// Over all axes from `axis` on. Mean and 1 / deviation are outputs too, where the file names them.
const layerNormalization: Converter = (context) => {
  const { value, place, result } = withAxes(context, context.operand(0));
  const rank = value.shape.length;
  const first = normalizeAxis('LayerNormalization', context.int('axis', -1), rank);
  const axes = Array.from({ length: rank - first }, (_, i) => place(first + i));
  const { centred, deviation, mean } = statistics(value, axes, context.float('epsilon', 1e-5));
  const y = ops.div(centred, deviation);
  const { layout } = result(y);
  const against = (i: number) => context.weightAgainst(layout === 'nhwc' ? 'nhwc' : 'plain', context.operand(i));
  const scaled = ops.mul(y, against(1));
  const results = [result(context.has(2) ? ops.add(scaled, against(2)) : scaled)];
  if (context.wants(1) || context.wants(2)) results.push(result(mean));
  if (context.wants(2)) results.push(result(ops.reciprocal(deviation)));
  return results;
};

// x / (sum of |x|^p along one axis)^(1/p); 0 where all are 0.
const lpNormalization: Converter = (context) => {
  const { value, place, result } = withAxes(context, context.operand(0));
  const axis = place(normalizeAxis('LpNormalization', context.int('axis', -1), value.shape.length));
  const p = context.int('p', 2);
  const norm = root(ops.sum(magnitude(value, p), [axis], { keepDims: true }), p);
  return result(ops.div(value, ops.where(norm, norm, 1)));
};

// (x - mean) / deviation, over batch and picture by default.
const meanVarianceNormalization: Converter = (context) => {
  const { value, place, result } = withAxes(context, context.operand(0));
  const rank = value.shape.length;
  const along = context.ints('axes') ?? [0, 2, 3];
  const axes = along.map((axis) => place(normalizeAxis('MeanVarianceNormalization', axis, rank)));
  const EPSILON = 1e-9; // added to the deviation, as the operator's definition has it
  const { centred, deviation } = statistics(value, axes, 0);
  return result(ops.div(centred, ops.add(deviation, EPSILON)));
};

// Groups of neighbouring channels by the statistics of each. One factor and summand a group before opset 21, then one
// a channel.
const groupNormalization: Converter = (context) => {
  const groups = context.int('num_groups', 1);
  const [x, scale, bias] = [0, 1, 2].map((i) => context.operand(i));
  if (x.shape.length < 3) context.refuse(`takes [${x.shape.join(',')}], which has no axes behind the channels`);
  const [N, C] = x.shape;
  if (C % groups !== 0) context.refuse(`splits ${C} channels into ${groups} groups, which does not come out even`);
  const { value, shape, result } = byChannel(context, x, C);
  const isMap = x.shape.length === 4;
  const apart = isMap ? [N, sizeOf(x.shape.slice(2)), groups, C / groups] : [N, groups, sizeOf(x.shape) / N / groups];
  const y = standardized(ops.reshape(value, apart), isMap ? [1, 3] : [2], context.float('epsilon', 1e-5));
  const adjusted = (v: Value, form: string, sizes: readonly number[]) =>
    ops.add(ops.mul(v, weight(context, scale, form, sizes)), weight(context, bias, form, sizes));
  if (sizeOf(scale.shape) === groups) return result(ops.reshape(adjusted(y, 'groups', [groups, 1]), value.shape));
  return result(adjusted(ops.reshape(y, value.shape), 'channels', shape));
};

const localResponse: Converter = (context) => {
  const x = context.operand(0);
  if (x.shape.length !== 4) context.refuse(`takes [${x.shape.join(',')}]; only pictures [N,C,H,W] are understood`);
  const y = ops.lrn(context.nhwc(x), {
    size: context.int('size', 1),
    alpha: context.float('alpha', 1e-4),
    beta: context.float('beta', 0.75),
    bias: context.float('bias', 1),
  });
  return new Traced(y, 'nhwc');
};

/** Before opset 13 a softmax runs over all axes from `axis` on together; since then over that axis alone. */
const softmaxWith =
  (softmax: (x: Value, axis: number) => Value): Converter =>
  (context) => {
    const x = context.operand(0);
    const isJoint = context.opset < 13;
    const axis = normalizeAxis('Softmax', context.int('axis', isJoint ? 1 : -1), x.shape.length);
    const others = x.shape.slice(axis + 1);
    if (isJoint && sizeOf(others) > 1) {
      const plain = context.plain(x);
      const lead = x.shape.slice(0, axis);
      return new Traced(
        ops.reshape(softmax(ops.reshape(plain, [...lead, sizeOf(x.shape.slice(axis))]), lead.length), x.shape),
      );
    }
    if (x instanceof Fixed || (x.layout !== 'nhwc' && x.layout !== 'plain'))
      return new Traced(softmax(context.plain(x), axis));
    return new Traced(softmax(x.value, x.layout === 'nhwc' ? nhwcAxis(axis) : axis), x.layout);
  };

export const normalize: Record<string, Converter> = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
  GroupNormalization: groupNormalization,
  LpNormalization: lpNormalization,
  MeanVarianceNormalization: meanVarianceNormalization,
  LRN: localResponse,
  Softmax: softmaxWith(ops.softmax),
  LogSoftmax: softmaxWith(ops.logSoftmax),
};
