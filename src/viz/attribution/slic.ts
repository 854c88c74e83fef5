// slic.ts: superpixels: Achanta et al. 2012, "SLIC Superpixels Compared to State-of-the-Art Superpixel Methods",
// https://doi.org/10.1109/TPAMI.2012.120: k-means in colour and place, each centre looking only at its own surroundings.

import { type Preprocess, unpreprocess } from '../../models/preprocess.ts';
import type { FeatureMap } from './features.ts';

type Size = readonly [height: number, width: number];

interface SlicOptions {
  /** About so many regions. */
  readonly segments: number;
  /** m of the paper: how much place counts against colour, in units of CIELAB. */
  readonly compactness?: number;
  readonly iterations?: number;
}

/**
 * colours: [H*W*channels]. Regions are connected, numbered 0..count-1, none of them smaller than a quarter of the mean size
 * unless nothing lies beside it. The same numbers give the same regions.
 */
export function slic(colours: Float32Array, [H, W]: Size, options: SlicOptions): FeatureMap {
  const { segments, compactness = 10, iterations = 10 } = options;
  const C = colours.length / (H * W);
  const side = Math.sqrt((H * W) / Math.min(segments, H * W));
  const centres = startingCentres(colours, [H, W], C, side);
  const labels = new Int32Array(H * W);
  for (let k = 0; k < iterations; k++) {
    assign(colours, [H, W], C, centres, side, compactness, labels);
    moveToMeans(colours, W, C, centres, labels);
  }
  return connect(labels, [H, W], (side * side) / 4);
}

/** One centre: row, column, colour. */
type Centre = Float64Array;

const colourDistance = (colours: Float32Array, C: number, a: number, b: number): number => {
  let sum = 0;
  for (let c = 0; c < C; c++) sum += (colours[a * C + c] - colours[b * C + c]) ** 2;
  return sum;
};

/** In the middle of the cells of a regular grid, moved off edges: to the flattest of the 3 x 3 pixels around. */
function startingCentres(colours: Float32Array, [H, W]: Size, C: number, side: number): Centre[] {
  const slope = (i: number, j: number): number => {
    const [up, down] = [Math.max(i - 1, 0), Math.min(i + 1, H - 1)];
    const [left, right] = [Math.max(j - 1, 0), Math.min(j + 1, W - 1)];
    return (
      colourDistance(colours, C, up * W + j, down * W + j) + colourDistance(colours, C, i * W + left, i * W + right)
    );
  };
  const [rows, columns] = [H, W].map((length) => Math.max(1, Math.round(length / side)));
  return Array.from({ length: rows * columns }, (_, k) => {
    const row = Math.floor(((Math.floor(k / columns) + 0.5) * H) / rows);
    const column = Math.floor((((k % columns) + 0.5) * W) / columns);
    let best = [row, column];
    for (let i = Math.max(row - 1, 0); i <= Math.min(row + 1, H - 1); i++) {
      for (let j = Math.max(column - 1, 0); j <= Math.min(column + 1, W - 1); j++) {
        if (slope(i, j) < slope(best[0], best[1])) best = [i, j];
      }
    }
    const at = best[0] * W + best[1];
    return Float64Array.of(...best, ...colours.subarray(at * C, (at + 1) * C));
  });
}

/** Each pixel to the nearest centre within 2 S x 2 S: D² = dc² + (ds/S)² m² (eq. 3). Others stay where they were. */
function assign(
  colours: Float32Array,
  [H, W]: Size,
  C: number,
  centres: readonly Centre[],
  side: number,
  compactness: number,
  labels: Int32Array,
): void {
  const distances = new Float64Array(H * W).fill(Number.POSITIVE_INFINITY);
  const weight = (compactness / side) ** 2;
  for (const [k, centre] of centres.entries()) {
    const [row, column] = centre;
    const [top, bottom] = [Math.max(0, Math.ceil(row - side)), Math.min(H - 1, Math.floor(row + side))];
    const [left, right] = [Math.max(0, Math.ceil(column - side)), Math.min(W - 1, Math.floor(column + side))];
    for (let i = top; i <= bottom; i++) {
      for (let j = left; j <= right; j++) {
        const at = i * W + j;
        let distance = weight * ((i - row) ** 2 + (j - column) ** 2);
        for (let c = 0; c < C; c++) distance += (colours[at * C + c] - centre[2 + c]) ** 2;
        if (distance >= distances[at]) continue;
        distances[at] = distance;
        labels[at] = k;
      }
    }
  }
}

