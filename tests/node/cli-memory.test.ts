// --memory on the command line: many pictures go through in parts, what cannot be cut says what it needs; and a GPU that
// is lost in Node is got back.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { encodeNpy } from '../../cli/npy.ts';
import { openNodeDevice } from '../../src/engine/gpu/dawn.node.ts';
import { compile } from '../../src/engine/gpu/program.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { add, mul, stepCounter } from '../../src/engine/ops/index.ts';
import { facet } from '../support/command.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'facet-memory-'));
const at = (name: string): string => path.join(folder, name);

const test = suite('facet --memory');
test.after(() => rmSync(folder, { recursive: true }));

test('many pictures in little memory give the same bytes', async () => {
  const next = randomNumbers(6);
  const shape = [30, 3, 64, 64];
  const data = Float32Array.from({ length: 30 * 3 * 64 * 64 }, () => next());
  writeFileSync(at('many.npy'), encodeNpy({ shape, data }));
  const run = async (name: string, ...args: string[]) => {
    const input = ['--input', at('many.npy'), '--layers', 'conv2', '--raw', at(name)];
    const { status, stderr } = await facet('run', 'drawings', ...input, ...args);
    assert.is(status, 0, stderr);
    return ['output', 'conv2'].map((array) => readFileSync(path.join(at(name), `${array}.npy`)));
  };
  const whole = await run('whole');
  for (const memory of ['4', '4M', '0.00390625G']) {
    const parts = await run(`parts-${memory}`, '--memory', memory);
    for (const [k, bytes] of parts.entries()) assert.ok(bytes.equals(whole[k]), `array ${k} with --memory ${memory}`);
  }
  const { status, stderr, stdout } = await facet('run', 'drawings', '--input', at('many.npy'), '--memory', '0.25');
  assert.is(status, 1, stderr);
  assert.is(stdout, '');
  assert.match(
    stderr,
    /^facet: run drawings needs [\d.]+ MiB of GPU memory; of the budget of 0\.25 MiB, 0\.00 MiB are in use\. [^\n]+\n$/,
  );
});

test('a visualization says what it needs', async () => {
  const args = ['--objective', 'conv2:3', '--size', '64', '--batch', '9', '--output', at('out.png'), '--memory', '4M'];
  const { status, stdout, stderr } = await facet('visualize', 'drawings', ...args);
  assert.equal({ status, stdout }, { status: 1, stdout: '' });
  assert.match(
    stderr,
    /^facet: visualize needs [\d.]+ MiB of GPU memory; [^\n]*smaller picture or batch[^\n]*--memory[^\n]*\n$/,
  );
});

test('an amount that is none is a wrong argument; the help states the unit', async () => {
  for (const amount of ['much', '0', '-3', '64K']) {
    const { status, stderr } = await facet('run', 'drawings', '--input', at('many.npy'), `--memory=${amount}`);
    assert.is(status, 2, stderr);
    assert.match(stderr, /^facet: [^\n]*--memory[^\n]*MiB[^\n]*\n$/);
  }
  const { stdout } = await facet('run', '--help');
  assert.match(
    stdout.replace(/\s+/g, ' '),
    /--memory <MiB> what all GPU buffers together may take, in MiB, or with a unit: 512M, 2G/,
  );
});

const loss = suite('loss of the GPU in Node');

loss('it is got back from the same Dawn, and again', async () => {
  const device = await openNodeDevice('auto', { memoryMiB: 32 });
  assert.is(device.budgetBytes, 32 * 2 ** 20);
  const graph = new Graph();
  const counter = stepCounter(graph);
  const counting = await compile(device, computation({}, [counter.update]));
  const x = new Graph().input('x', [3]);
  const program = await compile(device, computation({ y: add(mul(x, 2), 1) }));
  const { bytes } = device.memory;
  counting.run(4);
  await counting.checkpoint();
  for (let times = 0; times < 2; times++) {
    const running = program.evaluate({ x: Float32Array.of(1, 2, 3) });
    device.gpu.destroy();
    assert.equal([...(await running).y], [3, 5, 7]);
    const { lost } = device.gpu;
    device.gpu.destroy();
    await lost;
    await device.ready();
    assert.equal([...(await counting.read('step'))], [4]);
    assert.is(device.memory.bytes, bytes);
  }
  program.dispose();
  counting.dispose();
  assert.is(device.memory.bytes, 0);
  device.close();
});
