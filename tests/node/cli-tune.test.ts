// `facet tune`: what it prints and keeps, that other commands take it and change nothing of it, and what a damaged file does.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { decodeNpy, encodeNpy } from '../../cli/npy.ts';
import { readTuning, type Tuning } from '../../src/engine/tuning.ts';
import { close } from '../support/close.ts';
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
test.before(() => {
  const next = randomNumbers(6);
  const data = Float32Array.from({ length: 3 * 64 * 64 }, () => next());
  writeFileSync(at('x.npy'), encodeNpy({ shape: [1, 3, 64, 64], data }));
});
test.after(() => rmSync(folder, { recursive: true }));

let untuned: Buffer;
let kernelsUsed: string[];

test('times the ops of a network, and keeps what it found in the cache', async () => {
  untuned = (await outputOf('untuned')).bytes;
  const { ops, file, device, untimed } = await json('tune', 'drawings', '--task', 'run', '--budget', '600');
  assert.is(untimed, 0);
  assert.is(file, kept());
  const tuning = readTuning(readFileSync(file, 'utf8')) as Tuning;
  assert.is(tuning.device, device);
  assert.is(Object.keys(tuning.ops).length, ops.length);
  kernelsUsed = ops.map(({ chosen }: { chosen: string }) => chosen).sort();
  assert.equal(
    Object.values(tuning.ops)
      .map(({ variant }) => variant)
      .sort(),
    kernelsUsed,
  );
});

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
  assert.ok(convolutions.length > 0);
  for (const { variant } of convolutions) assert.is(variant, 'naive');
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

test('a table for people, and sentences for mistakes', async () => {
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
  ];
  for (const [args, says] of mistakes) {
    const { status, stdout, stderr } = await facet(...args);
    assert.is(status, 2, stderr);
    assert.is(stdout, '');
    assert.match(stderr, says);
    assert.match(stderr, /^facet: [^\n]+\n$/);
  }
});
