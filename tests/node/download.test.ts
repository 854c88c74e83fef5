// download.test.ts: networks from the web: what is fetched, checked, kept and refused, against a server on this machine.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { cacheFolder, FileCache } from '../../cli/cache.ts';
import {
  cacheKey,
  type Download,
  DownloadError,
  type DownloadFailure,
  type DownloadOptions,
  downloadModel,
  parseModel,
  shownAddress,
} from '../../src/index.ts';
import { drawings, drawingsHash, type ModelServer, startModelServer } from '../support/modelServer.ts';
import { suite } from '../support/suite.ts';

const root = mkdtempSync(path.join(tmpdir(), 'facet-download-'));
let server: ModelServer;
let folder: string;
let count = 0;

const startServer = async (): Promise<void> => {
  server = await startModelServer();
};
/** Each test has a cache of its own. */
const newCache = (): void => {
  folder = path.join(root, `cache-${count++}`);
  server.log.length = 0;
};
const files = (): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);
const dataFile = (): string => path.join(folder, `${drawingsHash}.onnx`);

const load = (at: string | string[], options: DownloadOptions = {}): Promise<Download> =>
  downloadModel(typeof at === 'string' ? server.url(at) : at.map(server.url), {
    cache: new FileCache(folder),
    ...options,
  });

/** Fails as it should, in one sentence or two, with nothing kept. */
async function refuses(
  failure: DownloadFailure,
  says: RegExp,
  at: string,
  options: DownloadOptions = {},
): Promise<void> {
  const before = files();
  const error = await load(at, options).then(
    () => undefined,
    (error) => error,
  );
  assert.instance(error, DownloadError, `${at} was taken`);
  assert.is(error.failure, failure, error.message);
  assert.match(error.message, says);
  assert.ok(error.message.includes(server.url(at)), `${error.message} does not name ${at}`);
  assert.not.match(error.message, /\n/);
  assert.equal(files(), before, 'nothing is kept');
}

const test = suite('download');
test.before(startServer);
test.before.each(newCache);
test.after(() => {
  server.close();
  rmSync(root, { recursive: true, force: true });
});

test('counts what arrives, up to all of it', async () => {
  const counts: [number, number | undefined][] = [];
  const { bytes, from, notes } = await load('/drawings.onnx', {
    onProgress: (received, total) => void counts.push([received, total]),
  });
  assert.equal(bytes, drawings);
  assert.is(from, 'network');
  assert.equal(notes, []);
  assert.equal(counts[0], [0, drawings.length]);
  assert.equal(counts.at(-1), [drawings.length, drawings.length]);
  assert.ok(counts.every(([received], i) => i === 0 || received > counts[i - 1][0]));
  assert.is(parseModel(bytes).classes, 10);
});

test('where the size is not said, the registry may; else it is unknown', async () => {
  const totals = new Set<number | undefined>();
  await load('/unmeasured.onnx', { onProgress: (_, total) => void totals.add(total) });
  assert.equal([...totals], [undefined]);
  totals.clear();
  const { bytes } = await load('/unmeasured.onnx', {
    bytes: drawings.length,
    onProgress: (_, total) => void totals.add(total),
  });
  assert.equal([...totals], [drawings.length]);
  assert.equal(bytes, drawings);
});

test('what comes compressed is counted as what it becomes', async () => {
  let last: [number, number | undefined] = [0, 0];
  const { bytes } = await load('/packed.onnx', {
    onProgress: (received, total) => {
      last = [received, total];
    },
  });
  assert.equal(bytes, drawings);
  assert.equal(last, [drawings.length, undefined]);
});

test('with a hash, the second time asks nobody', async () => {
  await load('/drawings.onnx', { sha256: drawingsHash });
  const again = await load('/drawings.onnx', { sha256: drawingsHash.toUpperCase() });
  assert.is(again.from, 'cache');
  assert.equal(again.bytes, drawings);
  assert.equal(server.log, ['/drawings.onnx 200']);
  assert.is(files().length, 2);
  assert.equal(new Uint8Array(readFileSync(dataFile())), drawings);
});

test('refuses bytes that hash to something else, and keeps the right ones it has', async () => {
  const wrong = '0'.repeat(64);
  await refuses('unfit', /not the file that the registry names.*SHA-256.*000000000000/, '/drawings.onnx', {
    sha256: wrong,
  });
  await load('/drawings.onnx');
  await refuses('unfit', /not the file that the registry names/, '/drawings.onnx', { sha256: wrong });
  assert.is(files().length, 2);
});

