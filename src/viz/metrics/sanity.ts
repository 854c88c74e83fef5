// sanity.ts: does a method explain the network at all? Its weights are randomized, layer by layer, and the map must change
// with them: one that stays shows the picture and not what was learned (Adebayo et al. 2018,
// https://arxiv.org/abs/1810.03292).

import { unlessAborted } from '../../engine/abort.ts';
import { ChangingWeights } from '../attribution/changingWeights.ts';
import type { AttributionRequest, Attributor, Method } from '../attribution/method.ts';
import type { Attribution } from '../attribution/result.ts';
import type { Context } from '../attribution/subject.ts';
import { attributionMap } from '../render/attributionMap.ts';
import { resizeBilinear } from '../render/maps.ts';
import { hogSimilarity, spearman, ssim } from './similarity.ts';

/**
 * cascading: from the output down, all layers so far are randomized; independent: the layers of one step alone, those of the
 * other steps as in the file.
 */
export const sanityModes = ['cascading', 'independent'] as const;
export type SanityMode = (typeof sanityModes)[number];

export interface SanityOptions {
  /** Cascading by default. */
  readonly mode?: SanityMode;
  /** At most so many steps, each with an equal share of the layers; 0 for a step a layer. 12 by default. */
  readonly steps?: number;
  /** Options of the method. */
  readonly method?: Readonly<Record<string, unknown>>;
  /** Called with each row as it is finished, for those who stop the check and keep what there is. */
  readonly onRow?: (row: SanityRow) => void;
}

/** How alike the map is to that of the network as it is: 1 for equal maps, NaN where one of the two is constant. */
export interface SanityRow {
  readonly step: number;
  /** Layers randomized in this step, from the output down; none in the first. */
  readonly layers: readonly string[];
  /** Of the signed values, and of their magnitudes summed over the channels. */
  readonly spearman: number;
  readonly absSpearman: number;
  /** Of the magnitudes, at the size of the picture. */
  readonly ssim: number;
  readonly hog: number;
  readonly attribution: Attribution;
}

export interface SanityCheck {
  readonly mode: SanityMode;
  readonly seed: number;
  readonly rows: readonly SanityRow[];
  /** The map after the weights of the file were put back. */
  readonly restored: Attribution;
}

const MOST_STEPS = 12;

/** Layers from the output down, in at most `steps` parts as equal as can be. */
export function sanitySteps(layers: readonly string[], steps: number = MOST_STEPS): string[][] {
  const down = [...layers].reverse();
  const count = steps === 0 ? down.length : Math.min(steps, down.length);
  const end = (k: number) => Math.round((k * down.length) / count);
  return Array.from({ length: count }, (_, k) => down.slice(end(k), end(k + 1)));
}

/** `context.seed` draws the weights, and is the method's own. `progress` counts the maps. Throws the signal's reason where it comes. */
export async function sanityCheck(
  context: Context,
  method: Method,
  { progress, signal, ...request }: AttributionRequest,
  { mode = 'cascading', steps, method: options, onRow }: SanityOptions = {},
): Promise<SanityCheck> {
  const { seed = 0, size } = context;
  const weights = await unlessAborted(ChangingWeights.create(context), signal, (late) => late.dispose());
  let attributor: Attributor | undefined;
  try {
    attributor = await unlessAborted(method.prepare(weights.context, options), signal, (late) => late.dispose());
    const blocks = sanitySteps(weights.layers, steps);
    const rows: SanityRow[] = [];
    const attribute = async (done: number): Promise<Attribution> => {
      signal?.throwIfAborted();
      const attribution = await (attributor as Attributor).attribute({ ...request, signal });
      // A method that estimates ends early, with a map that compares to none.
      signal?.throwIfAborted();
      progress?.(done, blocks.length + 2);
      return attribution;
    };
    for (const [step, layers] of [[], ...blocks].entries()) {
      await weights.randomize(layers, seed);
      const attribution = await attribute(step + 1);
      const likeness = compare(rows[0]?.attribution ?? attribution, attribution, size);
      const row: SanityRow = { step, layers, ...likeness, attribution };
      rows.push(row);
      onRow?.(row);
      if (mode === 'independent') weights.restore(layers);
    }
    weights.restore();
    return { mode, seed, rows, restored: await attribute(blocks.length + 2) };
  } finally {
    attributor?.dispose();
    weights.dispose();
  }
}

function compare(before: Attribution, after: Attribution, size: readonly [number, number]) {
  const [a, b] = [magnitudes(before, size), magnitudes(after, size)];
  return {
    spearman: spearman(before.values, after.values),
    absSpearman: spearman(a, b),
    ssim: ssim(a, b, size),
    hog: hogSimilarity(a, b, size),
  };
}

/** Σ |values| over the channels at the size of the picture, [H*W]. */
function magnitudes(attribution: Attribution, size: readonly [number, number]): Float32Array {
  const map = attributionMap({ ...attribution, values: attribution.values.map(Math.abs) }, size);
  return map.size[0] === size[0] && map.size[1] === size[1] ? map.data : resizeBilinear(map.data, map.size, size);
}
