// quad_blocks.ts: the blocks in which quads compute products whose rows they swap, on software adapters with subgroups of four. It
// stands by itself because passes ask too what such products take.

import type { DeviceTraits } from './types.ts';

/** Columns that a quad computes together. */
const COLUMNS = 16;

/** A block that a quad computes: the rows that each lane loads, a quarter of all, and how fast such blocks are beside each other. */
interface Form {
  readonly laneRows: number;
  readonly speed: number;
}
export const PRODUCT_FORMS: readonly Form[] = [
  { laneRows: 16, speed: 1 },
  { laneRows: 8, speed: 0.91 },
  { laneRows: 4, speed: 0.75 },
];

/** Cores that a software adapter has at least: fewer blocks than that leave one idle. */
const CORES = 2;

/**
 * The blocks that compute `rows` by `columns` results first, their grid, how many results that makes with those beyond the ends, and
 * how many the fastest form would do in the same time.
 */
export function fastestBlocks(forms: readonly Form[], rows: number, columns: number, batch = 1) {
  const blocks = forms.map(({ laneRows, speed }) => {
    const workgroups = [Math.ceil(rows / (4 * laneRows)), Math.ceil(columns / COLUMNS), batch] as const;
    const count = workgroups[0] * workgroups[1] * batch;
    const results = 4 * laneRows * COLUMNS;
    const time = (Math.ceil(count / CORES) * CORES * results) / speed;
    return { laneRows, workgroups, computed: count * results, time };
  });
  return blocks.reduce((best, form) => (form.time < best.time ? form : best));
}

/**
 * What is computed beyond the ends, as a share, up to which a convolution gains: for 20 filters (0.6) it takes two thirds of the time of
 * the other kernels, for 8 (1) the same, for 4 a quarter more.
 */
const MOST_WASTE = 0.8;

/** Blocks of a convolution with so many outputs, `phases` times, or none where it does not run or gain so. */
export function convBlocks(
  { kind, subgroups }: DeviceTraits,
  pixels: number,
  channels: number,
  filters: number,
  phases = 1,
) {
  if (kind !== 'software' || !subgroups || channels % 2 !== 0 || filters % 4 !== 0) return undefined;
  const blocks = fastestBlocks(PRODUCT_FORMS, pixels, filters, phases);
  return blocks.computed <= (1 + MOST_WASTE) * phases * pixels * filters ? blocks : undefined;
}
