// `facet serve`: the page to this machine alone, and nothing beside it.

import { createServer } from 'node:net';
import * as assert from 'uvu/assert';
import { json, refuse, start } from '../support/command.ts';
import { suite } from '../support/suite.ts';

const twin = 'cifar10-twin-robust';
const test = suite('facet serve');

test('serves the page to this machine alone, and nothing beside it', async () => {
  const { child, done } = start(['serve', '--port', '0']);
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (text) => resolve(/http:\S+/.exec(String(text))?.[0] ?? ''));
    done.then(({ stderr }) => reject(new Error(stderr)));
  });
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  const page = await fetch(url);
  assert.is(page.status, 200);
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  assert.is((await fetch(`${url}..%2f..%2fpackage.json`)).status, 404);
  assert.is((await fetch(`${url}assets`)).status, 404);
  const script = /src="([^"]+\.js)"/.exec(await page.text())?.[1] ?? '';
  assert.match((await fetch(new URL(script, url))).headers.get('content-type') ?? '', /^text\/javascript/);
  const { totals } = await json('inspect', `${url}assets/${twin}.onnx`);
  assert.ok(totals.parameters > 500_000);
  child.kill('SIGINT');
  assert.is((await done).status, 0);
});

test('says that a port is taken', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await refuse(1, [new RegExp(`port ${port} is taken`), /--port/], 'serve', '--port', String(port));
  server.close();
});
