// roofline.ts: how near a dispatch comes to what a device can do at most. No GPU object appears here.
//
// Williams, Waterman, Patterson, "Roofline: an insightful visual performance model for multicore architectures", 2009:
// a kernel of so many operations and bytes takes at least the longer of operations / arithmetic peak and bytes / bandwidth.

import type { Cost } from '../kernels/types.ts';

/** The limits of a device, as measured on it. */
export interface Roofline {
  /** Operations a second of multiply-adds that load and store nothing, each counted as two. */
  readonly flopsPerSecond: number;
  /** The same in a loop that carries 32 sums and adds four terms to each a round, which a software adapter is slower at. */
  readonly loopFlopsPerSecond: number;
  /** Bytes a second, read and written, of a kernel that does nothing but copy. */
  readonly bytesPerSecond: number;
  /** The same of `copyBufferToBuffer`, which need not go through shader cores. */
  readonly copyBytesPerSecond: number;
  /** What a dispatch takes that does nothing. */
  readonly dispatchMicros: number;
}

/** Limits that were measured round by round beside something else. */
export interface MeasuredRoofline extends Roofline {
  readonly rounds: number;
  /** The worst of the rounds; the limits are the best. */
  readonly worst: Pick<Roofline, 'flopsPerSecond' | 'bytesPerSecond' | 'dispatchMicros'>;
}

/** How far the worst round fell behind the limit, as a share of that: of arithmetic or memory, whichever fell farther. */
export const scatterOf = ({ flopsPerSecond, bytesPerSecond, worst }: MeasuredRoofline): number =>
  1 - Math.min(worst.flopsPerSecond / flopsPerSecond, worst.bytesPerSecond / bytesPerSecond);

/** What a device that is not used otherwise stays below. */
const MOST_SCATTER = 0.3;

/** A sentence for people, where other work slowed the measuring; undefined where the limits can be relied on. */
export function rooflineWarning(roofline: MeasuredRoofline): string | undefined {
  const scatter = scatterOf(roofline);
  if (scatter <= MOST_SCATTER) return undefined;
  return `Between rounds the limits fell by up to ${Math.round(100 * scatter)} %: other work slows this device, so times and shares are rough.`;
}

/** What limits a dispatch of this cost, if nothing else does. */
export type Bound = 'arithmetic' | 'memory' | 'overhead';

interface Judgement {
  readonly bound: Bound;
  /** The least time that arithmetic and memory allow. */
  readonly idealMicros: number;
  /** Ideal over measured time. Above 1 where values come out of a cache, which the bandwidth of memory does not limit. */
  readonly share: number;
}

/** Work that takes less than a dispatch by itself is bound by overhead: only fewer dispatches help. */
export function judge({ flops, bytes }: Pick<Cost, 'flops' | 'bytes'>, micros: number, roofline: Roofline): Judgement {
  const arithmetic = (1e6 * flops) / roofline.flopsPerSecond;
  const memory = (1e6 * bytes) / roofline.bytesPerSecond;
  const idealMicros = Math.max(arithmetic, memory);
  const bound = idealMicros < roofline.dispatchMicros ? 'overhead' : arithmetic >= memory ? 'arithmetic' : 'memory';
  return { bound, idealMicros, share: micros > 0 ? idealMicros / micros : 0 };
}

/** Operations a byte above which arithmetic is the limit. */
export const ridge = ({ flopsPerSecond, bytesPerSecond }: Roofline): number => flopsPerSecond / bytesPerSecond;

/** The most operations a second at so many operations a byte. */
export const roofAt = (intensity: number, { flopsPerSecond, bytesPerSecond }: Roofline): number =>
  Math.min(flopsPerSecond, intensity * bytesPerSecond);
