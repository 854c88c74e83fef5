// optimize.ts: the passes every computation goes through before it is planned.

import type { Computation } from './graph.ts';
import { nameLayers } from './layers.ts';
import { fuse } from './passes/fuse.ts';
import { lower } from './passes/lower.ts';
import { joinMasks } from './passes/masks.ts';
import { rotate } from './passes/rotate.ts';
import { removeDead, simplify } from './passes/simplify.ts';
import { slices } from './passes/slices.ts';
import { split } from './passes/split.ts';
import { winograd } from './passes/winograd.ts';
import type { Pass } from './rewrite.ts';
import type { Target } from './target.ts';

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
  split,
  fuse,
  removeDead,
  slices,
];

export const optimize = (source: Computation, target?: Target): Computation =>
  passes.reduce((current, pass) => pass(current, target), source);
