// types.ts: what a registry says of a network.

import type { Preprocess } from '../preprocess.ts';

interface Entry {
  /** The name that commands take in place of a path. */
  readonly id: string;
  readonly description: string;
  /** Share of pictures it names right, and on which. */
  readonly accuracy?: string;
  /** Undefined where the file says it itself, or it is guessed from the file. */
  readonly preprocess?: Preprocess;
  /** Undefined where the file says them itself, or nothing does. */
  readonly labels?: readonly string[];
  /** SPDX identifier. */
  readonly licence: string;
}

/** A network that comes with the project. */
export interface ShippedModel extends Entry {
  /** Path from the root of the project. */
  readonly file: string;
  /** How the accuracy was measured stands in assets/README.md. */
  readonly accuracy: string;
  /** [channels, height, width]. */
  readonly input: readonly [number, number, number];
}

/** A network that is fetched when it is asked for. */
export interface WebModel extends Entry {
  /** Where the file lies; the first that gives the right bytes is taken. */
  readonly urls: readonly string[];
  /** Of the file, in hexadecimal digits. Without it the bytes are taken as they come. */
  readonly sha256?: string;
  /** Size of the file. */
  readonly bytes?: number;
  readonly input?: readonly [number, number, number];
  readonly classes?: number;
  /** Where licence, preprocessing and accuracy are stated. */
  readonly source?: string;
}
