// The `facet` command as a user or a script meets it: what it explains, lists and refuses, where it says so, and with which
// exit code.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { encodeNpy } from '../../cli/npy.ts';
import { parseModel } from '../../src/models/index.ts';
import { newFolder, writeCifarFiles } from '../support/cifarFiles.ts';
import { facet, json, refuse, succeed } from '../support/command.ts';
import { encodeModel, encodeTensor, floatTensor } from '../support/onnx.ts';
import { sharedArray, sharedBytes } from '../support/shared.ts';
import { suite } from '../support/suite.ts';

const folder = newFolder('cli');
const at = (name: string): string => path.join(folder, name);
const twin = 'cifar10-twin-robust';

async function prepareFiles(): Promise<void> {
  writeFileSync(at('empty.png'), '');
  writeFileSync(at('words.png'), 'no picture');
  writeFileSync(at('words.onnx'), 'These are words, not a network.\n');
  writeFileSync(at('cut.onnx'), readFileSync(`assets/${twin}.onnx`).subarray(0, 1_000_000));
  writeFileSync(at('wrong.npy'), encodeNpy({ shape: [1, 3, 32, 30], data: new Float32Array(2880) }));
  writeFileSync(at('right.npy'), encodeNpy({ shape: [1, 3, 32, 32], data: new Float32Array(3072) }));
  writeFileSync(at('unknown.onnx'), unknownOperator());
  await writeCifarFiles(folder);
}

const unknownOperator = (): Uint8Array =>
  encodeModel({
    nodes: [
      { op: 'Conv', name: 'first', inputs: ['x', 'w'], outputs: ['y'] },
      { op: 'GridSample', name: 'odd', inputs: ['y', 'y'], outputs: ['z'] },
    ],
    initializers: [floatTensor('w', [1, 3, 1, 1], [1, 1, 1])],
    inputs: { x: [1, 3, 8, 8] },
    outputs: ['z'],
  });

const test = suite('facet');
test.before(prepareFiles);
test.after(() => rmSync(folder, { recursive: true }));

test('explains itself', async () => {
  const [help, own, version] = await Promise.all([
    succeed('--help'),
    succeed('visualize', '--help'),
    succeed('--version'),
  ]);
  for (const command of ['inspect', 'run', 'visualize', 'attribute', 'serve', 'models', 'devices']) {
    assert.match(help, new RegExp(`^  ${command}\\b`, 'm'));
  }
  for (const option of ['--objective', '--thresholds', '--adapter', '--json', '--seed'])
    assert.ok(own.includes(option));
  assert.is(version, `${JSON.parse(readFileSync('package.json', 'utf8')).version}\n`);
});

test('refuses wrong arguments with code 2', async () => {
  const gradient = ['attribute', twin, '--input', at('picture.png'), '--method', 'gradient'];
  const visualize = ['visualize', twin, '--output', at('never.png'), '--objective'];
  await Promise.all([
    refuse(2, [/name a command/, /inspect, run/]),
    refuse(2, [/no command "visulize"/, /Did you mean "visualize"/], 'visulize'),
    refuse(2, [/unknown option '--bogus'/], 'models', '--bogus'),
    refuse(2, [/--input/], 'run', twin),
    refuse(2, [/--size/, /HEIGHTxWIDTH/], 'run', twin, '--input', at('picture.png'), '--size', 'big'),
    refuse(2, [/gradient, .*grad-cam/], 'attribute', twin, '--input', at('picture.png'), '--method', 'magic'),
    refuse(2, [/--steps means nothing to gradient/], ...gradient, '--steps', '5'),
    refuse(2, [/preprocessing "odd"/, /imagenet/], 'run', twin, '--input', at('picture.png'), '--preprocess', 'odd'),
    refuse(2, [/a term is missing/], ...visualize, 'logit:1 +'),
    refuse(2, [/threshold 20 lies beyond --steps 10/], ...visualize, 'logit:1', '--steps', '10', '--thresholds', '20'),
    refuse(2, [/never\.gif/, /\.png/], 'visualize', twin, '--objective', 'logit:1', '--output', at('never.gif')),
  ]);
});

test('says of a network what is wrong with it', async () => {
  await Promise.all([
    refuse(1, [/no model file/, /gone\.onnx/], 'inspect', at('gone.onnx')),
    refuse(1, [/"nonesuch"/, /facet models/], 'inspect', 'nonesuch'),
    refuse(1, [/"cut" is no whole ONNX file/], 'inspect', at('cut.onnx')),
    refuse(1, [/"words" is a text/], 'run', at('words.onnx'), '--input', at('picture.png')),
    refuse(1, [/http:\/\/127\.0\.0\.1:9\/x\.onnx cannot be fetched/], 'inspect', 'http://127.0.0.1:9/x.onnx'),
  ]);
  const { status, stdout, stderr } = await facet('inspect', at('unknown.onnx'), '--json');
  assert.is(status, 1);
  assert.match(stderr, /^facet: [^\n]*GridSample at "odd"[^\n]*\n$/);
  const { ops, problems, reached } = JSON.parse(stdout);
  assert.equal(ops, [
    { op: 'Conv', count: 1, supported: true },
    { op: 'GridSample', count: 1, supported: false },
  ]);
  assert.equal(problems, [{ node: 'odd', op: 'GridSample', domain: '', why: 'is no operator that Facet knows' }]);
  assert.equal(reached, ['y']);
  const listed = await facet('inspect', at('unknown.onnx'));
  assert.match(listed.stdout, /node +op +why[^\n]*\nodd +GridSample +is no operator[^\n]*\n\n1 layer depends/);
});

