// guidedPath.ts: how guided integrated gradients choose their way (Kapishnikov et al. 2021, section 3.3): at each step the
// features with the smallest slopes go ahead, but none farther than `maxDist` from the straight way.
//
// Positions are counted as shares α_i of the way from baseline to input, 0 to 1; a step brings the L1 distance that is left
// down by the same amount each time.

interface GuidedPathOptions {
  /** Share of all features that are moved at a time. */
  readonly fraction: number;
  /** How far from the straight way a feature may be, in α. */
  readonly maxDist: number;
}

/** Distances below this share of the whole count as none. */
const CLOSE = 1e-9;

/** Orders that put numbers >= 0 in rising order; equal ones stay as they were. Three passes over 11 bits of their float32. */
export function risingOrder(keys: Float32Array): Uint32Array {
  const bits = new Uint32Array(keys.buffer, keys.byteOffset, keys.length); // bits of floats >= 0 rise as they do
  let order = Uint32Array.from(keys, (_, i) => i);
  let next = new Uint32Array(keys.length);
  for (const shift of [0, 11, 22]) {
    const starts = new Uint32Array(2049);
    for (const key of bits) starts[((key >>> shift) & 2047) + 1]++;
    for (let k = 0; k < 2048; k++) starts[k + 1] += starts[k];
    for (const i of order) next[starts[(bits[i] >>> shift) & 2047]++] = i;
    [order, next] = [next, order];
  }
  return order;
}

export class GuidedPath {
  /** Position of each feature on its way. */
  readonly alpha: Float64Array;
  private readonly total: number;

  constructor(
    /** Input minus baseline, of each feature. */
    private readonly way: Float64Array,
    private readonly options: GuidedPathOptions,
  ) {
    this.alpha = new Float64Array(way.length);
    this.total = way.reduce((sum, d) => sum + Math.abs(d), 0);
  }

  /**
   * One step: moves features until the share `goal` of the whole L1 distance is behind, given the slopes at the present
   * point. Returns how far each went on its way, as numbers of the input.
   */
  advance(slopes: Float32Array, goal: number): Float64Array {
    const { alpha, way, total } = this;
    const { fraction, maxDist } = this.options;
    const [low, high] = [Math.max(goal - maxDist, 0), Math.min(goal + maxDist, 1)];
    const before = alpha.slice();
    let left = 0;
    for (let i = 0; i < way.length; i++) {
      alpha[i] = Math.max(alpha[i], low);
      left += Math.abs(way[i]) * (1 - alpha[i]);
    }
    let missing = left - total * (1 - goal);
    const sizes = slopes.map(Math.abs);
    const order = risingOrder(sizes).filter((i) => way[i] !== 0 && alpha[i] < high);
    const share = Math.floor(fraction * (way.length - 1)) + 1;
    for (let first = 0; first < order.length && missing > CLOSE * total; ) {
      let end = Math.min(first + share, order.length);
      while (end < order.length && sizes[order[end]] === sizes[order[end - 1]]) end++; // equal slopes go together
      const chosen = order.subarray(first, end);
      const reach = chosen.reduce((sum, i) => sum + Math.abs(way[i]) * (high - alpha[i]), 0);
      const part = Math.min(1, missing / reach);
      for (const i of chosen) alpha[i] = part === 1 ? high : alpha[i] + part * (high - alpha[i]);
      missing -= part * reach;
      first = end;
    }
    return before.map((position, i) => way[i] * (alpha[i] - position));
  }
}
