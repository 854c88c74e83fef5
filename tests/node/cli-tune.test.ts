// `facet tune`: what it prints and keeps, that other commands take it and change nothing of it, and what a damaged file does.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { decodeNpy, encodeNpy } from '../../cli/npy.ts';
import { readTuning, type Tuning } from '../../src/engine/tuning.ts';
import { close } from '../support/close.ts';
import type { TimedOp } from '../../src/index.ts';
import { type Result, start } from '../support/command.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'facet-tune-'));
const at = (name: string): string => path.join(folder, name);
const cache = at('cache');

const facet = (...args: string[]): Promise<Result> => start(args, { FACET_CACHE: cache }).done;

async function json(...args: string[]) {
  const { status, stdout, stderr } = await facet(...args, '--json');
  assert.is(status, 0, stderr);
  return JSON.parse(stdout);
}

/** The output of the network for the picture, and what was said on standard error. */
async function outputOf(name: string): Promise<{ bytes: Buffer; stderr: string }> {
  const { status, stderr } = await facet('run', 'drawings', '--input', at('x.npy'), '--raw', at(name));
  assert.is(status, 0, stderr);
  return { bytes: readFileSync(path.join(at(name), 'output.npy')), stderr };
}

const numbersOf = (bytes: Buffer): Float32Array => Float32Array.from(decodeNpy(bytes, 'output').data);
const kept = (): string => path.join(cache, readdirSync(cache).find((name) => name.startsWith('tuning-')) as string);

const test = suite('facet tune');
/** To the end, however busy the machine is. */
const patient = { timeoutSeconds: 600 };
test.before(() => {
  const next = randomNumbers(6);
  const data = Float32Array.from({ length: 3 * 64 * 64 }, () => next());
  writeFileSync(at('x.npy'), encodeNpy({ shape: [1, 3, 64, 64], data }));
});
test.after(() => rmSync(folder, { recursive: true }));

let untuned: Buffer;
let kernelsUsed: string[];

test(
  'times the ops of a network, and keeps what it found in the cache',
  async () => {
    untuned = (await outputOf('untuned')).bytes;
    const { ops, file, device, untimed, undecided } = await json(
      'tune',
      'drawings',
      '--task',
      'run',
      '--budget',
      '600',
    );
    assert.is(untimed, 0);
    assert.is(file, kept());
    const tuning = readTuning(readFileSync(file, 'utf8')) as Tuning;
    assert.is(tuning.device, device);
    const decided = (ops as TimedOp[]).filter(({ isDecided }) => isDecided);
    assert.is(decided.length, ops.length - undecided);
    assert.ok(decided.length > 0);
    kernelsUsed = decided.map(({ chosen }) => chosen).sort();
    assert.equal(
      Object.values(tuning.ops)
        .map(({ variant }) => variant)
        .sort(),
      kernelsUsed,
    );
  },
  patient,
);

test('other commands take it, say nothing of it and leave it as it is: equal commands give equal bytes', async () => {
  const before = readFileSync(kept());
  const tuned = await outputOf('tuned');
  assert.is(tuned.stderr, '');
  close(numbersOf(tuned.bytes), numbersOf(untuned), { relative: 1e-5 }, 'logits');
  assert.ok((await outputOf('again')).bytes.equals(tuned.bytes));
  assert.ok(readFileSync(kept()).equals(before));
});

test('what the file says is done, though it be slow', async () => {
  const tuning = JSON.parse(readFileSync(kept(), 'utf8'));
  for (const op of Object.values<{ variant: string }>(tuning.ops)) op.variant = 'naive';
  writeFileSync(kept(), JSON.stringify(tuning));
  const { steps } = await json('profile', 'drawings', '--rounds', '1');
  const convolutions = steps.filter(({ op }: { op: string }) => op === 'conv2d');
  // No two of this network are alike; those that the machine was too busy for are not in the file.
  const timed = Object.keys(tuning.ops).filter((key) => key.startsWith('conv2d '));
  assert.is(convolutions.filter(({ variant }: { variant: string }) => variant === 'naive').length, timed.length);
  close(numbersOf((await outputOf('naive')).bytes), numbersOf(untuned), { relative: 1e-5 }, 'logits');
});

