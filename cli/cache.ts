// cache.ts: where fetched networks are kept: in FOLDER, `SHA256.onnx` with the bytes, and for each address `HASH.json` that
// says which bytes it gave and in which version. Files appear whole under their names, so processes need no locks: bytes
// are named by what they are, and a record that is replaced meanwhile is as good as the one before it.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { type CacheEntry, type ModelCache, shownAddress } from '../src/index.ts';
import { CommandError, fileError, UsageError } from './errors.ts';

/** What `HASH.json` holds. The address is for people; it may be without what is secret in it. */
interface CacheRecord {
  readonly address: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly etag?: string;
  readonly lastModified?: string;
}

/** FACET_CACHE, or where the system wants such things. */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env.FACET_CACHE) return path.resolve(env.FACET_CACHE);
  if (platform === 'win32')
    return path.join(env.LOCALAPPDATA || path.join(homedir(), 'AppData', 'Local'), 'facet', 'cache');
  if (platform === 'darwin') return path.join(homedir(), 'Library', 'Caches', 'facet');
  // A relative XDG_CACHE_HOME is to be ignored, says its specification.
  const base = env.XDG_CACHE_HOME && path.isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : undefined;
  return path.join(base ?? path.join(homedir(), '.cache'), 'facet');
}

const OWN_FILE = /^[0-9a-f]{64}\.(onnx|json)(\.\d+\.tmp)?$/;

export class FileCache implements ModelCache {
  constructor(readonly folder: string = cacheFolder()) {}

  async read(address: string): Promise<CacheEntry | undefined> {
    const record = this.record(address);
    if (!record) return undefined;
    try {
      const bytes = new Uint8Array(readFileSync(this.dataFile(record.sha256)));
      return { bytes, sha256: record.sha256, etag: record.etag, lastModified: record.lastModified };
    } catch {
      return undefined; // gone, or not readable: then it is fetched
    }
  }

  async write(address: string, { bytes, sha256, etag, lastModified }: CacheEntry): Promise<void> {
    const before = this.record(address);
    const shown = shownAddress(address);
    const record: CacheRecord = { address: shown, sha256, bytes: bytes.length, etag, lastModified };
    // Written even if there are such bytes: they may be damaged.
    writeCached(this.dataFile(sha256), bytes);
    writeCached(this.recordFile(address), `${JSON.stringify(record, undefined, 2)}\n`);
    if (before && before.sha256 !== sha256) this.dropUnused(before.sha256);
  }

  async remove(address: string): Promise<void> {
    const record = this.record(address);
    rmSync(this.recordFile(address), { force: true });
    if (record) this.dropUnused(record.sha256);
  }

  /** Whether there are bytes for an address, of this hash if one is given. They are not read here. */
  holds(address: string, sha256?: string): boolean {
    const record = this.record(address);
    if (!record || (sha256 !== undefined && record.sha256 !== sha256)) return false;
    return statSync(this.dataFile(record.sha256), { throwIfNoEntry: false })?.size === record.bytes;
  }

  /** Removes all that a cache has written, and nothing else. */
  clear(): { files: number; bytes: number } {
    let [files, bytes] = [0, 0];
    for (const name of this.names()) {
      const file = path.join(this.folder, name);
      const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      try {
        rmSync(file, { force: true });
      } catch (error) {
        throw fileError('cannot remove', file, error);
      }
      bytes += size;
      if (name.endsWith('.onnx')) files++;
    }
    return { files, bytes };
  }

  private names(): string[] {
    return existsSync(this.folder) ? readdirSync(this.folder).filter((name) => OWN_FILE.test(name)) : [];
  }

  private readonly dataFile = (sha256: string): string => path.join(this.folder, `${sha256}.onnx`);
  private readonly recordFile = (address: string): string =>
    path.join(this.folder, `${createHash('sha256').update(address).digest('hex')}.json`);

  private record(address: string): CacheRecord | undefined {
    return readRecord(this.recordFile(address));
  }

  /** Two addresses may have given the same bytes. */
  private dropUnused(sha256: string): void {
    const records = this.names().filter((name) => name.endsWith('.json'));
    const isUsed = records.some((name) => readRecord(path.join(this.folder, name))?.sha256 === sha256);
    if (!isUsed) rmSync(this.dataFile(sha256), { force: true });
  }
}

/** Undefined where there is none, or it is none of ours. */
function readRecord(file: string): CacheRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(file, 'utf8'));
    return /^[0-9a-f]{64}$/.test(record?.sha256) ? record : undefined;
  } catch {
    return undefined;
  }
}

function makeFolder(folder: string): void {
  let existing = folder;
  while (!existsSync(existing)) existing = path.dirname(existing);
  try {
    if (!statSync(existing).isDirectory())
      throw new CommandError(`"${existing}" is no folder. Set FACET_CACHE to one.`);
    // Level by level: Node's own `recursive` never returns where none can be, as in /proc.
    const parts = path.relative(existing, folder).split(path.sep).filter(Boolean);
    for (const part of parts) {
      existing = path.join(existing, part);
      if (!existsSync(existing)) mkdirSync(existing);
    }
  } catch (error) {
    throw error instanceof CommandError ? error : cacheError(folder, error);
  }
}

/** Throws unless files can be kept in the cache, before the work that makes them. */
export function checkCache(): void {
  const folder = cacheFolder();
  const file = path.join(folder, `check.${process.pid}.tmp`);
  try {
    writeCached(file, '');
    rmSync(file);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** Writes a whole file of the cache or none, and makes the folder where it is missing. */
export function writeCached(file: string, contents: Uint8Array | string): void {
  makeFolder(path.dirname(file));
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, contents);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw cacheError(path.dirname(file), error);
  }
}

const cacheError = (folder: string, error: unknown): CommandError =>
  new CommandError(
    `${fileError('cannot write into', folder, error).message.replace('Check the path.', 'Set FACET_CACHE to another folder.')}`,
  );
