// shared.ts: reads the networks, pictures and recorded numbers that lie beside the project, in ../shared. They are not
// part of it; a test that needs them fails with one plain sentence where they are absent.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Tensor } from '../../src/engine/graph.ts';
import { parseNpy } from './npy.ts';

const root = path.resolve('..', 'shared');

/** The bytes of a file, by its path inside the shared folder. */
export function sharedBytes(file: string): Uint8Array {
  const place = path.join(root, file);
  if (!existsSync(place)) throw new Error(`${file} is missing: this test needs the data folder ${root}.`);
  const { buffer, byteOffset, byteLength } = readFileSync(place);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** One recorded array, as golden/manifest.json lists it. */
export interface Golden {
  readonly file: string;
  readonly shape: readonly number[];
  readonly what: string;
  readonly model: string;
  readonly input: string;
  readonly index: number;
  readonly target: number;
  readonly layer?: string;
}

export const goldenManifest = (): Golden[] => JSON.parse(new TextDecoder().decode(sharedBytes('golden/manifest.json')));

/** A recorded array, by its path inside the shared folder. */
export const sharedArray = (file: string): Tensor => parseNpy(sharedBytes(file), file);
