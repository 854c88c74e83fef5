// method.ts: what an attribution method is.

import type { Attribution } from './result.ts';
import type { OptionsOf, OptionTable } from './options.ts';
import type { Context } from './subject.ts';

/** What a prepared method is asked. */
export interface AttributionRequest {
  /** Network input [H,W,C] of one picture (see `preprocessPixels`). */
  readonly input: Float32Array;
  /** Class that is explained, unless the method was prepared for a unit. */
  readonly target?: number;
  /** Stops the work. A method that estimates returns what it has, others throw the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called as work is done; methods that estimate also say what they know so far. */
  readonly progress?: (done: number, total: number, soFar?: () => Attribution) => void;
}

/** A method made ready for one network and input size; asking again costs no compilation. */
export interface Attributor {
  attribute(request: AttributionRequest): Promise<Attribution>;
  dispose(): void;
}

export interface Method<T extends OptionTable = OptionTable> {
  /** As people call it: "Integrated gradients". */
  readonly title: string;
  /** One line for help and menus. */
  readonly description: string;
  /** Paper that defines it. */
  readonly source: string;
  readonly family: 'gradient' | 'cam' | 'perturbation';
  readonly options: T;
  /** Can attribute to the activations of a layer (`Context.layer`); CAM methods always do. */
  readonly takesLayer: boolean;
  /** Throws a `ModelError` where network, layer or options do not suit it. */
  prepare(context: Context, options?: Partial<OptionsOf<T>>): Promise<Attributor>;
}
