// metrics.ts: the table of metrics. A metric is a file beside this one and a row here.

import { normalNumbers } from '../../kernels/random.ts';
import { ModelError, nearest, quoted } from '../../models/error.ts';
import type { Attribution } from '../attribution/result.ts';
import type { Context } from '../attribution/subject.ts';
import { deletion, insertion } from './curves.ts';
import { drop } from './drop.ts';
import { infidelity } from './infidelity.ts';
import type { Metric, ValueKind } from './metric.ts';
import { road } from './road.ts';
import { sensitivity } from './sensitivity.ts';

export const metrics = { insertion, deletion, road, drop, infidelity, sensitivity } as const satisfies Record<
  string,
  Metric
>;

export type MetricName = keyof typeof metrics;

export function findMetric(name: string): Metric {
  if (Object.hasOwn(metrics, name)) return metrics[name as MetricName] as Metric;
  throw new ModelError(`there is no metric "${name}". Near: ${quoted(nearest(name, Object.keys(metrics)))}.`);
}

/** Methods whose maps are slopes; those of all others are what pixels contribute. */
const SLOPES = ['gradient', 'guided-backprop', 'deconvnet', 'smoothgrad', 'smoothgrad-squared', 'vargrad'];

/** What the maps of a method foretell, for infidelity; those of noisy copies are of the kind of the method below. */
export function valueKindOf(method: string, { base = method }: { readonly base?: unknown } = {}): ValueKind {
  return SLOPES.includes(String(base)) ? 'slopes' : 'contributions';
}

const RANDOM_STREAM = 79;

/** A map that knows nothing: what a method must beat. */
export function randomAttribution(
  { size: [H, W], seed = 0 }: Pick<Context, 'size' | 'seed'>,
  target?: number,
): Attribution {
  const began = performance.now();
  const values = normalNumbers(H * W, { seed, stream: RANDOM_STREAM });
  const millis = performance.now() - began;
  return {
    method: 'random',
    values,
    shape: [1, 1, H, W],
    target,
    score: Number.NaN,
    signed: true,
    evaluations: 0,
    millis,
    seed,
  };
}
