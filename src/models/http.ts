// http.ts: the bytes of one file from the network: streamed, counted, bounded, and stopped when asked. What goes wrong is
// one sentence that names the address, without the secrets that may stand in it, and what to do.
// It runs wherever there is `fetch`: in a browser and in Node.

import { ModelError } from './error.ts';

/**
 * - `address`: it is none that can be fetched;
 * - `unreachable`: no answer came, or the browser may not read it;
 * - `refused`: the server says no; `failing`: it cannot answer now;
 * - `dropped`: the connection ended, or fell silent, before all was there;
 * - `unfit`: what came is no network, too large, or not what the registry names;
 * - `stopped`: the caller wanted it so.
 */
export type DownloadFailure = 'address' | 'unreachable' | 'refused' | 'failing' | 'dropped' | 'unfit' | 'stopped';

export class DownloadError extends ModelError {
  override name = 'DownloadError';
  constructor(
    readonly failure: DownloadFailure,
    message: string,
  ) {
    super(message);
  }
}

/** What a server says about the version of a file. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

interface RequestOptions {
  readonly signal?: AbortSignal;
  /** Bytes received so far, and in all where that is known. */
  readonly onProgress?: (received: number, total?: number) => void;
  /** Size of the file where it is known beforehand. */
  readonly bytes?: number;
  /** More bytes than this are refused. */
  readonly limit?: number;
  /** A connection that is silent for so long is given up. */
  readonly silenceMillis?: number;
  /** Version that the caller has: if the server still has the same, no bytes come. */
  readonly known?: Validators & { readonly bytes: number };
}

/** `bytes` is absent where the version that the caller has is still the right one. */
interface Answer extends Validators {
  readonly bytes?: Uint8Array<ArrayBuffer>;
}

/** 2 GiB: the largest protobuf message, thus the largest network in one file. */
export const LARGEST_FILE = 2 ** 31;

const SILENCE_MILLIS = 60_000;
const OTHERWISE = 'download the file another way and open that';

/** True for what is to be fetched, in contrast to the path of a file. */
export const isWebAddress = (text: string): boolean => /^https?:\/\//i.test(text);

/** An address as it may be shown and stored: without user, password, query (where tokens stand) and fragment. */
export function shownAddress(address: string): string {
  const url = parseAddress(address);
  return `${url.origin}${url.pathname}${url.search ? '?…' : ''}`;
}

/** Throws unless it is an address of the web. */
export function parseAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.hostname) return url;
  throw new DownloadError(
    'address',
    `"${withoutSecrets(address)}" is no web address. Give one as https://host/net.onnx.`,
  );
}

