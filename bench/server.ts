// server.ts: serves the benchmark's page, the networks and onnxruntime-web's files on 127.0.0.1, isolated from other
// origins, which gives the page a fine clock and the peers their threads.

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { NetworkName } from './peerWorks.ts';

const MIME_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** Where networks lie, relative to the project. Those beside it are not part of it and may be absent. */
const NETWORKS: Readonly<Record<NetworkName, string>> = {
  squeezenet: '../shared/data/models/squeezenet1_1-zoo.onnx',
  googlenet: '../shared/data/models/googlenet-bvlc.onnx',
  drawings: 'assets/drawings.onnx',
};

export const networksAtHand = (root: string): NetworkName[] =>
  (Object.keys(NETWORKS) as NetworkName[]).filter((name) => existsSync(path.join(root, NETWORKS[name])));

/** On which adapters are looked for; it belongs to no engine. */
const BLANK = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>blank</title>';

interface BenchServer {
  readonly url: string;
  close(): void;
}

export async function serveBench(root: string): Promise<BenchServer> {
  const fileOf = (pathname: string): string => {
    const name = path.posix.basename(pathname);
    if (pathname.startsWith('/models/')) return path.join(root, NETWORKS[name as NetworkName] ?? 'none');
    if (pathname.startsWith('/ort/')) return path.join(root, 'bench/node_modules/onnxruntime-web/dist', name);
    return path.join(root, 'dist/bench', name);
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/blank.html') {
      response.writeHead(200, { 'Content-Type': MIME_TYPES['.html'] }).end(BLANK);
      return;
    }
    const file = fileOf(pathname);
    const stats = statSync(file, { throwIfNoEntry: false });
    if (!stats?.isFile()) {
      response.writeHead(404).end(`no ${pathname}`);
      return;
    }
    response.writeHead(200, {
      'Content-Type': MIME_TYPES[path.extname(file)] ?? 'application/octet-stream',
      'Content-Length': stats.size,
      'Cache-Control': 'no-store',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
