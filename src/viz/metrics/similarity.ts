// similarity.ts: how alike two maps are: by the order of their values, their local structure, their edges. All are 1 for
// equal maps. For a constant map correlations are undefined (NaN); SSIM compares its means.

import { ssim as structure } from 'ssim.js';

type Size = readonly [height: number, width: number];

/** Ranks from 1 on; equal values share the mean of theirs. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((i, j) => values[i] - values[j]);
  const result = new Float64Array(values.length);
  for (let first = 0; first < order.length; ) {
    let end = first + 1;
    while (end < order.length && values[order[end]] === values[order[first]]) end++;
    for (let k = first; k < end; k++) result[order[k]] = (first + 1 + end) / 2;
    first = end;
  }
  return result;
}

/** Σ (a - ā)(b - b̄) / (|a - ā| |b - b̄|) */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  checkLengths(a, b);
  const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [products, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] - meanA, b[i] - meanB];
    products += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return products / (Math.sqrt(squaresA) * Math.sqrt(squaresB));
}

/** Spearman's rank correlation: Pearson's of the ranks, which is right where values are equal too. */
export const spearman = (a: ArrayLike<number>, b: ArrayLike<number>): number => pearson(ranks(a), ranks(b));

function checkLengths(a: ArrayLike<number>, b: ArrayLike<number>): void {
  if (a.length !== b.length) throw new Error(`similarity: the maps have ${a.length} and ${b.length} values.`);
}

/** Shifted and scaled to 0..1; all 0 where the map is constant. */
function unitRange(map: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(map);
  const [low, high] = values.reduce(([l, h], v) => [Math.min(l, v), Math.max(h, v)], [Infinity, -Infinity]);
  return values.map((value) => (high > low ? (value - low) / (high - low) : 0));
}

const SSIM_WINDOW = 11;

/**
 * Mean structural similarity (Wang et al. 2004: Gaussian window of 11, sigma 1.5, K .01 and .03) of two maps, each brought
 * to 0..1 and 256 levels, as they would be shown in grey. Maps smaller than the window have it cut.
 */
export function ssim(a: ArrayLike<number>, b: ArrayLike<number>, [height, width]: Size): number {
  checkLengths(a, b);
  const picture = (map: ArrayLike<number>) => {
    const data = new Uint8ClampedArray(4 * map.length).fill(255);
    unitRange(map).forEach((value, i) => {
      data.fill(Math.round(255 * value), 4 * i, 4 * i + 3);
    });
    return { data, height, width };
  };
  const side = Math.min(SSIM_WINDOW, height, width);
  const windowSize = side % 2 === 1 ? side : side - 1;
  // Its default, "weber", has a flat window.
  return structure(picture(a), picture(b), { ssim: 'fast', windowSize, downsample: false }).mssim;
}

const ORIENTATIONS = 9;
const CELL = 8;
/** Cells along the side of a block. */
const BLOCK = 3;
/** L2-Hys: no share of a block counts more. */
const CLIP = 0.2;

/**
 * Histogram of oriented gradients (Dalal and Triggs 2005): 9 orientations without a sign, cells of 8 x 8 (smaller where the
 * map has no three of them to a side), blocks of 3 x 3 cells at every cell, each normalized, clipped at .2 and normalized
 * again.
 */
export function hog(map: ArrayLike<number>, [height, width]: Size): Float64Array {
  const cell = Math.max(1, Math.min(CELL, Math.floor(Math.min(height, width) / BLOCK)));
  const [rows, columns] = [Math.floor(height / cell), Math.floor(width / cell)];
  const histograms = new Float64Array(rows * columns * ORIENTATIONS);
  const at = (h: number, w: number) => map[h * width + w];
  for (let h = 0; h < rows * cell; h++) {
    for (let w = 0; w < columns * cell; w++) {
      // The differences at the border have one side only, so they are left out.
      const down = h > 0 && h < height - 1 ? at(h + 1, w) - at(h - 1, w) : 0;
      const across = w > 0 && w < width - 1 ? at(h, w + 1) - at(h, w - 1) : 0;
      const turn = (Math.atan2(down, across) / Math.PI + 1) % 1;
      const bin = Math.min(ORIENTATIONS - 1, Math.floor(ORIENTATIONS * turn));
      const place = Math.floor(h / cell) * columns + Math.floor(w / cell);
      histograms[place * ORIENTATIONS + bin] += Math.hypot(down, across);
    }
  }
  const blocks: number[] = [];
  for (let r = 0; r + BLOCK <= rows; r++) {
    for (let c = 0; c + BLOCK <= columns; c++) {
      const block = Array.from({ length: BLOCK }, (_, i) => {
        const first = ((r + i) * columns + c) * ORIENTATIONS;
        return [...histograms.subarray(first, first + BLOCK * ORIENTATIONS)];
      }).flat();
      for (const share of normalized(normalized(block).map((value) => Math.min(value, CLIP)))) blocks.push(share);
    }
  }
  return Float64Array.from(blocks);
}

function normalized(values: readonly number[]): number[] {
  const length = Math.hypot(...values) || 1;
  return values.map((value) => value / length);
}

/** Pearson's correlation of the histograms of oriented gradients, the measure of Adebayo et al. 2018. */
export const hogSimilarity = (a: ArrayLike<number>, b: ArrayLike<number>, size: Size): number =>
  pearson(hog(a, size), hog(b, size));
