// serve.ts: `facet serve`: builds the page and serves it on this machine only.

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';
import type { Command } from 'commander';
import { CommandError } from '../errors.ts';
import { heedInterrupt } from '../interrupt.ts';
import { type GlobalOptions, whole } from '../options.ts';
import { inProject, moduleInProject } from '../project.ts';
import { report } from '../session.ts';

interface ServeOptions extends GlobalOptions {
  readonly port: number;
  readonly json?: boolean;
}

/** WebGPU needs a secure context, which a browser grants to this address; no other machine can reach it. */
const HOST = '127.0.0.1';
const DEFAULT_PORT = 8080;

const MIME_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.wasm': 'application/wasm',
};

export function addServe(program: Command): void {
  program
    .command('serve')
    .description('the page, on 127.0.0.1')
    .option('--port <n>', 'where it listens; 0 takes any free one', whole(0, 65535), DEFAULT_PORT)
    .option('--json', 'print the address as a JSON object')
    .action((_, command) => serve(command.optsWithGlobals()));
}

async function serve({ port, json }: ServeOptions): Promise<void> {
  const { buildPage } = await import(moduleInProject('build.mjs'));
  await buildPage();
  const folder = inProject('dist/page');
  if (!existsSync(path.join(folder, 'index.html'))) {
    throw new CommandError(`there is no page in "${folder}". Run facet from the project, where demo/ is.`);
  }
  const server = createServer((request, response) => answer(folder, request, response));
  const { port: used } = await listen(server, port);
  const url = `http://${HOST}:${used}/`;
  report(
    json,
    () => ({ url }),
    () => `${url}  (Ctrl-C ends it)`,
  );
  const signal = heedInterrupt();
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  server.closeAllConnections();
  server.close();
}

function listen(server: Server, port: number): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reasons: Record<string, string> = {
        EADDRINUSE: `port ${port} is taken`,
        EACCES: `port ${port} needs rights that you do not have`,
      };
      reject(new CommandError(`${reasons[error.code ?? ''] ?? error.message}. Choose another with --port.`));
    });
    server.listen(port, HOST, () => resolve(server.address() as { port: number }));
  });
}

/** The file that a request means, or undefined: nothing outside the folder, and no folder. */
function fileOf(folder: string, url: string): string | undefined {
  let pathname: string;
  try {
    pathname = decodeURIComponent(new URL(url, `http://${HOST}`).pathname);
  } catch {
    return undefined;
  }
  if (pathname.includes('\0')) return undefined;
  const file = path.join(folder, pathname.endsWith('/') ? `${pathname}index.html` : pathname);
  const isInside = file.startsWith(folder + path.sep);
  return isInside && statSync(file, { throwIfNoEntry: false })?.isFile() ? file : undefined;
}

function answer(folder: string, request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    return;
  }
  const file = fileOf(folder, request.url ?? '/');
  if (!file) {
    response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('not found\n');
    return;
  }
  response.writeHead(200, {
    'Content-Type': MIME_TYPES[path.extname(file).toLowerCase()] ?? 'application/octet-stream',
    'Content-Length': statSync(file).size,
    'Cache-Control': 'no-cache',
    'X-Content-Type-Options': 'nosniff',
  });
  if (request.method === 'HEAD') response.end();
  else
    createReadStream(file)
      .on('error', () => response.destroy())
      .pipe(response);
}
