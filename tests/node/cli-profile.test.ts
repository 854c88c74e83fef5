// `facet profile` as a user or a script meets it.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { start } from '../support/command.ts';
import { suite } from '../support/suite.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'facet-profile-'));
const at = (name: string): string => path.join(folder, name);

const facet = (...args: string[]) =>
  spawnSync(process.execPath, ['cli/facet.mjs', 'profile', 'assets/drawings.onnx', ...args], { encoding: 'utf8' });

const test = suite('facet profile');
/** Each test starts several processes, which compile kernels. */
const patient = { timeoutSeconds: 300 };
test.after(() => rmSync(folder, { recursive: true }));

test(
  'one object with --json, a trace and a plot',
  async () => {
    const files = ['--trace', at('trace.json'), '--plot', at('roofline.png')];
    const { status, stdout, stderr } = facet('--task', 'gradient', '--rounds', '1', ...files, '--json');
    assert.is(status, 0, stderr);
    const found = JSON.parse(stdout);
    assert.is(found.task, 'gradient');
    assert.equal(found.files, [at('trace.json'), at('roofline.png')]);
    const sum = (list: { micros: number; flops: number }[], what: 'micros' | 'flops'): number =>
      list.reduce((total, each) => total + each[what], 0);
    assert.ok(found.steps.length > 8);
    assert.is(sum(found.steps, 'micros'), found.stepMicros);
    assert.is(sum(found.totals, 'flops'), sum(found.steps, 'flops'));
    const [conv] = found.steps;
    assert.is(conv.label, 'conv1');
    assert.equal(conv.ops, ['conv2d', 'bias', 'relu']);
    assert.match(conv.kernel.file, /^conv2d\w*\.wgsl$/);
    assert.is(conv.kernel.source, undefined, 'the texts are left out');
    assert.ok(conv.micros > 0 && conv.gflops > 0 && conv.share > 0);
    assert.ok(found.steps.some(({ label }: { label: string }) => label === 'd conv2'));
    const { flopsPerSecond, rounds, worst } = found.roofline;
    assert.ok(rounds >= 2 && worst.flopsPerSecond > 0 && worst.flopsPerSecond <= flopsPerSecond);
    assert.ok(found.roofline.flopsPerSecond > 0 && found.replayMicros > 0);

    const { traceEvents } = JSON.parse(readFileSync(at('trace.json'), 'utf8'));
    const slices = traceEvents.filter(({ ph, pid }: { ph: string; pid: number }) => ph === 'X' && pid === 1);
    assert.is(slices.length, found.steps.length);
    assert.ok(traceEvents.some(({ ph }: { ph: string }) => ph === 'C'));
    const { width, height, format } = await sharp(at('roofline.png')).metadata();
    assert.equal([width, height, format], [1800, 1040, 'png']);
  },
  patient,
);

test(
  'a table, the slowest step first',
  () => {
    const { status, stdout, stderr } = facet('--top', '3', '--rounds', '1');
    assert.is(status, 0, stderr);
    const lines = stdout.split('\n');
    assert.match(lines[0], /^step +layer +does +kernel +grid +µs +of all +GFLOP\/s +GB\/s +roof +bound$/);
    const micros = lines.slice(1, 4).map((line) => Number(/ ([\d,.]+) +[\d.]+ % /.exec(line)?.[1].replaceAll(',', '')));
    assert.ok(micros[0] >= micros[1] && micros[1] >= micros[2], stdout);
    assert.match(lines[4], /^… \d+ more: --top 0 lists all$/);
    assert.match(stdout, /^replay .* (more|less) than the steps one by one$/m);
  },
  patient,
);

test(
  'a step of a visualization',
  () => {
    const { status, stdout, stderr } = facet(
      '--task',
      'visualize',
      '--objective',
      'conv3:2',
      '--rounds',
      '1',
      '--json',
    );
    assert.is(status, 0, stderr);
    const ops = JSON.parse(stdout).steps.map(({ op }: { op: string }) => op);
    for (const op of ['affineSample', 'maxPoolInput', 'affineSampleInput']) assert.ok(ops.includes(op), `${ops}`);
  },
  patient,
);

