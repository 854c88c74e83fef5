// maps.ts: from numbers to pixels: pictures, heat maps, overlays. All results are RGBA bytes.

import {
  interpolateInferno,
  interpolatePiYG,
  interpolatePRGn,
  interpolateRdBu,
  interpolateTurbo,
  interpolateViridis,
} from 'd3-scale-chromatic';

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** RGBA, row by row. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** `diverging`: two colours meet in white at 0, red-blue by default. `sequential`: from the smallest, or 0 where that is below, to the largest. */
export type Colormap = 'diverging' | 'sequential';

/** Pictures of shape [N,H,W,C], C = 1 or 3, values in 0..1, side by side in a grid as square as can be. */
export function toPixels(data: ArrayLike<number>, [count, height, width, channels]: readonly number[]): Pixels {
  const columns = Math.ceil(Math.sqrt(count));
  const rows = Math.ceil(count / columns);
  const pixels = new Uint8ClampedArray(4 * columns * width * rows * height).fill(255);
  for (let n = 0; n < count; n++) {
    for (let h = 0; h < height; h++) {
      for (let w = 0; w < width; w++) {
        const from = ((n * height + h) * width + w) * channels;
        const row = Math.floor(n / columns) * height + h;
        const to = 4 * (row * columns * width + (n % columns) * width + w);
        for (let c = 0; c < 3; c++) pixels[to + c] = Math.round(255 * data[from + (channels === 1 ? 0 : c)]);
      }
    }
  }
  return { width: columns * width, height: rows * height, data: pixels };
}

/** Percentile of the magnitudes at which colours end, so that single pixels do not set the scale. */
export const CLIP_PERCENTILE = 99;

function scaleOf(map: ArrayLike<number>, percentile: number): number {
  const sorted = Float64Array.from(map, Math.abs).sort();
  const clipped = sorted[Math.min(sorted.length - 1, Math.floor((percentile / 100) * sorted.length))];
  return clipped || sorted[sorted.length - 1] || 1;
}

const smallest = (map: ArrayLike<number>): number =>
  Array.prototype.reduce.call(map, (a, b) => Math.min(a as number, b), Number.POSITIVE_INFINITY) as number;

/** Sums [1,C,H,W] over the channels to [H,W]. */
export function sumChannels(values: ArrayLike<number>, [, channels, height, width]: readonly number[]): Float32Array {
  const map = new Float32Array(height * width);
  for (let c = 0; c < channels; c++) for (let i = 0; i < map.length; i++) map[i] += values[c * map.length + i];
  return map;
}

/** What a new position takes of two old ones: 1 - share of `low`, share of `high`. */
interface Tap {
  readonly low: number;
  readonly high: number;
  readonly share: number;
}

/** Bilinear interpolation along one axis: pixel centres at half-integers, edges repeated (PyTorch's align_corners=False). */
export const bilinearTaps = (from: number, to: number): Tap[] =>
  Array.from({ length: to }, (_, i) => {
    const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const low = Math.floor(at);
    return { low, high: Math.min(low + 1, from - 1), share: at - low };
  });

/** [H,W] resized bilinearly, as `bilinearTaps` says. */
export function resizeBilinear(
  map: ArrayLike<number>,
  from: readonly [number, number],
  to: readonly [number, number],
): Float32Array {
  const [rows, columns] = [bilinearTaps(from[0], to[0]), bilinearTaps(from[1], to[1])];
  const result = new Float32Array(to[0] * to[1]);
  rows.forEach((row, h) => {
    columns.forEach((column, w) => {
      const blend = (r: number) =>
        map[r * from[1] + column.low] * (1 - column.share) + map[r * from[1] + column.high] * column.share;
      result[h * to[1] + w] = blend(row.low) * (1 - row.share) + blend(row.high) * row.share;
    });
  });
  return result;
}

/** Parses what d3 gives: "rgb(1, 2, 3)" or "#010203". */
function channelsOf(color: string): [number, number, number] {
  if (color.startsWith('#'))
    return [1, 3, 5].map((i) => Number.parseInt(color.slice(i, i + 2), 16)) as [number, number, number];
  return (color.match(/\d+/g) as string[]).slice(0, 3).map(Number) as [number, number, number];
}

const TABLE_SIZE = 256;
const tableOf = (interpolate: (t: number) => string): [number, number, number][] =>
  Array.from({ length: TABLE_SIZE }, (_, i) => channelsOf(interpolate(i / (TABLE_SIZE - 1))));

