// cli-compare.test.ts: `facet compare`: the rows in order, the control among them, and the files.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { parseSpec, readSpec } from '../../cli/compareSpecs.ts';
import { type Column, csvOf, type Line, MILLISECONDS, sortLines } from '../../cli/compareTable.ts';
import { baselineOption } from '../../src/viz/attribution/baseline.ts';
import { count, flag } from '../../src/viz/attribution/options.ts';
import { smallNetwork } from '../support/smallNetwork.ts';
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

test('methods and metrics with options of their own, a method twice among them', async () => {
  const asked = ['gradient:layer=/l2/a/Conv_output_0', 'gradient', 'smoothgrad:samples=2:base=input-x-gradient'];
  const { status, stdout, stderr } = compare(
    ...['--methods', asked.join(), '--metrics', 'insertion:steps=2,insertion:steps=2:baseline=0', '--score', 'prob'],
    ...['--sort', 'milliseconds', '--target', 'cat', '--json'],
  );
  assert.is(status, 0, stderr);
  const { results, score } = JSON.parse(stdout);
  assert.is(score, 'prob');
  const found = Object.fromEntries(results.map((row: { method: string }) => [row.method, row]));
  assert.equal(Object.keys(found).sort(), [...asked, 'random'].sort());
  assert.is(found[asked[0]].layer, '/l2/a/Conv_output_0');
  assert.is(found.gradient.layer, undefined);
  assert.equal(found[asked[2]].options, { samples: 2, base: 'input-x-gradient' });
  assert.is(found[asked[2]].evaluations, 2);
  const values = Object.values(found.gradient.values as Record<string, number>);
  assert.is(values.length, 2);
  assert.is.not(values[0], values[1]);
});

test('a unit in place of a class', () => {
  const { status, stdout, stderr } = compare(
    ...['--methods', 'gradient', '--metrics', 'insertion:steps=2', '--of', '/l2/a/Conv_output_0:3', '--json'],
  );
  assert.is(status, 0, stderr);
  const { unit, target } = JSON.parse(stdout);
  assert.equal([unit, target], ['/l2/a/Conv_output_0:3', undefined]);
});

test('the best stands first, whichever end that is, and what has no value last', () => {
  const column = (text: string, better: 'higher' | 'lower') => ({ text, metric: { better } }) as Column;
  const line = (method: string, up: number, milliseconds: number) =>
    ({ method, values: Number.isNaN(up) ? {} : { up, down: up }, milliseconds, evaluations: 1 }) as unknown as Line;
  const lines = [line('none', Number.NaN, 5), line('small', 1, 9), line('large', 2, 7)];
  const columns = [column('up', 'higher'), column('down', 'lower')];
  const order = (by: string) => sortLines(lines, columns, by).map(({ method }) => method);
  assert.equal(order('up'), ['large', 'small', 'none']);
  assert.equal(order('down'), ['small', 'large', 'none']);
  assert.equal(order(MILLISECONDS), ['none', 'large', 'small']);
  assert.is(csvOf(lines.slice(0, 1), columns), 'method,up,down,milliseconds,evaluations\nnone,,,5,1\n');
});

test('options behind a name, beside colons that belong to a value', () => {
  const options = { maxSteps: count(5, 'steps'), relu: flag(true, 'rectified'), baseline: baselineOption(0) };
  const spec = parseSpec('grad-cam:layer=conv/Relu:0:relu=off:max-steps=7:baseline=-1.5');
  assert.is(spec.name, 'grad-cam');
  const { layer, ...texts } = spec.texts;
  assert.is(layer, 'conv/Relu:0');
  const model = smallNetwork();
  assert.equal(readSpec({ ...spec, texts }, options, model), { relu: false, maxSteps: 7, baseline: -1.5 });
  assert.equal(parseSpec('gradient').texts, {});
  assert.throws(
    () => readSpec(parseSpec('m:magic=1'), options, model),
    /m has no option "magic", it has max-steps, relu/,
  );
  assert.throws(() => readSpec(parseSpec('m:relu=1'), options, model), /"m:relu=1": relu: "1" is not "on" or "off"/);
  assert.throws(() => readSpec(parseSpec('m:a=1'), {}, model), /it has none/);
});

test('refuses names it does not know with code 2', () => {
  for (const wrong of [
    ['--methods', 'magic'],
    ['--metrics', 'magic'],
    ['--sort', 'magic'],
    ['--methods', 'occlusion:layer=magic'],
    ['--metrics', 'insertion:magic=1'],
  ]) {
    const { status, stdout, stderr } = compare(...wrong);
    assert.is(status, 2, stderr);
    assert.is(stdout, '');
    assert.match(stderr, /^facet: [^\n]*magic[^\n]*\n$/);
  }
});