test('without a hash, asks whether the copy is still right, by tag or by date', async () => {
  for (const name of ['/drawings.onnx', '/dated.onnx']) {
    newCache();
    await load(name);
    const again = await load(name);
    assert.is(again.from, 'checked');
    assert.equal(again.bytes, drawings);
    assert.equal(server.log, [`${name} 200`, `${name} 304`]);
  }
});

test('takes what the server changed, and drops what nothing names any more', async () => {
  const changed = new Uint8Array(drawings);
  changed[1000] ^= 1;
  await load('/changing.onnx');
  server.change(changed);
  const { bytes, from } = await load('/changing.onnx');
  server.change(drawings);
  assert.is(from, 'network');
  assert.equal(bytes, changed);
  assert.is(files().filter((name) => name.endsWith('.onnx')).length, 1);
  assert.not.ok(existsSync(dataFile()));
});

test('bytes that two addresses gave stay until neither names them', async () => {
  await load('/drawings.onnx');
  await load('/dated.onnx');
  assert.is(files().length, 3);
  const cache = new FileCache(folder);
  await cache.remove(cacheKey(server.url('/dated.onnx')));
  assert.ok(existsSync(dataFile()));
  await cache.remove(cacheKey(server.url('/drawings.onnx')));
  assert.equal(files(), []);
});

test('a damaged copy is noticed and fetched again', async () => {
  for (const damage of [drawings.subarray(0, 1000), new Uint8Array(drawings.length)]) {
    await load('/drawings.onnx', { sha256: drawingsHash });
    writeFileSync(dataFile(), damage);
    const { bytes, from, notes } = await load('/drawings.onnx', { sha256: drawingsHash });
    assert.is(from, 'network');
    assert.equal(bytes, drawings);
    assert.match(notes.join(), /damaged/);
    assert.equal(new Uint8Array(readFileSync(dataFile())), drawings);
  }
  // A record that is no record is as good as none.
  for (const name of files().filter((name) => name.endsWith('.json'))) writeFileSync(path.join(folder, name), '{"sha');
  assert.is((await load('/drawings.onnx', { sha256: drawingsHash })).from, 'network');
});

test('offline, and while the server fails, the copy is used and this is said', async () => {
  const other = await startModelServer();
  const address = other.url('/drawings.onnx');
  const cache = new FileCache(folder);
  await downloadModel(address, { cache });
  other.close();
  const { bytes, from, notes } = await downloadModel(address, { cache });
  assert.is(from, 'offline');
  assert.equal(bytes, drawings);
  assert.is(notes.length, 1);
  assert.match(notes[0], /cannot be fetched.*copy in the cache/);
  await rejects(downloadModel(other.url('/never.onnx'), { cache }), 'unreachable');
});

async function rejects(promise: Promise<unknown>, failure: DownloadFailure): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (error) => error,
  );
  assert.instance(error, DownloadError);
  assert.is(error.failure, failure, error.message);
}

test('follows redirects, but not in a circle', async () => {
  assert.equal((await load('/moved.onnx')).bytes, drawings);
  assert.equal(server.log, ['/moved.onnx 302', '/drawings.onnx 200']);
  await refuses('unreachable', /cannot be fetched: .*redirect/, '/circle.onnx');
});

test('says what a server does instead of giving the network', async () => {
  await refuses('refused', /says 404 Not Found\. Check the address/, '/gone.onnx');
  await refuses('refused', /says 403.*signing in/, '/members.onnx');
  await refuses('failing', /says 503.*later/, '/busy.onnx');
  await refuses('unfit', /is a web page, not a network/, '/sign-in.onnx');
  await refuses('unfit', /pointer of Git LFS/, '/pointer.onnx');
  await refuses('unfit', /is empty/, '/empty.onnx');
  await refuses('dropped', new RegExp(`ended after [1-9]\\d* of ${drawings.length} bytes`), '/cut.onnx');
  await refuses('dropped', /fell silent for \d+ s/, '/silent.onnx', { silenceMillis: 200 });
});

test('takes no more bytes than it may', async () => {
  await refuses('unfit', /has 5368709120 bytes, and 2147483648 are the most/, '/huge.onnx');
  const ended = server.ended('/endless.onnx');
  let most = 0;
  const onProgress = (received: number) => {
    most = received;
  };
  await refuses('unfit', /more than 1000000 bytes/, '/endless.onnx', { limit: 1_000_000, onProgress });
  await ended;
  assert.ok(most <= 1_000_000);
  await refuses('unfit', /bytes, and 1000 are what the registry names/, '/drawings.onnx', { bytes: 1000 });
});

