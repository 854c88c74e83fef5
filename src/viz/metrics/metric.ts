// metric.ts: what a metric of faithfulness is, and what it is given.

import type { Attributor } from '../attribution/method.ts';
import type { OptionsOf, OptionTable } from '../attribution/options.ts';
import type { Watch } from '../attribution/pipelined.ts';
import type { Attribution } from '../attribution/result.ts';
import type { Context } from '../attribution/subject.ts';
import type { PictureScorer } from './pictureScorer.ts';

/**
 * What the values of a map predict. `slopes`: how the score changes with each number of the input (gradients).
 * `contributions`: what the score loses where a pixel is absent, up to a scale (most other methods).
 */
export const valueKinds = ['contributions', 'slopes'] as const;
export type ValueKind = (typeof valueKinds)[number];

/** One picture and a map of it. */
export interface Explained {
  readonly context: Context;
  /** Network input [H,W,C]. */
  readonly input: Float32Array;
  /** Class that is explained, unless the context names a unit. */
  readonly target?: number;
  readonly attribution: Attribution;
  /** Contributions, unless said otherwise. */
  readonly kind?: ValueKind;
  /** What made the map, for metrics that make others. */
  readonly attributor?: Attributor;
}

export interface Measured {
  readonly value: number;
  /** Runs of the network, counted in pictures. */
  readonly evaluations: number;
  readonly millis: number;
  /** Scores over the share of pixels, where the metric is a curve. */
  readonly curve?: { readonly shares: Float64Array; readonly scores: Float64Array };
  /** Further numbers, by name. */
  readonly parts?: Readonly<Record<string, number>>;
}

export interface Metric<T extends OptionTable = OptionTable> {
  /** As people call it: "Deletion". */
  readonly title: string;
  /** One line for help and menus. */
  readonly description: string;
  /** Paper that defines it. */
  readonly source: string;
  /** Which end is the good one. */
  readonly better: 'higher' | 'lower';
  readonly options: T;
  /** `scorer` was made for the same context. Throws the signal's reason where it comes. */
  measure(
    scorer: PictureScorer,
    explained: Explained,
    options?: Partial<OptionsOf<T>>,
    watch?: Watch,
  ): Promise<Measured>;
}
