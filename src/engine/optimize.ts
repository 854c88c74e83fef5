// optimize.ts: the passes every computation goes through before it is planned.

import { fetched } from '../kernels/families.ts';
import type { DeviceTraits } from '../kernels/types.ts';
import type { Computation } from './graph.ts';
import { nameLayers } from './layers.ts';
import { fuse } from './passes/fuse.ts';
import { lower } from './passes/lower.ts';
import { joinMasks } from './passes/masks.ts';
import { rotate } from './passes/rotate.ts';
import { removeDead, simplify } from './passes/simplify.ts';
import { slices } from './passes/slices.ts';
import { winograd } from './passes/winograd.ts';
import type { Pass } from './rewrite.ts';
import type { Target } from './target.ts';

let split: Pass | undefined;

/** Loads the passes that only one kind of device needs. */
export async function loadPasses(kind: DeviceTraits['kind']): Promise<void> {
  if (kind === 'gpu') ({ split } = await fetched('The pass that splits products', import('./passes/split.ts')));
}

const splitOnGpus: Pass = (source, target) => {
  if (target?.traits.kind !== 'gpu') return source;
  if (!split) throw new Error("the passes for GPUs are not loaded; await loadPasses('gpu') first.");
  return split(source, target);
};

/**
 * In the order they run. Layers are named while the whole network is there. Fusing leaves scalar constants behind that became
 * literals of a shader; whether a value has one reader is asked when nothing is left over.
 */
export const passes: readonly Pass[] = [
  nameLayers,
  lower,
  simplify,
  joinMasks,
  winograd,
  rotate,
  splitOnGpus,
  fuse,
  removeDead,
  slices,
];

export const optimize = (source: Computation, target?: Target): Computation =>
  passes.reduce((current, pass) => pass(current, target), source);
