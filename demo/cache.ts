// cache.ts: fetched networks in the browser's Cache API. Where there is none, or it is full, the page works without.

import { type CacheEntry, type ModelCache, sha256Of } from '../src/index.ts';

const NAME = 'facet-networks';
const HASH = 'X-Facet-SHA256';

/** Undefined where the browser keeps nothing: in some private windows, or with storage switched off. */
export async function openCache(): Promise<ModelCache | undefined> {
  try {
    return new PageCache(await caches.open(NAME));
  } catch {
    return undefined;
  }
}

class PageCache implements ModelCache {
  constructor(private readonly cache: Cache) {}

  async read(address: string): Promise<CacheEntry | undefined> {
    const response = await this.cache.match(await keyOf(address));
    const sha256 = response?.headers.get(HASH);
    if (!response || !sha256) return undefined;
    return {
      bytes: new Uint8Array(await response.arrayBuffer()),
      sha256,
      etag: response.headers.get('ETag') ?? undefined,
      lastModified: response.headers.get('Last-Modified') ?? undefined,
    };
  }

  async write(address: string, { bytes, sha256, etag, lastModified }: CacheEntry): Promise<void> {
    const headers = new Headers({ [HASH]: sha256 });
    if (etag) headers.set('ETag', etag);
    if (lastModified) headers.set('Last-Modified', lastModified);
    await this.cache.put(await keyOf(address), new Response(bytes, { headers }));
  }

  async remove(address: string): Promise<void> {
    await this.cache.delete(await keyOf(address));
  }
}

/** A name of this page's own for an address: the address itself may hold secrets, and is not stored. */
async function keyOf(address: string): Promise<string> {
  const hash = await sha256Of(new TextEncoder().encode(address));
  return new URL(`/networks/${hash}`, location.origin).href;
}