test('says of inputs what is wrong with them', async () => {
  const run = (input: string, ...more: string[]) => ['run', twin, '--input', at(input), ...more];
  const attribute = ['attribute', twin, '--input', at('picture.png'), '--method', 'gradient'];
  await Promise.all([
    refuse(1, [/gone\.png/, /no such file/], ...run('gone.png')),
    refuse(1, [/empty\.png/, /0 bytes/], ...run('empty.png')),
    refuse(1, [/words\.png/, /cannot be read/], ...run('words.png')),
    refuse(1, [/\[1,3,32,30\]/, /\[N,3,32,32\]/], ...run('wrong.npy')),
    refuse(2, [/32x32, not 64x64/, /Leave --size out/], ...run('picture.png', '--size', '64')),
    refuse(2, [/32x32, not 64x64/], 'inspect', twin, '--size', '64'),
    refuse(2, [/is 32x32/, /Leave --size out/], 'run', 'drawings', '--input', at('right.npy'), '--size', '48'),
    refuse(1, [/label file/, /gone\.txt/], ...run('picture.png', '--labels', at('gone.txt'))),
    refuse(2, [/no layer "nowhere"/, /nearest/], ...run('picture.png', '--layers', 'nowhere', '--raw', at('raw'))),
    refuse(2, [/"zebra"/, /deer/], ...attribute, '--target', 'zebra'),
    refuse(2, [/is a file, so no folder/], ...attribute, '--output', at('picture.png/heat.png')),
  ]);
});

test('says of an objective what is wrong with it, before the GPU is opened', async () => {
  const visualize = (objective: string) => ['visualize', at('cifar10.onnx'), '--objective', objective];
  await Promise.all([
    refuse(2, [/no layer "nowhere"/, /nearest/], ...visualize('nowhere:1')),
    refuse(2, [/channels 0 to 15/, /no channel 99/], ...visualize('/1/Relu_output_0:99')),
    refuse(2, [/classes 0 to 9/], ...visualize('logit:10')),
    refuse(1, [/gone\.npy/], ...visualize(`direction:${at('gone.npy')}@/1/Relu_output_0`)),
  ]);
});

test('shows where an error comes from when asked', async () => {
  const { stderr } = await facet('inspect', at('gone.onnx'), '--verbose');
  assert.match(stderr, /^facet: .*\n.*\n\s+at /);
});

test('tells the memory, the blocks and the layers before activations', async () => {
  const one = await json('inspect', twin);
  assert.is(one.memory.weights, 4 * one.totals.parameters + 24); // and the mean and deviation that it takes off
  assert.ok(one.memory.forward.planned < one.memory.gradient.planned);
  const five = await json('inspect', twin, '--batch', '5');
  assert.is(five.memory.forward.unshared, 5 * one.memory.forward.unshared);
  const relu = one.layers.find(({ name }: { name: string }) => name === '/l1/Relu_1_output_0');
  assert.equal([relu.block, relu.preRelu, relu.sees[0].size], ['l1', '/l1/Add_output_0', 9]);
  assert.match(await succeed('inspect', twin), /\nl1\n {2}\/l1\/c\/Conv_output_0 +Conv/);
});

test('runs self-tests: of the metadata, and of folders beside the file', async () => {
  const stored = await json('inspect', 'drawings', '--self-test');
  assert.is(stored.selfTest.results[0].agrees, true, JSON.stringify(stored.selfTest));

  const model = parseModel(sharedBytes('data/models/cifar10-convsmall-pgd.onnx'));
  const { shape, data } = sharedArray('golden/inputs/cifar-convsmall.npy');
  const logits = sharedArray('golden/cifar10-convsmall-pgd.0.logits.npy');
  mkdirSync(at('zoo/test_data_set_0'), { recursive: true });
  writeFileSync(at('zoo/net.onnx'), sharedBytes('data/models/cifar10-convsmall-pgd.onnx'));
  const write = (file: string, size: readonly number[], numbers: ArrayLike<number>) =>
    writeFileSync(at(`zoo/test_data_set_0/${file}`), encodeTensor(floatTensor('t', size, Array.from(numbers))));
  write('input_0.pb', [1, ...shape.slice(1)], data.subarray(0, data.length / shape[0]));
  write('output_0.pb', [1, model.classes], logits.data);
  assert.is((await json('inspect', at('zoo/net.onnx'), '--self-test')).selfTest.results[0].agrees, true);
  write(
    'output_0.pb',
    [1, model.classes],
    logits.data.map((logit, k) => logit + (k === 3 ? 0.1 : 0)),
  );
  const { status, stdout, stderr } = await facet('inspect', at('zoo/net.onnx'), '--self-test');
  assert.is(status, 1);
  assert.match(stdout, /self-test +DISAGREES with [^\n]*test_data_set_0: largest difference 0\.100/);
  assert.match(stderr, /^facet: model "net" disagrees with [^\n]*difference of 0\.100[^\n]*\n$/);
  await refuse(1, [/"cifar10" carries no self-test/], 'inspect', at('cifar10.onnx'), '--self-test');
});

test('lists layers, networks and devices', async () => {
  const inspected = await json('inspect', at('cifar10.onnx'));
  assert.equal(inspected.totals.parameters, 125_318);
  assert.equal(inspected.layers[0].shape, [16, 15, 15]);
  assert.is(inspected.preprocess.source, 'metadata');
  assert.match(await succeed('inspect', at('cifar10.onnx')), /\/0\/Conv_output_0 +Conv +\[16,15,15\] +4x4 +784/);
  const { models } = await json('models');
  assert.is(models.find(({ id }: { id: string }) => id === twin).classes, 10);
  const { adapters } = await json('devices');
  assert.ok(adapters.length > 0 && adapters[0].limits.maxBufferSize > 0);
});
