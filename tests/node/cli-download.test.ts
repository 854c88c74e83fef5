// cli-download.test.ts: commands that take addresses and registered names, against a server on this machine.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { publicModels, shippedModels } from '../../src/index.ts';
import { start as startCommand, type Started } from '../support/command.ts';
import { drawings, drawingsHash, type ModelServer, startModelServer } from '../support/modelServer.ts';
import { suite } from '../support/suite.ts';

const root = mkdtempSync(path.join(tmpdir(), 'facet-download-'));
let server: ModelServer;
let folder: string;
let count = 0;
const files = (): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);
const dataFile = (): string => path.join(folder, `${drawingsHash}.onnx`);
const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Started =>
  startCommand(args, { FACET_CACHE: folder, ...env });

const test = suite('download on the command line');
test.before(async () => {
  server = await startModelServer();
});
/** Each test has a cache of its own. */
test.before.each(() => {
  folder = path.join(root, `cache-${count++}`);
  server.log.length = 0;
});
test.after(() => {
  server.close();
  rmSync(root, { recursive: true, force: true });
});

test('opens an address as it opens a file, and asks for it once', async () => {
  const address = server.url('/drawings.onnx');
  const { status, stdout, stderr } = await start(['inspect', address, '--json']).done;
  assert.is(status, 0, stderr);
  assert.is(stderr, '');
  const { classes, labels } = JSON.parse(stdout);
  assert.is(classes, 10);
  assert.is(labels.count, 10);
  assert.equal(server.log, ['/drawings.onnx 200']);
  assert.is((await start(['inspect', address]).done).status, 0);
  assert.equal(server.log, ['/drawings.onnx 200', '/drawings.onnx 304']);
});

test('says in one line what an address lacks', async () => {
  const cases: [string, RegExp][] = [
    [server.url('/gone.onnx'), /404/],
    [server.url('/sign-in.onnx'), /web page/],
    [server.url('/cut.onnx'), /ended after/],
    ['http://me:word@127.0.0.1:1/x.onnx?token=abc', /127\.0\.0\.1:1\/x\.onnx/],
  ];
  const results = await Promise.all(cases.map(([address]) => start(['inspect', address]).done));
  for (const [i, { status, stdout, stderr }] of results.entries()) {
    assert.is(status, 1);
    assert.is(stdout, '');
    assert.match(stderr, /^facet: [^\n]+\n$/);
    assert.match(stderr, cases[i][1]);
    assert.not.match(stderr, /word|abc/);
  }
  assert.equal(files(), []);
});

test('ends at Ctrl-C with one line, and keeps nothing half', async () => {
  const { child, done } = start(['inspect', server.url('/slow.onnx')]);
  while (server.log.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const ended = server.ended('/slow.onnx');
  const began = performance.now();
  child.kill('SIGINT');
  const { status, stdout, stderr } = await done;
  await ended;
  assert.is(status, 1);
  assert.is(stdout, '');
  assert.match(stderr, /^facet: stopped while loading [^\n]*slow\.onnx[^\n]*\n$/);
  assert.ok(performance.now() - began < 2000, 'at once');
  assert.equal(files(), []);
});

test('several at once share a cache', async () => {
  const results = await Promise.all(
    Array.from({ length: 4 }, () => start(['inspect', server.url('/plain.onnx'), '--json']).done),
  );
  for (const { status, stderr } of results) assert.is(status, 0, stderr);
  assert.is(files().length, 2, files().join());
  assert.equal(new Uint8Array(readFileSync(dataFile())), drawings);
});

test('knows the networks of a registry by name, with their preprocessing and labels', async () => {
  const file = path.join(root, 'own.json');
  const labels = Array.from({ length: 10 }, (_, i) => `kind ${i}`);
  const entry = {
    id: 'mine',
    url: server.url('/drawings.onnx'),
    sha256: drawingsHash,
    bytes: drawings.length,
    preprocess: { range: [0, 255], mean: [100], std: [50] },
    labels,
    licence: 'MIT',
  };
  const broken = { ...entry, id: 'broken', url: server.url('/drawings.onnx'), sha256: '1'.repeat(64) };
  writeFileSync(file, JSON.stringify({ networks: [entry, broken] }));
  const env = { FACET_REGISTRY: file };
  const listed = async () => JSON.parse((await start(['models', '--json'], env).done).stdout).models;
  const whereIs = async (id: string) => (await listed()).find((model: { id: string }) => model.id === id).where;
  assert.is(await whereIs('mine'), 'to fetch');
  assert.is(await whereIs('drawings'), 'shipped');

  const { status, stdout, stderr } = await start(['inspect', 'mine', '--json'], env).done;
  assert.is(status, 0, stderr);
  assert.equal(JSON.parse(stdout).preprocess.mean, [100]);
  assert.is(JSON.parse(stdout).preprocess.source, 'registry');
  assert.is(await whereIs('mine'), 'cached');
  server.log.length = 0;
  assert.is((await start(['inspect', 'mine'], env).done).status, 0);
  assert.equal(server.log, [], 'the hash is known, so nobody is asked');

  const refused = await start(['inspect', 'broken'], env).done;
  assert.is(refused.status, 1);
  assert.match(refused.stderr, /^facet: [^\n]*not the file that the registry names[^\n]*\n$/);
  const unknown = await start(['inspect', 'mine2'], env).done;
  assert.match(unknown.stderr, /"mine"/);
  const missing = await start(['inspect', 'mine'], { FACET_REGISTRY: path.join(root, 'none.json') }).done;
  assert.match(missing.stderr, /^facet: FACET_REGISTRY names [^\n]*\n$/);

  const cleared = await start(['models', '--clear-cache', '--json'], env).done;
  assert.is(JSON.parse(cleared.stdout).removed, 1);
  assert.is(await whereIs('mine'), 'to fetch');
});

test('lists the public networks beside those that come along', async () => {
  const { stdout } = await start(['models']).done;
  for (const { id } of [...shippedModels, ...publicModels]) assert.match(stdout, new RegExp(`^${id} `, 'm'));
  assert.match(stdout, /resnet18 +to fetch +44\.65 MiB +3x224x224 +1,000 +Apache-2\.0/);
  assert.ok(stdout.includes(folder));
});
