// download.ts: a network from the network: from the cache where it holds the right bytes, else from the first address that
// gives them. Where the cache lies is the caller's business: a folder, or the browser's Cache API.

import { ModelError } from './error.ts';
import { DownloadError, type DownloadFailure, parseAddress, request, type Validators } from './http.ts';

/** What a cache holds of an address. */
export interface CacheEntry extends Validators {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the bytes when they were stored, in hexadecimal digits; bytes that no longer have it are not used. */
  readonly sha256: string;
}

/** Entries are stored whole or not at all. `read` of what is not there, or cannot be read, is undefined. */
export interface ModelCache {
  read(address: string): Promise<CacheEntry | undefined>;
  write(address: string, entry: CacheEntry): Promise<void>;
  remove(address: string): Promise<void>;
}

export interface DownloadOptions {
  /** What the bytes must hash to; with it, a cached copy is used without asking the server. */
  readonly sha256?: string;
  /** Size, where it is known: for the progress, and as a bound. */
  readonly bytes?: number;
  readonly cache?: ModelCache;
  readonly signal?: AbortSignal;
  readonly onProgress?: (received: number, total?: number) => void;
  readonly limit?: number;
  readonly silenceMillis?: number;
}

export interface Download {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `checked`: the cached copy is what the server still has. `offline`: the server could not be asked. */
  readonly from: 'network' | 'cache' | 'checked' | 'offline';
  /** Sentences for the user about what did not go as it should, though it went. */
  readonly notes: readonly string[];
}

/** In hexadecimal digits. `crypto.subtle` is there wherever WebGPU is: both need a secure context in a browser. */
export async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Failures after which an older copy is better than none. */
const PASSING: readonly DownloadFailure[] = ['unreachable', 'failing', 'dropped'];

/**
 * The bytes behind an address, or behind the first of several that gives the right ones. The cache knows them by the
 * first address. Throws a `DownloadError`.
 */
export async function downloadModel(
  addresses: string | readonly string[],
  options: DownloadOptions = {},
): Promise<Download> {
  const { cache, sha256 } = options;
  const list = typeof addresses === 'string' ? [addresses] : addresses;
  const key = cacheKey(list[0]);
  const notes: string[] = [];
  const stored = await readCache(cache, key, notes);
  const fits = stored !== undefined && (sha256 === undefined || stored.sha256 === sha256.toLowerCase());
  if (stored && fits && sha256 !== undefined) return { bytes: stored.bytes, from: 'cache', notes };
  const known = stored && fits ? { ...stored, bytes: stored.bytes.length } : undefined;
  let fetched: CacheEntry | undefined;
  try {
    fetched = await fetchFirst(list, { ...options, known });
  } catch (error) {
    const isPassing = error instanceof DownloadError && PASSING.includes(error.failure);
    if (!stored || !fits || !isPassing) throw error;
    notes.push(`${sentence(error)} The copy in the cache is used; the server may have a newer one.`);
    return { bytes: stored.bytes, from: 'offline', notes };
  }
  if (!fetched) return { bytes: stored!.bytes, from: 'checked', notes };
  try {
    await cache?.write(key, fetched);
  } catch (error) {
    notes.push(`the network is not kept for the next time: ${(error as Error).message}`);
  }
  return { bytes: fetched.bytes, from: 'network', notes };
}

/** First sentence of a message: the remedy after it is for those who have no copy. */
const sentence = (error: Error): string => /^.*?[^.]\.(?=\s|$)/s.exec(error.message)?.[0] ?? error.message;

/** An address without what does not name the file: user, password, fragment. */
export function cacheKey(address: string): string {
  const url = parseAddress(address);
  url.username = '';
  url.password = '';
  url.hash = '';
  return url.href;
}

async function readCache(cache: ModelCache | undefined, key: string, notes: string[]): Promise<CacheEntry | undefined> {
  const entry = await cache?.read(key);
  if (!entry) return undefined;
  if ((await sha256Of(entry.bytes)) === entry.sha256) return entry;
  notes.push('the copy in the cache is damaged, so it is fetched again.');
  await cache?.remove(key);
  return undefined;
}

/** Undefined where the server still has the version that is known. */
async function fetchFirst(
  addresses: readonly string[],
  { sha256, ...options }: DownloadOptions & { readonly known?: Validators & { readonly bytes: number } },
): Promise<CacheEntry | undefined> {
  let first: unknown;
  for (const [turn, address] of addresses.entries()) {
    try {
      const answer = await request(address, options);
      if (!answer.bytes) return undefined;
      const { bytes, etag, lastModified } = answer;
      const hash = await sha256Of(bytes);
      if (sha256 !== undefined && hash !== sha256.toLowerCase()) throw otherContents(address, hash, sha256);
      return { bytes, sha256: hash, etag, lastModified };
    } catch (error) {
      if (!(error instanceof DownloadError) || error.failure === 'stopped') throw error;
      first ??= turn === 0 ? error : undefined;
    }
  }
  throw first ?? new ModelError('a network without an address cannot be fetched.');
}

function otherContents(address: string, hash: string, expected: string): DownloadError {
  const url = parseAddress(address);
  return new DownloadError(
    'unfit',
    `${url.origin}${url.pathname} is not the file that the registry names: its SHA-256 begins with ${hash.slice(0, 12)}, not ` +
      `${expected.slice(0, 12)}. It was changed there or on the way; if you trust it, open it by its address.`,
  );
}