/** What can be shown of a text that cannot be parsed. */
const withoutSecrets = (text: string): string => text.replace(/\/\/[^/@]*@/, '//').replace(/[?#].*$/s, '');

export async function request(address: string, options: RequestOptions = {}): Promise<Answer> {
  const { signal, onProgress, bytes: expected, limit = LARGEST_FILE, silenceMillis = SILENCE_MILLIS, known } = options;
  const url = parseAddress(address);
  const shown = shownAddress(address);
  const watch = new Watch(signal, silenceMillis);
  let received = 0;
  let total = expected;
  try {
    // A browser's own cache would keep it a second time, and answer without asking the server.
    const headers = headersFor(url, known);
    const response = await fetch(bare(url), { headers, signal: watch.signal, cache: 'no-store' });
    const validators = validatorsOf(response);
    if (known && isSameVersion(response, validators, known)) {
      return validators;
    }
    if (!response.ok) throw refusal(shown, response);
    const declared = declaredSize(response);
    total = declared ?? expected;
    // Not a byte more than the registry names, nor than can be opened.
    const most = Math.min(limit, expected ?? limit);
    const tooLarge = (size: string) =>
      new DownloadError('unfit', `${shown} is not loaded: it has ${size}, and ${most} are ${bound(expected)}.`);
    if (declared !== undefined && declared > most) throw tooLarge(`${declared} bytes`);
    const gathered = expected === undefined ? new Chunks() : new Room(expected);
    onProgress?.(0, total);
    const reader = response.body?.getReader();
    while (reader) {
      const { done, value } = await reader.read();
      if (done) break;
      watch.heard();
      if (received === 0) checkStart(shown, value);
      received += value.length;
      if (received > most) throw tooLarge(`more than ${most} bytes`);
      gathered.add(value);
      onProgress?.(received, total);
    }
    if (received === 0) throw new DownloadError('unfit', `${shown} is empty (0 bytes). Check the address.`);
    if (total !== undefined && received < total) throw dropped(shown, received, total);
    const all = gathered.take();
    checkStart(shown, all);
    return { ...validators, bytes: all };
  } catch (error) {
    if (error instanceof DownloadError) throw error;
    if (signal?.aborted) {
      throw new DownloadError(
        'stopped',
        `stopped while loading ${shown}, after ${received} bytes. None of it is kept.`,
      );
    }
    if (watch.isSilent) {
      const seconds = Math.round(silenceMillis / 1000);
      throw new DownloadError('dropped', `${shown} fell silent for ${seconds} s. Try again, or ${OTHERWISE}.`);
    }
    if (received > 0) throw dropped(shown, received, total);
    throw unreachable(url, shown, error);
  } finally {
    watch.end();
  }
}

/** Aborts when the caller does, and when nothing was heard for a while. */
class Watch {
  isSilent = false;
  private readonly controller = new AbortController();
  private readonly stop = () => this.controller.abort();
  private timer?: ReturnType<typeof setTimeout>;

  constructor(
    private readonly outer: AbortSignal | undefined,
    private readonly millis: number,
  ) {
    if (outer?.aborted) this.stop();
    outer?.addEventListener('abort', this.stop);
    this.heard();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  heard(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.isSilent = true;
      this.stop();
    }, this.millis);
  }

  /** Whatever of the answer was not read is not waited for. */
  end(): void {
    clearTimeout(this.timer);
    this.outer?.removeEventListener('abort', this.stop);
    this.stop();
  }
}

/** `fetch` takes no user and password in an address; they go into a header. */
function bare(url: URL): string {
  const copy = new URL(url);
  copy.username = '';
  copy.password = '';
  return copy.href;
}

const isPage = typeof location === 'object' && typeof document === 'object';
const isForeign = (url: URL): boolean => isPage && url.origin !== location.origin;

function headersFor(url: URL, known?: Validators): Record<string, string> {
  const headers: Record<string, string> = {};
  if (url.username || url.password) {
    const pair = new TextEncoder().encode(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`);
    headers.Authorization = `Basic ${btoa(String.fromCharCode(...pair))}`;
  }
  // To another server a browser would first ask leave for these headers, which few give; there the answer's are compared.
  if (!isForeign(url)) {
    if (known?.etag) headers['If-None-Match'] = known.etag;
    else if (known?.lastModified) headers['If-Modified-Since'] = known.lastModified;
  }
  return headers;
}

const validatorsOf = ({ headers }: Response): Validators => ({
  etag: headers.get('etag') ?? undefined,
  lastModified: headers.get('last-modified') ?? undefined,
});

function isSameVersion(response: Response, said: Validators, known: Validators & { readonly bytes: number }): boolean {
  if (response.status === 304) return true;
  if (!response.ok) return false;
  if (known.etag && said.etag) return known.etag === said.etag;
  return (
    known.lastModified !== undefined &&
    known.lastModified === said.lastModified &&
    known.bytes === declaredSize(response)
  );
}

/** Undefined where it is not said, or said of the compressed form. */
function declaredSize({ headers }: Response): number | undefined {
  const text = headers.get('content-length');
  const isPlain = !headers.get('content-encoding') || headers.get('content-encoding') === 'identity';
  return text !== null && isPlain && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Room for as many bytes as the registry says: they are held once. */
class Room {
  private readonly bytes: Uint8Array<ArrayBuffer>;
  private size = 0;

  constructor(most: number) {
    this.bytes = new Uint8Array(most);
  }

  add(chunk: Uint8Array): void {
    this.bytes.set(chunk, this.size);
    this.size += chunk.length;
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.size === this.bytes.length ? this.bytes : this.bytes.slice(0, this.size);
  }
}

/** As many bytes as come: what a server says of their number is no reason to make room for them. */
class Chunks {
  private readonly chunks: Uint8Array[] = [];
  private size = 0;

  add(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
  }

  take(): Uint8Array<ArrayBuffer> {
    const all = new Room(this.size);
    for (const chunk of this.chunks) all.add(chunk);
    return all.take();
  }
}

const bound = (expected?: number): string =>
  expected === undefined ? 'the most that one file can hold' : 'what the registry names';

/** What came is looked at before all of it is there: servers answer with pages where the file takes signing in. */
function checkStart(shown: string, start: Uint8Array): void {
  const text = new TextDecoder()
    .decode(start.subarray(0, 256))
    .replace(/^\uFEFF/, '')
    .trimStart();
  if (/^<(!|\?|html|head|body|script)/i.test(text)) {
    throw new DownloadError(
      'unfit',
      `${shown} is a web page, not a network: perhaps one to sign in, or about the file. Give the address of the file itself, or ${OTHERWISE}.`,
    );
  }
  if (text.startsWith('version https://git-lfs')) {
    throw new DownloadError(
      'unfit',
      `${shown} is a pointer of Git LFS, not the network. Give the address that its download button leads to.`,
    );
  }
}

function refusal(shown: string, { status, statusText }: Response): DownloadError {
  const said = `${shown} cannot be fetched: the server says ${status}${statusText ? ` ${statusText}` : ''}.`;
  if (status >= 500 || status === 429) return new DownloadError('failing', `${said} Try again later, or ${OTHERWISE}.`);
  const remedy = status === 401 || status === 403 ? `It may take signing in: ${OTHERWISE}.` : 'Check the address.';
  return new DownloadError('refused', `${said} ${remedy}`);
}

const dropped = (shown: string, received: number, total?: number): DownloadError =>
  new DownloadError(
    'dropped',
    `${shown} ended after ${received}${total === undefined ? '' : ` of ${total}`} bytes. Try again, or ${OTHERWISE}.`,
  );

/** Words for what the system reports when no connection comes about. */
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such host, or no network',
  EAI_AGAIN: 'there is no such host, or no network',
  ECONNREFUSED: 'nothing answers there',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ETIMEDOUT: 'nothing answers there in time',
  UND_ERR_CONNECT_TIMEOUT: 'nothing answers there in time',
  ENETUNREACH: 'there is no network',
  EHOSTUNREACH: 'there is no way to that host',
};

function unreachable(url: URL, shown: string, error: unknown): DownloadError {
  const { cause, message } = error as Error & { cause?: Error & { code?: string } };
  if (isForeign(url)) {
    return new DownloadError(
      'unreachable',
      `${shown} cannot be fetched: no answer came, or the server does not let other pages read it (CORS). ` +
        'Check the address, or download the file and drop it here.',
    );
  }
  const reason = REASONS[cause?.code ?? ''] ?? cause?.message ?? message;
  return new DownloadError(
    'unreachable',
    `${shown} cannot be fetched: ${reason.replace(/\.$/, '')}. Check the address and the connection, or ${OTHERWISE}.`,
  );
}