/** d3's run from the warm colour to the cold; here the one named first is positive. */
const scales = {
  'red-blue': { kind: 'diverging', interpolate: (t: number) => interpolateRdBu(1 - t) },
  'pink-green': { kind: 'diverging', interpolate: (t: number) => interpolatePiYG(1 - t) },
  'purple-green': { kind: 'diverging', interpolate: (t: number) => interpolatePRGn(1 - t) },
  inferno: { kind: 'sequential', interpolate: interpolateInferno },
  viridis: { kind: 'sequential', interpolate: interpolateViridis },
  turbo: { kind: 'sequential', interpolate: interpolateTurbo },
  gray: { kind: 'sequential', interpolate: (t: number) => `rgb(${Array(3).fill(Math.round(255 * t))})` },
} as const satisfies Record<string, { kind: Colormap; interpolate: (t: number) => string }>;

export type ColorName = keyof typeof scales;
export const colorNames = Object.keys(scales) as readonly ColorName[];
export const kindOfColors = (name: ColorName): Colormap => scales[name].kind;

const DEFAULTS: Record<Colormap, ColorName> = { diverging: 'red-blue', sequential: 'inferno' };

const tables = new Map<ColorName, [number, number, number][]>();
function tableNamed(name: ColorName): [number, number, number][] {
  const table = tables.get(name) ?? tableOf(scales[name].interpolate);
  tables.set(name, table);
  return table;
}

/** How a map becomes colours. */
export interface ColorOptions {
  /** Colours end at this percentile of the magnitudes, 0..100; 99 by default. */
  readonly clip?: number;
  /** Colours other than the default ones; a name of the colour map's own kind. */
  readonly colors?: ColorName;
  /** The opacity grows with the magnitude, so that what lies below shows where the map says nothing. */
  readonly fade?: boolean;
}

/** A map [H,W] in colours, its scale set by a percentile of the magnitudes. */
export function colorize(
  map: ArrayLike<number>,
  [height, width]: readonly [number, number],
  colormap: Colormap,
  { clip = CLIP_PERCENTILE, colors = DEFAULTS[colormap], fade = false }: ColorOptions = {},
): Pixels {
  const low = colormap === 'sequential' ? Math.max(0, smallest(map)) : 0;
  const scale = scaleOf(map, clip) - low || 1;
  const table = tableNamed(colors);
  const data = new Uint8ClampedArray(4 * map.length);
  for (let i = 0; i < map.length; i++) {
    const share = (map[i] - low) / scale;
    const t = colormap === 'diverging' ? 0.5 + 0.5 * share : share;
    const color = table[Math.round(Math.min(Math.max(t, 0), 1) * (TABLE_SIZE - 1))];
    data.set(color, 4 * i);
    data[4 * i + 3] = fade ? 255 * Math.min(1, Math.abs(share)) : 255;
  }
  return { width, height, data };
}

/** Luma of the picture: colours laid over it stand out. */
export function grayscale({ width, height, data }: Pixels): Pixels {
  const result = new Uint8ClampedArray(data);
  for (let i = 0; i < data.length; i += 4) {
    result.fill(Math.round(0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2]), i, i + 3);
  }
  return { width, height, data: result };
}

/** Lays `top` over `bottom` (same size); its own opacity is multiplied with the one given, 0..1. */
export function overlay(bottom: Pixels, top: Pixels, opacity = 0.6): Pixels {
  if (bottom.width !== top.width || bottom.height !== top.height) {
    throw new Error(`overlay: ${top.width}x${top.height} over ${bottom.width}x${bottom.height}. Resize the map first.`);
  }
  const data = new Uint8ClampedArray(bottom.data.length).fill(255);
  for (let i = 0; i < data.length; i += 4) {
    const share = (opacity * top.data[i + 3]) / 255;
    for (let c = i; c < i + 3; c++) data[c] = bottom.data[c] * (1 - share) + top.data[c] * share;
  }
  return { width: bottom.width, height: bottom.height, data };
}

/** Of the strongest value of a signed map: what lies beneath a whole region must still be seen. */
const STRONGEST_OPACITY = 0.8;

/** How a map is usually shown over its picture: signed ones in red and blue over grey, others in heat over the colours. */
export function overlayMap(
  picture: Pixels,
  map: ArrayLike<number>,
  colormap: Colormap,
  options: ColorOptions = {},
): Pixels {
  const size = [picture.height, picture.width] as const;
  return colormap === 'diverging'
    ? overlay(grayscale(picture), colorize(map, size, colormap, { ...options, fade: true }), STRONGEST_OPACITY)
    : overlay(picture, colorize(map, size, colormap, options));
}

/** Pictures of one height from left to right, with white between them. */
export function sideBySide(pictures: readonly Pixels[], gap: number): Pixels {
  const { height } = pictures[0];
  const width = pictures.reduce((sum, each) => sum + each.width, gap * (pictures.length - 1));
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  let left = 0;
  for (const picture of pictures) {
    if (picture.height !== height) throw new Error(`sideBySide: heights ${height} and ${picture.height} differ.`);
    for (let row = 0; row < height; row++) {
      const from = 4 * row * picture.width;
      data.set(picture.data.subarray(from, from + 4 * picture.width), 4 * (row * width + left));
    }
    left += picture.width + gap;
  }
  return { width, height, data };
}
