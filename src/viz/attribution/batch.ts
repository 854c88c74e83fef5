// batch.ts: how many pictures a replay computes at once.

import { largestBatch } from '../../engine/gpu/memory.ts';
import type { Computation } from '../../engine/graph.ts';
import type { Context } from './subject.ts';

/** Enough pixels to keep a device of each kind busy; more would cost memory and the user's patience between progress. */
const PIXELS = { gpu: 64 * 224 * 224, software: 8 * 224 * 224 };
const MOST = 256;

/**
 * Pictures in a replay, where `wanted` are needed in all: equal shares, so that the last replay is not mostly empty, and no
 * more than the memory budget holds, or a `share` of what is left of it. `computationOf(batch)` is what will be compiled.
 */
export function batchFor(
  { device, size: [H, W] }: Context,
  wanted: number,
  computationOf: (batch: number) => Computation,
  label: string,
  share = 1,
): number {
  const useful = Math.min(MOST, Math.max(1, Math.floor(PIXELS[device.traits.kind] / (H * W))));
  const fitting = largestBatch(device, Math.min(wanted, useful), computationOf, label, share);
  return Math.ceil(wanted / Math.ceil(wanted / fitting));
}
