// attributionMap.ts: the one map that shows an attribution: channels summed unless they are alike, features spread over their
// pixels; and how it is drawn, on the page as by the command line.

import { ModelError } from '../../models/error.ts';
import { spread } from '../attribution/features.ts';
import type { Attribution } from '../attribution/result.ts';
import {
  colorize,
  type ColorOptions,
  kindOfColors,
  overlayMap,
  type Pixels,
  resizeBilinear,
  sideBySide,
  sumChannels,
} from './maps.ts';

export interface AttributionMap {
  /** [h*w] */
  readonly data: Float32Array;
  readonly size: readonly [number, number];
}

/** `size` is that of the network input, [H,W]. Throws a `ModelError` for a layer without an extent in space. */
export function attributionMap(
  { values, shape, features, alike, layer }: Attribution,
  size: readonly [number, number],
): AttributionMap {
  if (features) return { data: spread(values, { ids: features }), size };
  if (shape.length === 4) {
    const [, , height, width] = shape;
    const data = alike ? values.slice(0, height * width) : sumChannels(values, shape);
    return { data, size: [height, width] };
  }
  throw new ModelError(`the layer "${layer}" is [${shape.join(',')}]: it has no extent in space to be drawn.`);
}

/** The map laid over the picture, the map alone, or picture, map and overlay beside each other. */
export const views = ['overlay', 'map', 'side'] as const;
export type View = (typeof views)[number];

export interface DrawOptions extends Pick<ColorOptions, 'clip' | 'colors'> {
  readonly view?: View;
}

/** Share of the width that lies between pictures side by side. */
const GAP = 1 / 32;

/**
 * Draws an attribution over the picture as the network takes it, at the picture's size. Values with a meaning of their
 * sign get diverging colours; sequential ones, where asked for, show their magnitudes.
 */
export function drawAttribution(
  picture: Pixels,
  attribution: Attribution,
  { view = 'overlay', clip, colors }: DrawOptions = {},
): Pixels {
  const at = [picture.height, picture.width] as const;
  const { data, size } = attributionMap(attribution, at);
  const colormap = colors ? kindOfColors(colors) : attribution.signed ? 'diverging' : 'sequential';
  const values = attribution.signed && colormap === 'sequential' ? data.map(Math.abs) : data;
  const map = attribution.features ? values : resizeBilinear(values, size, at);
  const options = { clip, colors };
  const alone = () => colorize(map, at, colormap, options);
  const over = () => overlayMap(picture, map, colormap, options);
  if (view === 'map') return alone();
  if (view === 'overlay') return over();
  return sideBySide([picture, alone(), over()], Math.max(1, Math.round(GAP * picture.width)));
}
