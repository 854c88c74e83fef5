// bench-ladder.test.ts: what `facet bench --kernels` measures (works, and all forms of each), and the table it makes of a report.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { ladderOf } from '../../bench/ladder.ts';
import { type BenchReport, familyTable, markdownOf, type WorkReport } from '../../bench/table.ts';
import { families } from '../../bench/works.ts';
import type { Device } from '../../src/index.ts';
import { loadEverything } from '../support/kernels.ts';
import { suite } from '../support/suite.ts';

const test = suite('ladders of facet bench --kernels');
test.before(loadEverything);

const form = (variant: string, millis?: number): WorkReport['forms'][number] =>
  millis === undefined
    ? { variant, rounds: 0, note: 'too large' }
    : { variant, millis, low: 0.9 * millis, high: 1.1 * millis, rounds: 3, dispatches: 1 };

const folder = mkdtempSync(path.join(tmpdir(), 'facet-tables-'));
test.after(() => rmSync(folder, { recursive: true }));

const ladders: WorkReport[] = [
  {
    family: 'Products',
    name: 'large',
    flops: 2e9,
    bytes: 3e6,
    taken: 'tiled',
    forms: [form('naive', 1000), form('tiled', 100), form('shared')],
    share: 0.4,
    bound: 'arithmetic',
  },
  { family: 'Products', name: 'tiny', flops: 1000, bytes: 8e3, taken: 'naive', forms: [form('naive', 0.5)] },
  { family: 'Copies', name: 'copy', flops: 0, bytes: 8e6, taken: 'vec4', forms: [form('vec4', 4)], share: 1.2 },
];

test('the table of a family: forms as columns, the taken one bold, no rate that rounds to nothing', () => {
  const lines = familyTable(ladders.slice(0, 2))
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' '));
  assert.is(lines[0], '| ms | naive | tiled | shared | GFLOP/s | GB/s | of the roof | bound | gain |');
  assert.is(lines[2], '| large | 1000 | **100** | - | 20.0 | 0.0300 | 40 % | arithmetic | 10.0x |');
  assert.is(lines[3], '| tiny | **0.500** | | | | 0.0160 | | | |');
  assert.is(lines[5], '- large, shared: too large');
});

const report: BenchReport = {
  adapter: { vendor: 'v', architecture: 'a', name: 'An adapter', software: true, features: [] },
  date: '2026-01-02T03:04:05.000Z',
  seconds: 12.3,
  command: 'facet bench --kernels',
  limits: {
    flopsPerSecond: 14e9,
    loopFlopsPerSecond: 5e9,
    bytesPerSecond: 2e9,
    copyBytesPerSecond: 16e9,
    dispatchMicros: 8.5,
  },
  works: ladders,
};

