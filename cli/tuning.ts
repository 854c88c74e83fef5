// tuning.ts: what `facet tune` measured on a device, kept in the cache's folder: one file a device. Other commands only read
// it, so that equal commands give equal bytes until somebody tunes again.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Device, readTuning, type Tuning } from '../src/index.ts';
import { cacheFolder, writeCached } from './cache.ts';
import { fileError } from './errors.ts';

function tuningFile(device: Device): string {
  const name = createHash('sha256').update(device.key).digest('hex').slice(0, 16);
  return path.join(cacheFolder(), `tuning-${name}.json`);
}

/** What was measured on this device, if anything; what is no tuning of it is left out with a word on standard error. */
export function loadTuning(device: Device): Tuning | undefined {
  const file = tuningFile(device);
  if (!existsSync(file)) return undefined;
  let tuning: Tuning | undefined;
  try {
    tuning = readTuning(readFileSync(file, 'utf8'));
  } catch {
    // as good as damaged
  }
  if (tuning?.device === device.key) return tuning;
  process.stderr.write(`facet: "${file}" is damaged and is left out. \`facet tune\` writes it anew.\n`);
  return undefined;
}

/** Returns the file. */
export function saveTuning(device: Device, tuning: Tuning): string {
  const file = tuningFile(device);
  writeCached(file, `${JSON.stringify(tuning, undefined, 1)}\n`);
  return file;
}

/** Returns the file that is gone now, or undefined where there was none. */
export function forgetTuning(device: Device): string | undefined {
  const file = tuningFile(device);
  if (!existsSync(file)) return undefined;
  try {
    rmSync(file);
  } catch (error) {
    throw fileError('cannot remove', file, error);
  }
  return file;
}