test(
  'the final text of a step, by name or number',
  () => {
    const named = facet('--source', 'conv1');
    assert.is(named.status, 0, named.stderr);
    assert.match(
      named.stdout,
      /^\/\/ step 0, "conv1": conv2d \+ bias \+ relu\n\/\/ shaders\/conv2d\w*\.wgsl, variant \w+,/,
    );
    assert.match(named.stdout, /@compute @workgroup_size/);
    assert.not.match(named.stdout, /\{\{|^#/m);
    assert.not.match(named.stdout, /overrides: none/);
    assert.is(facet('--source', '0').stdout, named.stdout);
    const backward = facet('--task', 'gradient', '--source', 'd conv2');
    assert.is(backward.status, 0, backward.stderr);
    assert.match(backward.stdout, /^\/\/ step \d+, "d conv2": (conv2d|winograd)/);
  },
  patient,
);

test(
  'weights in halves: unpacked by the kernels, fewer bytes read and held',
  () => {
    const found = ['float32', 'float16'].map((weights) => {
      const { status, stdout, stderr } = facet('--weights', weights, '--rounds', '1', '--json');
      assert.is(status, 0, stderr);
      const { steps, memory, ...rest } = JSON.parse(stdout);
      assert.is(rest.weights, weights);
      const bytes = steps.reduce((sum: number, step: { bytes: number }) => sum + step.bytes, 0);
      return { bytes, fixed: memory.fixed };
    });
    assert.ok(found[1].bytes < found[0].bytes && found[1].fixed < found[0].fixed, JSON.stringify(found));
    assert.match(facet('--source', 'conv1', '--weights', 'float16').stdout, /return four_halves\(w\[i\]\);/);
    assert.not.match(facet('--source', 'conv1').stdout, /return four_halves\(w\[i\]\);/);
  },
  patient,
);

test(
  'Ctrl-C keeps the rounds that are finished',
  async () => {
    const args = ['profile', 'assets/drawings.onnx', '--rounds', '1000', '--trace', at('stopped.json')];
    const later = await start(args, {}, (stderr, child) => {
      // Rounds that find out the lengths come first, three at most.
      if (Number(/.*profile (\d+)\//s.exec(stderr)?.[1] ?? 0) > 3) child.kill('SIGINT');
    }).done;
    assert.is(later.status, 1, later.stderr);
    const [, rounds] =
      /\nfacet: stopped after (\d+) of 1000 rounds; what was finished is written\.\n$/.exec(later.stderr) ?? [];
    assert.ok(Number(rounds) > 0, later.stderr);
    assert.match(later.stdout, new RegExp(`^timed +${rounds} rounds? by `, 'm'));
    assert.ok(JSON.parse(readFileSync(at('stopped.json'), 'utf8')).traceEvents.length > 0);
  },
  patient,
);

test('what cannot be written is said before anything is timed', () => {
  for (const [file, says] of [
    ['', /"" is no file/],
    ['/proc/x.json', /cannot write into "\/proc"/],
    [folder, /is a folder/],
  ] as const) {
    const { status, stdout, stderr } = facet('--rounds', '1000', '--trace', file);
    assert.is(status, 2, stderr);
    assert.is(stdout, '');
    assert.match(stderr, says);
    assert.match(stderr, /^facet: [^\n]+\n$/);
  }
});

test(
  'mistakes are one sentence and exit 2, before anything runs',
  () => {
    mkdirSync(at('folder.png'));
    for (const [says, ...args] of [
      [/--task <name>/, '--task', 'train'],
      [/--objective means nothing to --task run/, '--objective', 'conv1:0'],
      [/Give one of them/, '--task', 'gradient', '--objective', 'conv1:0', '--layer', 'conv1'],
      [/no layer "conv99"/, '--layer', 'conv99'],
      [/no step "conv99".*in 0\.\./, '--source', 'conv99'],
      [/--source prints the text/, '--source', 'conv1', '--json'],
      [/"out.gif" does not end like a drawing/, '--plot', 'out.gif'],
      [/whole number/, '--rounds', '0'],
      [/--weights <type>.*float32, float16/, '--weights', 'int8'],
      [/named for two outputs/, '--plot', at('twice.png'), '--trace', at('twice.png')],
      [/is a folder/, '--plot', at('folder.png')],
    ] as [RegExp, ...string[]][]) {
      const { status, stdout, stderr } = facet(
        ...args,
        ...(args.includes('--source') || args.includes('--trace') ? [] : ['--trace', at('none.json')]),
      );
      assert.is(status, 2, stderr);
      assert.is(stdout, '');
      assert.match(stderr, /^facet: [^\n]+\n$/);
      assert.match(stderr, says);
    }
    assert.not.ok(existsSync(at('none.json')));
  },
  patient,
);
