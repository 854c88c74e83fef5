// bench-install.test.ts: the peers are installed once, or it is said why not.

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { Interrupted } from '../../bench/errors.ts';
import { installPeers } from '../../bench/install.ts';
import { suite } from '../support/suite.ts';

const test = suite('installing the peers');
const root = mkdtempSync(path.join(tmpdir(), 'facet-peers-'));
const stamp = path.join(root, 'bench/node_modules/.installed-from');
const before = { ...process.env };

test.before(() => {
  mkdirSync(path.join(root, 'bench'));
  for (const name of ['package.json', 'package-lock.json'])
    copyFileSync(`bench/${name}`, path.join(root, 'bench', name));
  // A registry that does not answer, and no packages kept from earlier.
  Object.assign(process.env, {
    npm_config_registry: 'http://127.0.0.1:9/',
    npm_config_replace_registry_host: 'always',
    npm_config_fetch_retries: '0',
    npm_config_cache: path.join(root, 'cache'),
  });
});
test.after(() => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
  rmSync(root, { recursive: true });
});

test('without a network: one sentence with the reason, and it is tried again the next time', async () => {
  for (let time = 0; time < 2; time++) {
    const said: string[] = [];
    await installPeers(root, (text) => said.push(text), new AbortController().signal).then(
      () => assert.unreachable(),
      (error) => {
        assert.is(error.name, 'BenchError');
        assert.match(error.message, /^the peers could not be installed in bench\/node_modules: .*127\.0\.0\.1/);
        assert.not.match(error.message, /\n/);
      },
    );
    assert.is(said.length, 1);
    assert.not.ok(existsSync(stamp));
  }
});

test('Ctrl-C ends it', async () => {
  const controller = new AbortController();
  const installing = installPeers(root, () => controller.abort(), controller.signal);
  await installing.then(
    () => assert.unreachable(),
    (error) => assert.ok(error instanceof Interrupted),
  );
  assert.not.ok(existsSync(stamp));
});

test('what is installed from the same lock file is not installed again', async () => {
  mkdirSync(path.dirname(stamp), { recursive: true });
  copyFileSync('bench/package-lock.json', stamp);
  await installPeers(root, () => assert.unreachable(), new AbortController().signal);
  writeFileSync(stamp, 'another');
  await installPeers(root, () => undefined, new AbortController().signal).then(
    () => assert.unreachable(),
    (error) => assert.is(error.name, 'BenchError'),
  );
});