function moveToMeans(colours: Float32Array, W: number, C: number, centres: Centre[], labels: Int32Array): void {
  const sums = centres.map((centre) => new Float64Array(centre.length));
  const sizes = new Int32Array(centres.length);
  labels.forEach((k, at) => {
    const sum = sums[k];
    sizes[k]++;
    sum[0] += Math.floor(at / W);
    sum[1] += at % W;
    for (let c = 0; c < C; c++) sum[2 + c] += colours[at * C + c];
  });
  // A centre that lost all its pixels stays where it is.
  sums.forEach((sum, k) => {
    if (sizes[k] > 0) centres[k] = sum.map((value) => value / sizes[k]);
  });
}

const SIDEWAYS = [
  [-1, 0],
  [0, -1],
  [0, 1],
  [1, 0],
] as const;

/** Parts of a label that hang apart become regions of their own; those below `least` pixels join one beside them. */
function connect(labels: Int32Array, [H, W]: Size, least: number): FeatureMap {
  const ids = new Int32Array(H * W).fill(-1);
  let count = 0;
  for (let start = 0; start < H * W; start++) {
    if (ids[start] >= 0) continue;
    const part = [start];
    ids[start] = count;
    let beside = -1;
    for (let k = 0; k < part.length; k++) {
      const [row, column] = [Math.floor(part[k] / W), part[k] % W];
      for (const [di, dj] of SIDEWAYS) {
        const [i, j] = [row + di, column + dj];
        if (i < 0 || i >= H || j < 0 || j >= W) continue;
        const at = i * W + j;
        if (ids[at] >= 0 && ids[at] !== count) beside = ids[at];
        if (ids[at] >= 0 || labels[at] !== labels[start]) continue;
        ids[at] = count;
        part.push(at);
      }
    }
    if (part.length < least && beside >= 0) for (const at of part) ids[at] = beside;
    else count++;
  }
  return { ids, count };
}

/** Spread of a channel that is no colour, made about that of L in a photograph, so that one compactness suits both. */
const SPREAD = 25;

/**
 * Superpixels of a network's input [H,W,C]: in CIELAB where its channels are colours, as in the paper; else with each
 * channel brought to one spread.
 */
export function segmentPicture(input: Float32Array, size: Size, preprocess: Preprocess, segments: number): FeatureMap {
  const colours = preprocess.order === 'raw' ? standardized(input, size) : toLab(unpreprocess(input, preprocess));
  return slic(colours, size, { segments });
}

function standardized(input: Float32Array, [H, W]: Size): Float32Array {
  const C = input.length / (H * W);
  const scaled = new Float32Array(input.length);
  for (let c = 0; c < C; c++) {
    const channel = Float64Array.from({ length: H * W }, (_, i) => input[i * C + c]);
    const mean = channel.reduce((sum, value) => sum + value, 0) / channel.length;
    const deviation = Math.sqrt(channel.reduce((sum, value) => sum + (value - mean) ** 2, 0) / channel.length);
    channel.forEach((value, i) => {
      scaled[i * C + c] = deviation > 0 ? ((value - mean) / deviation) * (SPREAD / Math.sqrt(C)) : 0;
    });
  }
  return scaled;
}

/** Linear sRGB to XYZ, each row divided by the white point of D65 (IEC 61966-2-1). */
const RGB_TO_XYZ = [
  [0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339 / 1.08883, 0.119192 / 1.08883, 0.9503041 / 1.08883],
] as const;
const linear = (value: number): number =>
  value <= 0.04045 ? Math.max(0, value) / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const cubeRoot = (t: number): number => (t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29);

/** sRGB in 0..1, [..,3], to CIELAB. */
export function toLab(rgb: Float32Array): Float32Array {
  const lab = new Float32Array(rgb.length);
  for (let i = 0; i < rgb.length; i += 3) {
    const [r, g, b] = [linear(rgb[i]), linear(rgb[i + 1]), linear(rgb[i + 2])];
    const [x, y, z] = RGB_TO_XYZ.map((row) => cubeRoot(row[0] * r + row[1] * g + row[2] * b));
    lab.set([116 * y - 16, 500 * (x - y), 200 * (y - z)], i);
  }
  return lab;
}
