// What the command line says of files that are no networks, of weights beside a network, and of inputs that do not fit:
// exit code 1 and one line on standard error.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { encodeNpy } from '../../cli/npy.ts';
import { facet } from '../support/command.ts';
import { encodeModel, floatTensor, type TestModel, type TestNode, type TestTensor } from '../support/onnx.ts';
import { suite } from '../support/suite.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'facet-hostile-'));
const at = (name: string): string => path.join(folder, name);

async function refuse(says: RegExp, ...args: string[]): Promise<void> {
  const { status, stdout, stderr } = await facet(...args);
  assert.is(status, 1, stderr);
  assert.is(stdout, '');
  assert.match(stderr, /^facet: [^\n]+\.\n$/);
  assert.match(stderr, says);
}

const conv = (input: string, weight: string, output: string): TestNode => ({
  op: 'Conv',
  name: `make ${output}`,
  inputs: [input, weight],
  outputs: [output],
});
const filters = (name: string, ...shape: number[]): TestTensor =>
  floatTensor(
    name,
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 37) % 19) / 10 - 0.9),
  );
/** Two convolutions with a pooling by 4 between them: pictures from 12 pixels on fit. */
const small = (channels: number, more: Partial<TestModel> = {}): Uint8Array =>
  encodeModel({
    nodes: [
      conv('x', 'w1', 'c1'),
      {
        op: 'MaxPool',
        name: 'pool',
        inputs: ['c1'],
        outputs: ['p'],
        attributes: { kernel_shape: [4, 4], strides: [4, 4] },
      },
      conv('p', 'w2', 'c2'),
      { op: 'GlobalAveragePool', name: 'mean', inputs: ['c2'], outputs: ['y'] },
    ],
    initializers: [filters('w1', 4, channels, 1, 1), filters('w2', 5, 4, 3, 3)],
    inputs: { x: ['N', channels, 'H', 'W'] },
    outputs: ['y'],
    ...more,
  });
/** Its second weight lies in a file. */
const parted = (location: string): Uint8Array =>
  small(3, {
    initializers: [
      filters('w1', 4, 3, 1, 1),
      { name: 'w2', shape: [5, 4, 3, 3], external: { location, offset: '64' } },
    ],
  });
const data = new Uint8Array(new Float32Array(16 + 180).fill(0.25).buffer);
const npy = (name: string, ...shape: number[]): void =>
  writeFileSync(at(name), encodeNpy({ shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5) }));

const files = suite('facet and files that are no networks');
files.before(async () => {
  for (const name of ['own', 'linked', 'piped']) mkdirSync(at(name));
  writeFileSync(at('pointer.onnx'), 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n');
  writeFileSync(at('page.onnx'), '<!DOCTYPE html><html></html>');
  writeFileSync(at('packed.onnx'), gzipSync(small(3)));
  writeFileSync(at('circle.onnx'), small(3, { nodes: [conv('y', 'w1', 'c'), conv('c', 'w2', 'y')] }));
  writeFileSync(at('own/net.onnx'), parted('net.onnx.data'));
  writeFileSync(at('own/net.onnx.data'), data);
  writeFileSync(at('own/short.onnx'), parted('short.data'));
  writeFileSync(at('own/short.data'), data.subarray(0, 100));
  writeFileSync(at('own/up.onnx'), parted('../own/net.onnx.data'));
  writeFileSync(at('linked/net.onnx'), parted('net.onnx.data'));
  symlinkSync('../own/net.onnx.data', at('linked/net.onnx.data'));
  symlinkSync('../own/net.onnx', at('linked/model.onnx'));
  writeFileSync(at('piped/net.onnx'), parted('net.onnx.data'));
  execFileSync('mkfifo', [at('piped/net.onnx.data'), at('piped/model.onnx')]);
  writeFileSync(at('three.onnx'), small(3));
  writeFileSync(at('five.onnx'), small(5));
  npy('three.npy', 1, 3, 16, 16);
  npy('five.npy', 2, 5, 16, 16);
  npy('tiny.npy', 1, 3, 8, 8);
  await sharp({ create: { width: 16, height: 16, channels: 3, background: '#804020' } })
    .png()
    .toFile(at('picture.png'));
});
files.after(() => rmSync(folder, { recursive: true }));

files('names what they are and what to do', async () => {
  await refuse(/is a folder/, 'inspect', folder);
  await refuse(/Git LFS pointer.*git lfs pull/, 'inspect', at('pointer.onnx'));
  await refuse(/web page/, 'inspect', at('page.onnx'));
  await refuse(/gzip/, 'inspect', at('packed.onnx'));
  await refuse(/"make y", "make c"|"make c", "make y"/, 'inspect', at('circle.onnx'));
  await refuse(/device or a pipe/, 'inspect', at('piped/model.onnx'));
});

files('reads weights beside the network, and from nowhere else', async () => {
  for (const name of ['own/net.onnx', 'linked/model.onnx']) {
    const { status, stdout, stderr } = await facet('inspect', at(name), '--json');
    assert.is(status, 0, stderr);
    assert.is(JSON.parse(stdout).totals.parameters, 12 + 180);
  }
  await refuse(/takes bytes 64 to 784 of "short.data", which ends before/, 'inspect', at('own/short.onnx'));
  await refuse(/"..\/own\/net.onnx.data", which is no file in the model's own folder/, 'inspect', at('own/up.onnx'));
  await refuse(/a link out of the model's folder/, 'inspect', at('linked/net.onnx'));
  await refuse(/no plain file/, 'inspect', at('piped/net.onnx'));
  rmSync(at('own/net.onnx.data'));
  await refuse(/"net.onnx.data", which is not there/, 'inspect', at('own/net.onnx'));
});

files('says which shapes of inputs do not fit', async () => {
  const run = (network: string, input: string): string[] => ['run', at(network), '--input', at(input)];
  await refuse(/has the shape \[2,5,16,16\].*takes \[N,3,H,W\]/, ...run('three.onnx', 'five.npy'));
  await refuse(/has the shape \[1,3,16,16\].*takes \[N,5,H,W\]/, ...run('five.onnx', 'three.npy'));
  await refuse(/does not take pictures of 8x8: node "make c2" \(Conv\)/, ...run('three.onnx', 'tiny.npy'));
  await refuse(/no picture can be given to it.*\.npy/, ...run('five.onnx', 'picture.png'));
  const { status, stdout, stderr } = await facet(...run('five.onnx', 'five.npy'), '--json');
  assert.is(status, 0, stderr);
  assert.is(JSON.parse(stdout).inputs.length, 2);
});
