// regionGains.ts: the greedy choice of XRAI (Kapishnikov et al. 2019, algorithm 1): of all regions, again and again the one
// whose pixels that are not yet taken have the largest mean attribution.

/** Pixels of each region, which may overlap. `least`: regions that would add fewer pixels are left out. */
interface RegionGains {
  /** Mean attribution of the part that brought each pixel in, [H*W]: it sums to what the attributions sum to. */
  readonly gains: Float32Array;
  /** When each pixel came in: 0 with the first region; pixels of no region come last. */
  readonly ranks: Int32Array;
}

export function regionGains(
  values: ArrayLike<number>,
  regions: readonly ArrayLike<number>[],
  { least = 1 }: { readonly least?: number } = {},
): RegionGains {
  const count = values.length;
  const gains = new Float32Array(count);
  const ranks = new Int32Array(count).fill(-1);
  // Sum and number of the pixels of each region that are not taken; taking a pixel changes those that hold it.
  const sums = new Float64Array(regions.length);
  const sizes = new Int32Array(regions.length);
  const holders: number[][] = Array.from({ length: count }, () => []);
  regions.forEach((region, r) => {
    for (const pixel of Array.from(region)) {
      sums[r] += values[pixel];
      sizes[r]++;
      holders[pixel].push(r);
    }
  });
  const open = new Set(regions.keys());
  const take = (pixels: readonly number[], rank: number): void => {
    const mean = pixels.reduce((sum, pixel) => sum + values[pixel], 0) / pixels.length;
    for (const pixel of pixels) {
      gains[pixel] = mean;
      ranks[pixel] = rank;
      for (const r of holders[pixel]) {
        sums[r] -= values[pixel];
        sizes[r]--;
      }
    }
  };
  let rank = 0;
  for (;;) {
    let best = -1;
    for (const r of open) {
      if (sizes[r] < least) open.delete(r);
      else if (best < 0 || sums[r] / sizes[r] > sums[best] / sizes[best]) best = r;
    }
    if (best < 0) break;
    open.delete(best);
    take(
      Array.from(regions[best]).filter((pixel) => ranks[pixel] < 0),
      rank++,
    );
  }
  const rest = Array.from(ranks.keys()).filter((pixel) => ranks[pixel] < 0);
  if (rest.length > 0) take(rest, rank);
  return { gains, ranks };
}

/** The pixels of each id, grown by `radius` pixels all around (a disc), so that a region holds its own edges. */
export function grownRegions(ids: Int32Array, [H, W]: readonly [number, number], radius: number): Int32Array[] {
  const members = new Map<number, Set<number>>();
  const offsets: [number, number][] = [];
  for (let i = -radius; i <= radius; i++) {
    for (let j = -radius; j <= radius; j++) if (i * i + j * j <= radius * radius) offsets.push([i, j]);
  }
  const isInside = (row: number, column: number, id: number): boolean =>
    row >= 0 && row < H && column >= 0 && column < W && ids[row * W + column] === id;
  ids.forEach((id, pixel) => {
    const [row, column] = [Math.floor(pixel / W), pixel % W];
    let region = members.get(id);
    if (!region) members.set(id, (region = new Set()));
    region.add(pixel);
    const isInner =
      isInside(row - 1, column, id) &&
      isInside(row + 1, column, id) &&
      isInside(row, column - 1, id) &&
      isInside(row, column + 1, id);
    if (isInner) return; // only pixels at the rim reach outwards
    for (const [i, j] of offsets) {
      const [r, c] = [row + i, column + j];
      if (r >= 0 && r < H && c >= 0 && c < W) region.add(r * W + c);
    }
  });
  return [...members.keys()].sort((a, b) => a - b).map((id) => Int32Array.from(members.get(id) as Set<number>));
}
