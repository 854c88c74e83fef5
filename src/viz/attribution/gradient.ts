// gradient.ts: the gradient of the score, plain and times the input.

import { gradient as differentiate } from '../../autodiff/gradient.ts';
import type { Rules } from '../../autodiff/rules/index.ts';
import type { Value } from '../../engine/graph.ts';
import { abs, mul, sum } from '../../engine/ops/index.ts';
import { flag } from './options.ts';
import { type Context, type TracedSubject, traceSubject } from './subject.ts';
import { layerName, tracedMethod } from './traced.ts';

/** d score / d at for each picture, shaped like `at`: pictures do not mix, so the slope of the sum holds them all. */
export const slopeOf = ({ scores, at }: Pick<TracedSubject, 'scores' | 'at'>, rules?: Rules): Value =>
  differentiate(sum(scores), [at], { rules })[0];

/** A method whose map is made of the network's slope under some rules. */
export function traceSlope(context: Context, x: Value, rules?: Rules) {
  const subject = traceSubject(context, x);
  const { at, layout, scores } = subject;
  return { map: slopeOf(subject, rules), at, layout, scores, layer: layerName(context) };
}

export const gradient = tracedMethod({
  name: 'gradient',
  title: 'Gradient',
  description: 'slope of the score at the input: what a small change of each pixel would do',
  source: 'Simonyan et al. 2013, https://arxiv.org/abs/1312.6034',
  family: 'gradient',
  takesLayer: true,
  options: { abs: flag(false, 'magnitudes in place of signed numbers') },
  signed: (options) => !options.abs,
  trace(context, x, options) {
    const traced = traceSlope(context, x);
    return { ...traced, map: options.abs ? abs(traced.map) : traced.map };
  },
});

export const inputXGradient = tracedMethod({
  name: 'input-x-gradient',
  title: 'Input × gradient',
  description: 'gradient times the input: exact for a linear network against a baseline of 0',
  source: 'Shrikumar et al. 2016, https://arxiv.org/abs/1605.01713',
  family: 'gradient',
  takesLayer: true,
  options: {},
  signed: () => true,
  trace(context, x) {
    const traced = traceSlope(context, x);
    return { ...traced, map: mul(traced.map, traced.at) };
  },
});
