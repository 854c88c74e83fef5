// guided.ts: backward passes with another rule for the ReLU: guided backpropagation and the deconvnet.

import { gradient as differentiate } from '../../autodiff/gradient.ts';
import { defaultRules, type Rules } from '../../autodiff/rules/index.ts';
import type { Value } from '../../engine/graph.ts';
import { equal, mul, reduceMax, relu, reluMask, reshape, sum } from '../../engine/ops/index.ts';
import { ModelError } from '../../models/error.ts';
import { traceSlope } from './gradient.ts';
import { choice, count, optional } from './options.ts';
import { type Context, oneHot, traceModel } from './subject.ts';
import { type TracedMap, tracedMethod } from './traced.ts';

/** Passes what is positive, where the unit was active (Springenberg et al. 2014, figure 1). */
export const guidedRules: Rules = { ...defaultRules, relu: ({ y, dy }) => [reluMask(relu(dy), y)] };

/** Passes what is positive, wherever the unit was (Zeiler and Fergus 2014, section 2.1). */
const deconvnetRules: Rules = { ...defaultRules, relu: ({ dy }) => [relu(dy)] };

export const guidedBackprop = tracedMethod({
  name: 'guided-backprop',
  title: 'Guided backpropagation',
  description:
    'gradient that passes only what is positive, through active units; shows the picture more than the decision',
  source: 'Springenberg et al. 2014, https://arxiv.org/abs/1412.6806',
  family: 'gradient',
  takesLayer: true,
  options: {},
  signed: () => true,
  trace: (context, x) => traceSlope(context, x, guidedRules),
});

const keeps = ['max', 'all'] as const;

/**
 * Of a layer's maps [N,h,w,C], what a deconvnet begins with: one channel, its largest activation alone or all of them, as
 * they are. Negative ones go: the layer before its ReLU gives the same as behind it.
 */
function kept(maps: Value, channel: number, keep: (typeof keeps)[number]): Value {
  const channels = maps.shape[maps.shape.length - 1];
  const active = relu(maps);
  const one = maps.graph.constant({ shape: [channels], data: oneHot(channels, channel) });
  const chosen = mul(active, one);
  if (keep === 'all') return chosen;
  const axes = maps.shape.map((_, axis) => axis).slice(1);
  return mul(chosen, equal(chosen, reduceMax(chosen, axes, { keepDims: true })));
}

/** From one channel of a layer down to the input, with the activations themselves as the signal. */
function fromChannel(context: Context, x: Value, channel: number, keep: (typeof keeps)[number]): TracedMap {
  const { model, layer, unit } = context;
  if (layer === undefined) throw new ModelError('a channel is of a layer. Name the layer too (--layer).');
  if (unit) throw new ModelError('a channel is explained already. Leave the other unit (--of) out.');
  model.checkChannel(layer, channel);
  const { output: maps } = traceModel(context, x, { until: layer });
  const signal = kept(maps, channel, keep);
  const rules: Rules = {
    ...deconvnetRules,
    // The paper's networks go back through normalization as if it were not there.
    lrn: ({ dy }) => [dy],
  };
  const [map] = differentiate(maps, [x], { seed: signal, rules });
  const perPicture = signal.shape.map((_, axis) => axis).slice(1);
  return { map, layout: 'nhwc', scores: reshape(sum(signal, perPicture), [x.shape[0]]) };
}

export const deconvnet = tracedMethod({
  name: 'deconvnet',
  title: 'Deconvnet',
  description:
    'signal sent back through switches and rectified at each ReLU; with a layer and a channel from that channel',
  source: 'Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901',
  family: 'gradient',
  takesLayer: true,
  options: {
    channel: optional(count(0, 'channel of the layer whose activations are sent back, as in the paper', 0)),
    keep: choice(keeps, 'max', 'what of the channel: its largest activation or all'),
  },
  signed: () => true,
  // Without a channel the class score goes back, as Captum's Deconvolution does.
  trace: (context, x, { channel, keep }) =>
    channel === undefined ? traceSlope(context, x, deconvnetRules) : fromChannel(context, x, channel, keep),
});
