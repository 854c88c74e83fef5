// transforms.ts: random transformations of the picture before the network sees it, so that what is found is robust to them.
// The lists are the published ones. All moves of a list are drawn on the device and applied as one sampling.

import type { Value } from '../../engine/graph.ts';
import { type AffineMove, affineSample, randomAffine } from '../../engine/ops/index.ts';

interface Transforms {
  /** Pixels of grey border added around the picture first. */
  readonly pad: number;
  /** In the order they are applied. */
  readonly moves: readonly AffineMove[];
}

const range = (count: number, f: (i: number) => number): number[] => Array.from({ length: count }, (_, i) => f(i));

export const transformPresets = {
  /** Lucid's `standard_transforms`. */
  lucid: {
    pad: 12,
    moves: [
      { jitter: 8 },
      { scale: range(11, (i) => 1 + (i - 5) / 50) },
      { rotate: [...range(21, (i) => i - 10), 0, 0, 0, 0, 0] },
      { jitter: 4 },
    ],
  },
  /** Those of the article "Feature Visualization" (Distill 2017). */
  distill2017: {
    pad: 16,
    moves: [
      { jitter: 16 },
      { scale: [1, 0.975, 1.025, 0.95, 1.05] },
      { rotate: range(11, (i) => i - 5) },
      { jitter: 8 },
    ],
  },
  none: { pad: 0, moves: [] },
} as const satisfies Record<string, Transforms>;

export type TransformPreset = keyof typeof transformPresets;

/** Pictures smaller than this, in pixels, get proportionally smaller shifts: 8 px of 28 would leave little in view. */
const FULL_JITTER_SIZE = 64;

/** A preset fitted to the picture's smaller side. */
export function transformsFor(preset: TransformPreset, [height, width]: readonly [number, number]): Transforms {
  const { pad, moves } = transformPresets[preset] as Transforms;
  const share = Math.min(1, Math.min(height, width) / FULL_JITTER_SIZE);
  const shrink = (pixels: number): number => Math.round(pixels * share);
  return {
    pad: shrink(pad),
    moves: moves.map((move) => ('jitter' in move ? { jitter: shrink(move.jitter) } : move)),
  };
}

/** Grey, in 0..1, of what lies outside the picture. */
const BORDER = 0.5;

/** [height, width] that remain when the border is added and the jitters have cut off their share. */
export function transformedSize(
  [height, width]: readonly [number, number],
  { pad, moves }: Transforms,
): [number, number] {
  const cut = moves.reduce((sum, move) => sum + ('jitter' in move ? move.jitter : 0), 0);
  const grow = 2 * pad - cut;
  return [height + grow, width + grow];
}

/** The picture [N,H,W,C] as the network sees it in this step, [N, ...size, C]. Each picture of a batch moves on its own. */
export function traceTransforms(
  image: Value,
  step: Value,
  transforms: Transforms,
  size: readonly [number, number],
  seed: number,
): Value {
  const [batch, height, width] = image.shape;
  if (transforms.moves.length === 0 && size[0] === height && size[1] === width) return image;
  const matrix = randomAffine(step, {
    seed,
    stream: 0,
    batch,
    inputSize: [height, width],
    outputSize: size,
    moves: transforms.moves,
  });
  return affineSample(image, matrix, { size, fill: BORDER, label: 'transforms' });
}
