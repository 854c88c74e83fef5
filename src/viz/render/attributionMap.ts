// attributionMap.ts: the one map that shows an attribution: channels summed, features spread over their pixels.

import { ModelError } from '../../models/error.ts';
import { spread } from '../attribution/features.ts';
import type { Attribution } from '../attribution/result.ts';
import { sumChannels } from './maps.ts';

export interface AttributionMap {
  /** [h*w] */
  readonly data: Float32Array;
  readonly size: readonly [number, number];
}

/** `size` is that of the network input, [H,W]. Throws a `ModelError` for a layer without an extent in space. */
export function attributionMap(
  { values, shape, features, layer }: Attribution,
  size: readonly [number, number],
): AttributionMap {
  if (features) return { data: spread(values, { ids: features }), size };
  if (shape.length === 4) return { data: sumChannels(values, shape), size: [shape[2], shape[3]] };
  throw new ModelError(`the layer "${layer}" is [${shape.join(',')}]: it has no extent in space to be drawn.`);
}
