// modelServer.ts: a server on this machine that gives a network in all the ways, good and bad, that servers do.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

export const drawings = new Uint8Array(readFileSync('assets/drawings.onnx'));
export const drawingsHash = createHash('sha256').update(drawings).digest('hex');

const SLOW_CHUNK = 4096;
const SLOW_MILLIS = 100;

type Route = (request: IncomingMessage, response: ServerResponse) => void;

export interface ModelServer {
  /** `http://127.0.0.1:PORT` and the path. */
  url(path: string): string;
  /** `path status` of every answer that was begun. */
  readonly log: string[];
  /** Resolves when the n-th connection of this path has ended, however it did. */
  ended(path: string): Promise<void>;
  /** What `/changing.onnx` gives from now on. */
  change(bytes: Uint8Array): void;
  close(): void;
}

/** With `cors`, pages of other servers may read what it gives, but for `/private-to-pages.onnx`. */
export async function startModelServer(cors = false): Promise<ModelServer> {
  let changing: Uint8Array = drawings;
  const log: string[] = [];
  const waiting = new Map<string, () => void>();

  const whole = (bytes: () => Uint8Array, headers: Record<string, string> = {}): Route => {
    return (_, response) => response.writeHead(200, { 'Content-Length': bytes().length, ...headers }).end(bytes());
  };
  const etagOf = (bytes: Uint8Array) => `"${createHash('md5').update(bytes).digest('hex')}"`;
  const tagged = (bytes: () => Uint8Array): Route => {
    return (request, response) => {
      const ETag = etagOf(bytes());
      if (request.headers['if-none-match'] === ETag) response.writeHead(304, { ETag }).end();
      else whole(bytes, { ETag })(request, response);
    };
  };
  const text = (status: number, body: string, type = 'text/html'): Route => {
    return (_, response) => response.writeHead(status, { 'Content-Type': type }).end(body);
  };
  const drip = (response: ServerResponse, next: (turn: number) => Uint8Array | undefined): void => {
    let turn = 0;
    const timer = setInterval(() => {
      const chunk = next(turn++);
      if (chunk) response.write(chunk);
      else response.end();
      if (!chunk) clearInterval(timer);
    }, SLOW_MILLIS);
    response.on('close', () => clearInterval(timer));
  };
  const part = (turn: number) => {
    const chunk = drawings.subarray(turn * SLOW_CHUNK, (turn + 1) * SLOW_CHUNK);
    return chunk.length > 0 ? chunk : undefined;
  };
  const redirect = (to: string): Route => {
    return (_, response) => response.writeHead(302, { Location: to }).end();
  };

  const routes: Record<string, Route> = {
    '/drawings.onnx': tagged(() => drawings),
    '/changing.onnx': tagged(() => changing),
    '/dated.onnx': (request, response) => {
      const date = 'Mon, 01 Jan 2024 00:00:00 GMT';
      if (request.headers['if-modified-since'] === date) response.writeHead(304).end();
      else whole(() => drawings, { 'Last-Modified': date })(request, response);
    },
    '/plain.onnx': whole(() => changing),
    '/unmeasured.onnx': (_, response) => {
      response.writeHead(200).write(drawings);
      response.end();
    },
    '/packed.onnx': whole(() => gzipSync(drawings), { 'Content-Encoding': 'gzip' }),
    '/moved.onnx': redirect('/drawings.onnx'),
    '/circle.onnx': redirect('/circle.onnx'),
    '/empty.onnx': whole(() => new Uint8Array()),
    '/gone.onnx': text(404, 'no such thing'),
    '/busy.onnx': text(503, 'busy'),
    '/members.onnx': text(403, 'members only'),
    '/sign-in.onnx': text(200, '\n<!DOCTYPE html><title>Sign in</title>'),
    '/pointer.onnx': text(200, 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n', 'text/plain'),
    '/cut.onnx': (_, response) => {
      response.writeHead(200, { 'Content-Length': drawings.length }).write(drawings.subarray(0, 100_000));
      setTimeout(() => response.destroy(), 50);
    },
    '/silent.onnx': (_, response) => void response.writeHead(200, { 'Content-Length': 1000 }).write('\b'),
    '/huge.onnx': (_, response) => void response.writeHead(200, { 'Content-Length': 5 * 2 ** 30 }).write('\b'),
    '/endless.onnx': (_, response) => {
      const chunk = new Uint8Array(65_536).fill(8);
      const more = () => {
        while (!response.closed && response.write(chunk));
      };
      response.writeHead(200).on('drain', more);
      more();
    },
    '/slow.onnx': (_, response) => {
      response.writeHead(200, { 'Content-Length': drawings.length });
      drip(response, part);
    },
    '/secret.onnx': (request, response) => {
      const pair = Buffer.from('me:p@ss').toString('base64');
      if (request.headers.authorization !== `Basic ${pair}`) text(401, 'who are you?')(request, response);
      else whole(() => drawings)(request, response);
    },
    '/private-to-pages.onnx': whole(() => drawings),
  };

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (cors && pathname !== '/private-to-pages.onnx') response.setHeader('Access-Control-Allow-Origin', '*');
    response.on('close', () => waiting.get(pathname)?.());
    (routes[pathname] ?? routes['/gone.onnx'])(request, response);
    log.push(`${pathname} ${response.statusCode}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    log,
    ended: (path) => new Promise((resolve) => waiting.set(path, resolve)),
    change: (bytes) => {
      changing = bytes;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