test('a damaged file, or one of another GPU, is left out with one sentence', async () => {
  const whole = readFileSync(kept(), 'utf8');
  for (const text of ['{ "format"', '[]', whole.replace(/"device": ?"/, '"device":"another ')]) {
    assert.is.not(text, whole);
    writeFileSync(kept(), text);
    const { bytes, stderr } = await outputOf('damaged');
    assert.match(
      stderr,
      /^facet: "[^"]+tuning-\w+\.json" is damaged and is left out\. `facet tune` writes it anew\.\n$/,
    );
    assert.ok(bytes.equals(untuned), 'as if it were not there');
  }
});

test('--forget removes it, and the bytes are those of before', async () => {
  const file = kept();
  assert.is((await json('tune', '--forget')).removed, file);
  assert.equal(
    readdirSync(cache).filter((name) => name.startsWith('tuning-')),
    [],
  );
  assert.is((await json('tune', '--forget')).removed, null);
  assert.ok((await outputOf('forgotten')).bytes.equals(untuned));
});

test(
  'Ctrl-C keeps what is decided, and shows it',
  async () => {
    const { status, stdout, stderr } = await start(
      ['tune', 'drawings', '--budget', '600'],
      { FACET_CACHE: cache },
      (stderr, child) => {
        if (/^tune [1-9]/m.test(stderr)) child.kill('SIGINT');
      },
    ).done;
    assert.is(status, 1, stderr);
    const [, timed, all] =
      /\nfacet: stopped after (\d+) of (\d+) ops\. What was decided is kept\.\n$/.exec(stderr) ?? [];
    assert.ok(Number(timed) > 0 && Number(timed) < Number(all), stderr);
    assert.match(stdout, /^op +inputs +steps +microseconds by variant/);
    const { ops } = readTuning(readFileSync(kept(), 'utf8')) as Tuning;
    assert.ok(Object.keys(ops).length <= Number(timed), stderr);
    await json('tune', '--forget');
  },
  patient,
);

test(
  'a budget is not exceeded, whatever it is spent on',
  async () => {
    for (const budget of [0.01, 2]) {
      const { seconds, ops, untimed, undecided } = await json('tune', 'drawings', '--budget', `${budget}`);
      assert.ok(untimed + undecided > 0, `${ops.length} ops in ${budget} s`);
      // Opening the device counts too, and one dispatch on a busy machine.
      assert.ok(seconds < budget + 4, `${seconds} s of ${budget}`);
    }
  },
  patient,
);

test(
  'says who chooses the kernels',
  async () => {
    const profileOf = async () => (await facet('profile', 'drawings', '--rounds', '1')).stdout;
    const devices = async () => (await facet('devices')).stdout;
    await facet('tune', '--forget');
    for (const text of [await profileOf(), await devices()]) {
      assert.match(text, /^ *kernels +by heuristics; `facet tune` times them on this one$/m);
    }
    const { ops, undecided } = await json('tune', 'drawings', '--task', 'run', '--budget', '600');
    const tuned = ops.length - undecided;
    assert.ok(tuned > 0);
    for (const text of [await profileOf(), await devices()]) {
      assert.match(text, new RegExp(`^ *kernels +${tuned} ops? tuned for this GPU, else by heuristics; `, 'm'));
    }
    assert.is((await json('profile', 'drawings', '--rounds', '1')).choices.tuned, tuned);
    const { adapters } = await json('devices');
    assert.ok(adapters.some(({ choices }: { choices: { tuned: number } }) => choices.tuned === tuned));
  },
  patient,
);

test('what is kept becomes choices for all such GPUs, in one command', async () => {
  const file = at('tuning_known.ts');
  cpSync('src/engine/tuning_known.ts', file);
  const tuning = JSON.parse(readFileSync(kept(), 'utf8')) as Tuning;
  const [key] = Object.keys(tuning.ops);
  const op = { ...tuning.ops[key], variant: 'tiled', usual: 'quad', micros: { tiled: 10, quad: 20 } };
  writeFileSync(kept(), JSON.stringify({ ...tuning, ops: { [key]: op } }));
  const { variants, architecture } = await json('tune', '--known', file);
  assert.is(variants[key], 'tiled');
  const text = readFileSync(file, 'utf8');
  assert.match(text, /^\/\/ tuning_known\.ts: /);
  assert.ok(text.includes(`architecture: '${architecture}'`) && text.includes(`'${key}': 'tiled'`), text);
  await json('tune', '--forget');
  const nothing = await facet('tune', '--known', file);
  assert.is(nothing.status, 1);
  assert.match(nothing.stderr, /^facet: nothing is kept for [^\n]+\n$/);
  assert.is(readFileSync(file, 'utf8'), text);
});

test('where nothing can be kept is said before anything is timed', async () => {
  writeFileSync(at('no-folder'), '');
  for (const folder of ['/proc/nope', path.join(at('no-folder'), 'cache')]) {
    const began = performance.now();
    const { status, stdout, stderr } = await start(['tune', 'drawings', '--budget', '600'], { FACET_CACHE: folder })
      .done;
    assert.is(status, 2, stderr);
    assert.is(stdout, '');
    assert.match(stderr, /^facet: [^\n]+FACET_CACHE[^\n]+\n$/);
    assert.ok(performance.now() - began < 60_000);
  }
});

test(
  'a table for people, and sentences for mistakes',
  async () => {
    const { status, stdout } = await facet('tune', 'drawings', '--task', 'run', '--budget', '600');
    assert.is(status, 0);
    assert.match(stdout, /^op +inputs +steps +microseconds by variant/);
    assert.match(stdout, /\nconv2d +\[1,64,64,3\] .*\bnaive .*\n/);
    assert.match(stdout, /\nwrote .*tuning-\w+\.json\n$/);
    const mistakes: [string[], RegExp][] = [
      [['tune'], /name the MODEL/],
      [['tune', 'drawings', '--forget'], /takes no MODEL/],
      [['tune', 'drawings', '--task', 'dream'], /run, gradient, visualize/],
      [['tune', 'drawings', '--budget', '0'], /above 0/],
      [['tune', 'drawings', '--known', at('tuning_known.ts')], /takes no MODEL/],
      [['tune', '--known', at('x.npy')], /no knownChoices/],
    ];
    for (const [args, says] of mistakes) {
      const { status, stdout, stderr } = await facet(...args);
      assert.is(status, 2, stderr);
      assert.is(stdout, '');
      assert.match(stderr, says);
      assert.match(stderr, /^facet: [^\n]+\n$/);
    }
  },
  patient,
);
