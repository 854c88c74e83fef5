// tuning.ts: what `facet tune` measured on a device, kept in the cache's folder: one file a device. Other commands only read
// it, so that equal commands give equal bytes until somebody tunes again.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Device, type KnownChoices, readTuning, type Tuning } from '../src/index.ts';
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

const countOf = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Who chooses kernels on a device, in a few words. */
export function choosers({ choices: { tuned, known } }: Device): string {
  const others = known > 0 ? `${countOf(known, 'choice')} known of such GPUs, else by heuristics` : 'by heuristics';
  if (tuned === 0) return `${others}; \`facet tune\` times them on this one`;
  return `${countOf(tuned, 'op')} tuned for this GPU, else ${others}; \`facet tune --forget\` undoes it`;
}

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;

/** src/engine/tuning_known.ts with these choices: its head stays. */
export function knownText(head: string, known: readonly KnownChoices[]): string {
  const entries = known.map(({ architecture, variants }) =>
    [
      '  {',
      `    architecture: ${quoted(architecture)},`,
      '    variants: {',
      ...Object.entries(variants).map(([key, variant]) => `      ${quoted(key)}: ${quoted(variant)},`),
      '    },',
      '  },',
    ].join('\n'),
  );
  const list = entries.length > 0 ? `[\n${entries.join('\n')}\n]` : '[]';
  return `${head}export const knownChoices: readonly KnownChoices[] = ${list};\n`;
}
