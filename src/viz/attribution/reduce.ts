// reduce.ts: an attribution summed over channels or over places: which channels of a layer matter, or where in it. Sums stay
// complete: both add up to what the whole does.

import { ModelError } from '../../models/error.ts';
import { sumChannels } from '../render/maps.ts';
import type { Attribution } from './result.ts';

/** `channels`: one value a channel, [1,C]. `space`: one value a place, [1,1,h,w]. */
export const sums = ['channels', 'space'] as const;
export type SumKind = (typeof sums)[number];

/** Standard errors are dropped: those of a sum are not told by those of its terms. */
export function sumAttribution(attribution: Attribution, kind: SumKind): Attribution {
  const { values, shape, features, layer, standardErrors: _, ...rest } = attribution;
  if (features) {
    throw new ModelError(`the values are one a feature: they have no ${kind} to be summed to. Leave the sum out.`);
  }
  const [, channels, height, width] = shape;
  if (shape.length === 4 && shape[0] === 1) {
    if (kind === 'space') {
      return { ...rest, layer, values: sumChannels(values, shape), shape: [1, 1, height, width] };
    }
    const places = height * width;
    const perChannel = Float32Array.from({ length: channels }, (_, c) =>
      values.subarray(c * places, (c + 1) * places).reduce((sum, value) => sum + value, 0),
    );
    return { ...rest, layer, values: perChannel, shape: [1, channels] };
  }
  if (shape.length === 2 && kind === 'channels') return { ...rest, layer, values, shape };
  throw new ModelError(
    `the attribution${layer === undefined ? '' : ` to "${layer}"`} is [${shape.join(',')}]: it has no extent in space to be summed.`,
  );
}
