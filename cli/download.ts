// download.ts: networks from the web on the command line: with a bar, a cache, and an end at Ctrl-C that leaves nothing half.

import { existsSync } from 'node:fs';
import {
  cacheKey,
  DownloadError,
  downloadModel,
  type DownloadOptions,
  parseRegistry,
  shownAddress,
  type WebModel,
  webModels,
} from '../src/index.ts';
import { FileCache } from './cache.ts';
import { CommandError, Stopped } from './errors.ts';
import { readText } from './files.ts';
import { whileHeeded } from './interrupt.ts';
import { ByteProgress } from './terminal.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** What this process has fetched: commands that look at a file twice fetch it once. */
const fetched = new Map<string, Promise<Bytes>>();

/** The bytes behind addresses; see `downloadModel`. `what` is how the bar calls them. */
export function fetchModel(
  what: string,
  addresses: readonly string[],
  expected: Pick<DownloadOptions, 'sha256' | 'bytes'> = {},
): Promise<Bytes> {
  const key = cacheKey(addresses[0]);
  const known = fetched.get(key);
  if (known) return known;
  const bytes = whileHeeded((signal) => fetchNow(what, addresses, { ...expected, signal }));
  fetched.set(key, bytes);
  return bytes;
}

async function fetchNow(what: string, addresses: readonly string[], options: DownloadOptions): Promise<Bytes> {
  const progress = new ByteProgress(what);
  try {
    const { bytes, notes } = await downloadModel(addresses, {
      ...options,
      cache: new FileCache(),
      onProgress: (received, total) => progress.update(received, total),
    });
    progress.stop();
    for (const note of notes) process.stderr.write(`facet: ${note}\n`);
    return bytes;
  } catch (error) {
    if (error instanceof DownloadError && error.failure === 'stopped') throw new Stopped(error.message);
    throw error;
  } finally {
    progress.stop();
  }
}

/** The environment variable that names a registry of the user's own. */
const REGISTRY_VARIABLE = 'FACET_REGISTRY';

/** All networks that can be fetched by name. */
export function knownModels(): readonly WebModel[] {
  const file = process.env[REGISTRY_VARIABLE];
  if (!file) return webModels();
  if (!existsSync(file)) {
    throw new CommandError(`${REGISTRY_VARIABLE} names "${file}", and there is no such file. Correct it, or unset it.`);
  }
  return webModels(parseRegistry(readText('the registry', file), file));
}

/** Whether a network lies in the cache already. */
export const isCached = ({ urls, sha256 }: WebModel): boolean => new FileCache().holds(cacheKey(urls[0]), sha256);

/** The last part of an address: `https://host/nets/a%20b.onnx?raw=1` -> `a b.onnx`. */
export function fileNameOf(address: string): string {
  const last = new URL(address).pathname.split('/').filter(Boolean).pop() ?? '';
  try {
    return decodeURIComponent(last) || shownAddress(address);
  } catch {
    return last; // a stray %
  }
}
