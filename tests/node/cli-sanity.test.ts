// `facet sanity` as a user or a script meets it.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { decodeNpy } from '../../cli/npy.ts';
import { drawing } from '../../src/training/drawings.ts';
import { suite } from '../support/suite.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'facet-sanity-'));
const at = (name: string): string => path.join(folder, name);

const facet = (...args: string[]) =>
  spawnSync(process.execPath, ['cli/facet.mjs', 'sanity', 'assets/drawings.onnx', ...args], { encoding: 'utf8' });

const test = suite('facet sanity');
test.before(async () => {
  const raw = { width: 64, height: 64, channels: 3 } as const;
  await sharp(drawing(5, 7).pixels, { raw }).png().toFile(at('disc.png'));
});
test.after(() => rmSync(folder, { recursive: true }));

test('a table, a strip and the maps; one object with --json', async () => {
  const args = ['--input', at('disc.png'), '--method', 'gradient', '--blocks', '2', '--seed', '3'];
  const files = ['--output', at('strip.png'), '--raw', at('maps.npy')];
  const { status, stdout, stderr } = facet(...args, ...files, '--json');
  assert.is(status, 0, stderr);
  const { rows, mode, seed } = JSON.parse(stdout);
  assert.is(mode, 'cascading');
  assert.is(seed, 3);
  assert.is(rows.length, 3);
  assert.equal(rows[0].layers, []);
  assert.is(rows.flatMap(({ layers }: { layers: string[] }) => layers).length, 5);
  for (const measure of ['spearman', 'absSpearman', 'ssim', 'hog']) {
    assert.ok(Math.abs(rows[0][measure] - 1) < 1e-9, measure);
    assert.ok(rows[2][measure] < 0.9, measure);
  }
  const strip = await sharp(at('strip.png')).metadata();
  assert.equal([strip.width, strip.height], [4 * 64 + 3 * 2, 64]);
  const { shape } = decodeNpy(readFileSync(at('maps.npy')), 'maps.npy');
  assert.equal([...shape], [3, 3, 64, 64]);
  const table = facet(...args);
  assert.is(table.status, 0, table.stderr);
  assert.match(table.stdout, /step +spearman +\|spearman\| +ssim +hog/);
  assert.match(table.stdout, / {3}0 +1\.000 +1\.000 +1\.000 +1\.000 {2}none/);
});

test('mistakes are named before anything runs', () => {
  const input = ['--input', at('disc.png')];
  for (const [says, ...args] of [
    [/--mode/, ...input, '--method', 'gradient', '--mode', 'both'],
    [/--method/, ...input],
    [/one --input/, ...input, ...input, '--method', 'gradient'],
    [/--layer means nothing to occlusion/, ...input, '--method', 'occlusion', '--layer', 'conv1'],
  ] as [RegExp, ...string[]][]) {
    const { status, stdout, stderr } = facet(...args, '--output', at('none.png'));
    assert.is(status, 2, stderr);
    assert.is(stdout, '');
    assert.match(stderr, says);
  }
  assert.is(existsSync(at('none.png')), false);
});
