// cli-compare.test.ts: `facet compare`: the rows in order, the control among them, and the files.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'facet-compare-'));
const at = (name: string): string => path.join(folder, name);
const compare = (...args: string[]) =>
  spawnSync(
    process.execPath,
    ['cli/facet.mjs', 'compare', 'cifar10-twin-robust', '--input', at('picture.png'), ...args],
    { encoding: 'utf8' },
  );

const test = suite('facet compare');
test.before(async () => {
  const data = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => (i * 37) % 251);
  await sharp(data, { raw: { width: 32, height: 32, channels: 3 } })
    .png()
    .toFile(at('picture.png'));
});
test.after(() => rmSync(folder, { recursive: true }));

test('sorts by a metric and writes the table and the figure', async () => {
  const files = ['--output', at('t.csv'), '--figure', at('f.png')];
  const asked = ['--methods', 'gradient,grad-cam', '--metrics', 'insertion,deletion', '--sort', 'deletion', '--json'];
  const { status, stdout, stderr } = compare(...asked, ...files);
  assert.is(status, 0, stderr);
  const { results } = JSON.parse(stdout);
  const deletions = results.map((row: { values: { deletion: number } }) => row.values.deletion);
  assert.equal(
    [...deletions].sort((a, b) => a - b),
    deletions,
  );
  assert.equal(results.map((row: { method: string }) => row.method).sort(), ['grad-cam', 'gradient', 'random']);
  const lines = readFileSync(at('t.csv'), 'utf8').trim().split('\n');
  assert.is(lines[0], 'method,insertion,deletion,milliseconds,evaluations');
  assert.is(lines.length, 4);
  assert.ok(((await sharp(at('f.png')).metadata()).width ?? 0) > 800);
});

test('refuses names it does not know with code 2', () => {
  for (const wrong of [
    ['--methods', 'magic'],
    ['--metrics', 'magic'],
    ['--sort', 'magic'],
  ]) {
    const { status, stdout, stderr } = compare(...wrong);
    assert.is(status, 2, stderr);
    assert.is(stdout, '');
    assert.match(stderr, /^facet: [^\n]*magic[^\n]*\n$/);
  }
});