test('stops when asked: before, and in the middle', async () => {
  await refuses('stopped', /stopped/, '/drawings.onnx', { signal: AbortSignal.abort() });
  const controller = new AbortController();
  const ended = server.ended('/slow.onnx');
  let received = 0;
  const onProgress = (now: number) => {
    received = now;
    if (now > 0) controller.abort();
  };
  const began = performance.now();
  await refuses('stopped', /after [1-9]\d* bytes\. None of it is kept/, '/slow.onnx', {
    signal: controller.signal,
    onProgress,
  });
  await ended;
  assert.ok(received > 0 && received < drawings.length);
  assert.ok(performance.now() - began < 2000, 'at once');
});

test('goes on to the next address where one fails, and says what the first said where all do', async () => {
  const { bytes } = await load(['/gone.onnx', '/changing.onnx'], { sha256: drawingsHash });
  assert.equal(bytes, drawings);
  const again = await load(['/gone.onnx', '/changing.onnx'], { sha256: drawingsHash });
  assert.is(again.from, 'cache');
  const error = await load(['/busy.onnx', '/gone.onnx']).catch((error) => error);
  assert.match(error.message, /busy\.onnx.*503/);
});

test('signs in with what the address says, and shows none of it', async () => {
  const secret = server.url('/secret.onnx').replace('//', '//me:p%40ss@');
  const { bytes } = await downloadModel(`${secret}?token=abc#x`, { cache: new FileCache(folder) });
  assert.equal(bytes, drawings);
  const records = files().filter((name) => name.endsWith('.json'));
  assert.not.match(readFileSync(path.join(folder, records[0]), 'utf8'), /p%40ss|p@ss|token|abc/);
  assert.is(shownAddress(`${secret}?token=abc#x`), `${server.url('/secret.onnx')}?…`);
  const error = await downloadModel(`${secret.replace('p%40ss', 'guess')}?token=abc`).catch((error) => error);
  assert.match(error.message, /401/);
  assert.not.match(error.message, /guess|token|abc/);
  for (const address of ['ftp://me:word@host/x.onnx', 'http://', 'net.onnx', 'http://me:word@[bad]/x?token=abc']) {
    const error = await downloadModel(address).catch((error) => error);
    assert.is(error.failure, 'address', error.message);
    assert.not.match(error.message, /word|abc/);
  }
});

test('a cache that cannot be written is a note, not a failure', async () => {
  const file = path.join(root, 'file');
  writeFileSync(file, '');
  for (const place of [file, path.join(file, 'below'), '/proc/facet/cache']) {
    const { bytes, notes } = await load('/drawings.onnx', { cache: new FileCache(place) });
    assert.equal(bytes, drawings);
    assert.is(notes.length, 1, place);
    assert.match(notes[0], /not kept.*FACET_CACHE/);
  }
});

test('clearing the cache leaves what is not its own', async () => {
  await load('/drawings.onnx');
  writeFileSync(path.join(folder, 'mine.onnx'), 'mine');
  writeFileSync(path.join(folder, `${drawingsHash}.onnx.99.tmp`), 'left by a process that was killed');
  const cache = new FileCache(folder);
  assert.ok(cache.holds(cacheKey(server.url('/drawings.onnx')), drawingsHash));
  assert.is(cache.clear().files, 1);
  assert.equal(files(), ['mine.onnx']);
  assert.not.ok(cache.holds(cacheKey(server.url('/drawings.onnx'))));
});

test('the cache lies where the system wants it, or where FACET_CACHE says', () => {
  const home = homedir();
  assert.is(cacheFolder({ FACET_CACHE: '/some/where' }, 'linux'), '/some/where');
  assert.is(cacheFolder({ XDG_CACHE_HOME: '/xdg' }, 'linux'), '/xdg/facet');
  assert.is(cacheFolder({ XDG_CACHE_HOME: 'relative' }, 'linux'), path.join(home, '.cache/facet'));
  assert.is(cacheFolder({}, 'linux'), path.join(home, '.cache/facet'));
  assert.is(cacheFolder({}, 'darwin'), path.join(home, 'Library/Caches/facet'));
  assert.is(cacheFolder({ LOCALAPPDATA: '/local' }, 'win32'), path.join('/local', 'facet', 'cache'));
});