test('a report tells of tuning and limits, in the plural where there are several', () => {
  const text = markdownOf(report);
  assert.match(text, /^# An adapter\n\n2026-01-02, `facet bench --kernels`, 12 s\. No tuning was in force/);
  assert.match(text, /Limits: 14\.0 GFLOP\/s .* 2\.00 GB\/s .* 16\.0 by the device itself.* 8\.50 µs/);
  assert.ok(text.indexOf('## Products') < text.indexOf('## Copies'));
  assert.match(markdownOf({ ...report, tuning: { ops: 1, outdated: 0 } }), /in force: 1 op\./);
  assert.match(
    markdownOf({ ...report, tuning: { ops: 3, outdated: 2 }, stopped: '1 of 3 works' }),
    /Stopped: 1 of 3 works\. The tuning kept for this device was in force: 3 ops, of which 2 were measured/,
  );
});

/** As much of a device as planning asks for. */
const planningDevice = (kind: 'software' | 'gpu', measured?: string): Device =>
  ({
    target: {
      traits: {
        kind,
        subgroups: true,
        maxWorkgroupsPerDimension: 65535,
        maxWorkgroupStorageBytes: 16384,
        maxInvocationsPerWorkgroup: 256,
      },
      ...(measured ? { measured: () => measured } : {}),
    },
    maxBufferBytes: 2 ** 30,
    budgetBytes: 2 ** 32,
    memory: { buffers: 0, bytes: 0, peakBytes: 0 },
    holds: () => false,
  }) as unknown as Device;

const allWorks = families.flatMap(({ works }) => works);
const workNamed = (name: string) => allWorks.find((work) => work.name === name) as (typeof allWorks)[number];
const namesOfForms = (device: Device, name: string): string[] =>
  ladderOf(device, workNamed(name)).forms.map((each) => each.name);

test('every work has a ladder that contains what is taken, naive first, on both kinds of device', () => {
  const names = families.flatMap((family) => family.works.map((work) => `${family.name}: ${work.name}`));
  assert.is(new Set(names).size, names.length);
  assert.ok(families.every(({ works }) => works.some((work) => work.isQuick)));
  for (const device of [planningDevice('software'), planningDevice('gpu')]) {
    for (const work of allWorks) {
      const { forms, taken, bytes } = ladderOf(device, work);
      const list = forms.map((each) => each.name);
      assert.is(new Set(list).size, list.length, `${work.name}: ${list}`);
      assert.ok(list.includes(taken), `${work.name}: ${taken} of ${list}`);
      assert.ok(!list.includes('naive') || list[0] === 'naive', `${work.name}: ${list}`);
      assert.ok(bytes > 0);
    }
  }
});

test('ladders hold what passes make of an op, and heed what was measured', () => {
  const software = planningDevice('software');
  assert.equal(namesOfForms(software, '3x3, 13², 64 to 256'), [
    'naive',
    'tiled',
    'quad',
    'swap',
    'winograd-2',
    'winograd-4',
  ]);
  assert.ok(namesOfForms(software, '7x7/2, 224², 3 to 64').includes('quad'));
  assert.ok(namesOfForms(software, '64 lines of 512 complex numbers').includes('stages'));
  assert.ok(
    namesOfForms(planningDevice('gpu'), '1 x 4096 x 1000, weights as they are').some((n) => n.startsWith('split-')),
  );
  const conv = workNamed('3x3, 13², 64 to 256');
  assert.ok(ladderOf(software, conv).taken.startsWith('winograd-'));
  assert.is(ladderOf(planningDevice('software', 'tiled'), conv).taken, 'tiled');
  assert.is(ladderOf(planningDevice('software', 'winograd-2'), conv).taken, 'winograd-2');
  assert.throws(
    () => ladderOf({ ...software, budgetBytes: 2 ** 20 } as Device, conv),
    /bench, 3x3, 13², 64 to 256 needs .* of the budget of 1\.00 MiB/,
  );
});

const tables = (...args: string[]) =>
  spawnSync(process.execPath, ['scripts/kernel-tables.mjs', ...args], { encoding: 'utf8' });

test('tables of a report go into a document, and it is seen when they differ', () => {
  const [results, doc] = ['results.md', 'doc.md'].map((name) => path.join(folder, name));
  const mark = (name: string) => `<!-- table: ${name} -->\n<!-- end of table -->`;
  writeFileSync(results, `${markdownOf(report)}\n`);
  writeFileSync(doc, `before\n\n${mark('limits')}\n\nbetween\n\n${mark('Copies')}\n\nafter\n`);
  assert.is(tables('--check', results, doc).status, 1);
  assert.is(tables(results, doc).status, 0);
  assert.is(tables('--check', results, doc).status, 0);
  const text = readFileSync(doc, 'utf8');
  assert.ok(text.startsWith('before\n') && text.includes('\nbetween\n') && text.endsWith('\nafter\n'));
  assert.ok(text.includes(familyTable(ladders.slice(2))));
  assert.ok(text.includes('Limits: 14.0 GFLOP/s') && text.includes('`facet bench --kernels`, 12 s'));
  assert.not.ok(
    text.includes('Products') || text.includes('Other engines') || text.includes('Milliseconds of one run'),
  );
  assert.is(tables(results, doc).status, 0);
  assert.is(readFileSync(doc, 'utf8'), text);
  writeFileSync(doc, mark('Abacus'));
  assert.match(tables(results, doc).stderr, /no section "Abacus"/);
});

test('kernels.md has the tables of the run in bench/results, and one for every family of ops', () => {
  const { status, stderr } = tables('--check');
  assert.is(status, 0, stderr);
  const text = readFileSync('docs/kernels.md', 'utf8');
  for (const { name } of families) assert.ok(text.includes(`<!-- table: ${name} -->`), name);
});
