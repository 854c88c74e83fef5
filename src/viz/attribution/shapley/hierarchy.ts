// hierarchy.ts: players in groups of groups, as partition values need them: a grid halved again and again, or regions of a
// picture merged with those beside them that look most alike.

import type { FeatureMap } from '../features.ts';

/** A group of players: those from `start` to `end` in the hierarchy's order, and its two halves unless it is one player. */
export interface Group {
  readonly start: number;
  readonly end: number;
  readonly halves?: readonly [Group, Group];
}

export interface Hierarchy {
  /** The players, so that those of each group lie side by side. */
  readonly order: Int32Array;
  readonly root: Group;
}

/** Any binary tree, whose leaves are players. */
type Tree = number | readonly [Tree, Tree];

/** Lays out the leaves of a tree. Deep trees (a chain of merges) take no stack. */
export function layOut(tree: Tree, players: number): Hierarchy {
  const order = new Int32Array(players);
  let next = 0;
  const pending: { tree: Tree; start?: number }[] = [{ tree }];
  const finished: Group[] = [];
  while (pending.length > 0) {
    const top = pending[pending.length - 1];
    if (typeof top.tree === 'number') {
      order[next] = top.tree;
      finished.push({ start: next, end: ++next });
      pending.pop();
    } else if (top.start === undefined) {
      top.start = next;
      pending.push({ tree: top.tree[1] }, { tree: top.tree[0] });
    } else {
      const [first, second] = finished.splice(-2) as [Group, Group];
      finished.push({ start: top.start, end: next, halves: [first, second] });
      pending.pop();
    }
  }
  return { order, root: finished[0] };
}

/** The cells of a grid, numbered row by row; each box of them is halved across its longer side. */
export function halvedGrid([rows, columns]: readonly [number, number]): Hierarchy {
  const halve = (top: number, left: number, height: number, width: number): Tree => {
    if (height * width === 1) return top * columns + left;
    const half = Math.ceil(Math.max(height, width) / 2);
    return height >= width
      ? [halve(top, left, half, width), halve(top + half, left, height - half, width)]
      : [halve(top, left, height, half), halve(top, left + half, height, width - half)];
  };
  return layOut(halve(0, 0, rows, columns), rows * columns);
}

/** A region while regions are merged. */
interface Region {
  readonly tree: Tree;
  readonly size: number;
  /** Σ of its pixels' channels. */
  readonly sums: Float64Array;
  readonly beside: Set<number>;
}

/**
 * Merges the two neighbouring regions whose union adds least to the squared deviations from the mean colour (Ward 1963), again
 * and again. All regions together are the picture, so they hang together and end in one. picture: [H*W*C].
 */
export function mergedRegions({ ids, count }: FeatureMap, picture: Float32Array, width: number): Hierarchy {
  const C = picture.length / ids.length;
  const regions = new Map<number, Region>();
  for (let k = 0; k < count; k++) regions.set(k, { tree: k, size: 0, sums: new Float64Array(C), beside: new Set() });
  const sizes = new Int32Array(count);
  const touch = (a: number, b: number) => {
    if (a === b) return;
    regions.get(a)?.beside.add(b);
    regions.get(b)?.beside.add(a);
  };
  ids.forEach((id, at) => {
    sizes[id]++;
    const { sums } = regions.get(id) as Region;
    for (let c = 0; c < C; c++) sums[c] += picture[at * C + c];
    if ((at + 1) % width !== 0) touch(id, ids[at + 1]);
    if (at + width < ids.length) touch(id, ids[at + width]);
  });
  for (const [k, region] of regions) regions.set(k, { ...region, size: sizes[k] });

  let next = count;
  while (regions.size > 1) {
    let [best, pair] = [Number.POSITIVE_INFINITY, [0, 0]];
    for (const [a, region] of regions) {
      for (const b of region.beside) {
        const cost = a < b ? mergeCost(region, regions.get(b) as Region) : Number.POSITIVE_INFINITY;
        if (cost < best) [best, pair] = [cost, [a, b]];
      }
    }
    const [a, b] = pair.map((k) => regions.get(k) as Region);
    const merged: Region = {
      tree: [a.tree, b.tree],
      size: a.size + b.size,
      sums: a.sums.map((sum, c) => sum + b.sums[c]),
      beside: new Set([...a.beside, ...b.beside].filter((k) => !pair.includes(k))),
    };
    for (const k of merged.beside) {
      const { beside } = regions.get(k) as Region;
      for (const gone of pair) beside.delete(gone);
      beside.add(next);
    }
    for (const gone of pair) regions.delete(gone);
    regions.set(next++, merged);
  }
  return layOut([...regions.values()][0].tree, count);
}

function mergeCost(a: Region, b: Region): number {
  let distance = 0;
  for (let c = 0; c < a.sums.length; c++) distance += (a.sums[c] / a.size - b.sums[c] / b.size) ** 2;
  return ((a.size * b.size) / (a.size + b.size)) * distance;
}
