// The `facet` command as a user or a script meets it: what it prints, where, and with which exit code; what it writes.
// Commands that compute run on whatever adapter `auto` finds.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { decodeNpy, encodeNpy } from '../../cli/npy.ts';
import { parseModel } from '../../src/models/index.ts';
import { close } from '../support/close.ts';
import { parseNpy } from '../support/npy.ts';
import { encodeModel, encodeTensor, floatTensor } from '../support/onnx.ts';
import { type Golden, goldenManifest, sharedArray, sharedBytes } from '../support/shared.ts';
import { suite } from '../support/suite.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'facet-cli-'));
const at = (name: string): string => path.join(folder, name);
const twin = 'cifar10-twin-robust';

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(...args: string[]): { child: ChildProcess; done: Promise<Result> } {
  const child = spawn(process.execPath, ['cli/facet.mjs', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => (stderr += text));
  const done = new Promise<Result>((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })));
  return { child, done };
}

const facet = (...args: string[]): Promise<Result> => start(...args).done;

async function succeed(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await facet(...args);
  assert.is(status, 0, stderr);
  return stdout;
}

/** Runs with --json; standard output must be one object and nothing else, standard error nothing but progress of long work. */
async function json(...args: string[]) {
  const { status, stdout, stderr } = await facet(...args, '--json');
  assert.is(status, 0, stderr);
  assert.match(stderr, /^(\S+ \d+\/\d+.*\n)*$/);
  assert.is(stdout.trimEnd().split('\n').length, 1, stdout);
  return JSON.parse(stdout);
}

/** A mistake: nothing on standard output, one line on standard error that names what is asked for here. */
async function refuse(status: number, says: readonly RegExp[], ...args: string[]): Promise<void> {
  const result = await facet(...args);
  assert.is(result.status, status, result.stderr);
  assert.is(result.stdout, '');
  assert.match(result.stderr, /^facet: [^\n]+\n$/);
  for (const text of says) assert.match(result.stderr, text);
}

function prepareFiles(): Promise<unknown> {
  writeFileSync(at('empty.png'), '');
  writeFileSync(at('words.png'), 'no picture');
  writeFileSync(at('words.onnx'), 'These are words, not a network.\n');
  writeFileSync(at('cut.onnx'), readFileSync(`assets/${twin}.onnx`).subarray(0, 1_000_000));
  writeFileSync(at('cifar10.onnx'), sharedBytes('data/models/cifar10-convsmall-pgd.onnx'));
  writeFileSync(at('cifar.npy'), sharedBytes('golden/inputs/cifar-convsmall.npy'));
  writeFileSync(at('wrong.npy'), encodeNpy({ shape: [1, 3, 32, 30], data: new Float32Array(2880) }));
  writeFileSync(at('unknown.onnx'), unknownOperator());
  const pixels = Buffer.from(Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 37) % 251));
  const picture = sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } });
  return Promise.all([
    picture.clone().png().toFile(at('picture.png')),
    picture.clone().jpeg().withMetadata({ orientation: 6 }).toFile(at('turned.jpg')),
  ]);
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

const npy = suite('npy');

npy('gives back what was written, as NumPy lays it out', () => {
  for (const shape of [[], [3], [2, 3], [1, 2, 3, 1]]) {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i / 3 - 1);
    const bytes = encodeNpy({ shape, data });
    assert.is((bytes.length - 4 * data.length) % 64, 0);
    assert.equal(decodeNpy(bytes, 'x'), { shape, data });
    assert.equal(parseNpy(bytes, 'x'), { shape, data });
  }
});

npy('reads float64 and uint8, and says what it cannot read', () => {
  const file = (header: string, bytes: Uint8Array): Uint8Array => {
    const text = `{${header}}`.padEnd(117) + '\n';
    return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'), Buffer.from(text), bytes]);
  };
  const rest = "'fortran_order': False, 'shape': (2,), ";
  const doubles = new Uint8Array(Float64Array.of(1.5, -2).buffer);
  assert.equal([...decodeNpy(file(`'descr': '<f8', ${rest}`, doubles), 'x').data], [1.5, -2]);
  assert.equal([...decodeNpy(file(`'descr': '|u1', ${rest}`, Uint8Array.of(7, 255)), 'x').data], [7, 255]);
  const says = (bytes: Uint8Array, message: RegExp) => assert.throws(() => decodeNpy(bytes, 'x.npy'), message);
  says(file(`'descr': '<i8', ${rest}`, new Uint8Array(16)), /"x.npy" holds numbers of type <i8.*float32/);
  says(file(`'descr': '<f4', ${rest}`, new Uint8Array(4)), /has 4 bytes of numbers; \[2\] of <f4 needs 8/);
  says(file(`'descr': '<f4', ${rest}`, new Uint8Array(Float32Array.of(1, Number.NaN).buffer)), /NaN at place 1/);
  says(file("'descr': '<f4', 'fortran_order': True, 'shape': (2,), ", new Uint8Array(8)), /Fortran order/);
  says(new Uint8Array(40), /no \.npy file/);
  says(new Uint8Array(0), /empty/);
});

const words = suite('facet');
words.before(async () => void (await prepareFiles()));

words('explains itself', async () => {
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

words('refuses wrong arguments with code 2', async () => {
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

words('says of a network what is wrong with it', async () => {
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

words('says of inputs what is wrong with them', async () => {
  const run = (input: string, ...more: string[]) => ['run', twin, '--input', at(input), ...more];
  const attribute = ['attribute', twin, '--input', at('picture.png'), '--method', 'gradient'];
  await Promise.all([
    refuse(1, [/gone\.png/, /no such file/], ...run('gone.png')),
    refuse(1, [/empty\.png/, /0 bytes/], ...run('empty.png')),
    refuse(1, [/words\.png/, /cannot be read/], ...run('words.png')),
    refuse(1, [/\[1,3,32,30\]/, /\[N,3,32,32\]/], ...run('wrong.npy')),
    refuse(1, [/32x32, not 64x64/], ...run('picture.png', '--size', '64')),
    refuse(1, [/label file/, /gone\.txt/], ...run('picture.png', '--labels', at('gone.txt'))),
    refuse(2, [/no layer "nowhere"/, /nearest/], ...run('picture.png', '--layers', 'nowhere', '--raw', at('raw'))),
    refuse(2, [/"zebra"/, /deer/], ...attribute, '--target', 'zebra'),
    refuse(1, [/is a file, so no folder/], ...attribute, '--output', at('picture.png/heat.png')),
  ]);
});

words('says of an objective what is wrong with it, before the GPU is opened', async () => {
  const visualize = (objective: string) => ['visualize', at('cifar10.onnx'), '--objective', objective];
  await Promise.all([
    refuse(2, [/no layer "nowhere"/, /nearest/], ...visualize('nowhere:1')),
    refuse(2, [/channels 0 to 15/, /no channel 99/], ...visualize('/1/Relu_output_0:99')),
    refuse(2, [/classes 0 to 9/], ...visualize('logit:10')),
    refuse(1, [/gone\.npy/], ...visualize(`direction:${at('gone.npy')}@/1/Relu_output_0`)),
  ]);
});

words('shows where an error comes from when asked', async () => {
  const { stderr } = await facet('inspect', at('gone.onnx'), '--verbose');
  assert.match(stderr, /^facet: .*\n.*\n\s+at /);
});

words('tells the memory, the blocks and the layers before activations', async () => {
  const one = await json('inspect', twin);
  assert.is(one.memory.weights, 4 * one.totals.parameters + 24); // and the mean and deviation that it takes off
  assert.ok(one.memory.forward.planned < one.memory.gradient.planned);
  const five = await json('inspect', twin, '--batch', '5');
  assert.is(five.memory.forward.unshared, 5 * one.memory.forward.unshared);
  const relu = one.layers.find(({ name }: { name: string }) => name === '/l1/Relu_1_output_0');
  assert.equal([relu.block, relu.preRelu, relu.sees[0].size], ['l1', '/l1/Add_output_0', 9]);
  assert.match(await succeed('inspect', twin), /\nl1\n {2}\/l1\/c\/Conv_output_0 +Conv/);
});

words('runs self-tests: of the metadata, and of folders beside the file', async () => {
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

words('lists layers, networks and devices', async () => {
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

const work = suite('facet at work');
work.after(() => rmSync(folder, { recursive: true }));

work('runs arrays: recorded logits and activations, one row an input', async () => {
  const layer = '/1/Relu_output_0';
  const args = ['--input', at('cifar.npy'), '--raw', at('raw/of'), '--layers', layer, '--top', '3'];
  const result = await json('run', at('cifar10.onnx'), ...args);
  const output = decodeNpy(readFileSync(at('raw/of/output.npy')), 'output');
  const layers = decodeNpy(readFileSync(at('raw/of/_1_Relu_output_0.npy')), 'layer');
  const rows = sharedArray('golden/inputs/cifar-convsmall.npy').shape[0];
  assert.equal(output.shape, [rows, 10]);
  assert.equal(layers.shape, [rows, 16, 15, 15]);
  const first = ({ data, shape }: typeof output) => data.subarray(0, data.length / shape[0]);
  const recorded = (name: string) => sharedArray(`golden/cifar10-convsmall-pgd.0.${name}.npy`).data;
  close(first(output), recorded('logits'), { relative: 1e-5 }, 'logits');
  close(first(layers), recorded('act._1_Relu_output_0'), { relative: 1e-5 }, layer);
  assert.is(result.inputs.length, rows);
  const [top] = result.inputs[0].top;
  assert.is(top.class, output.data.subarray(0, 10).indexOf(Math.max(...output.data.subarray(0, 10))));
  assert.is(result.inputs[0].top.length, 3);
  assert.ok(top.probability > 0 && top.probability <= 1);
});

work('runs pictures, upright as their EXIF data say, in one batch', async () => {
  const args = ['--input', at('picture.png'), '--input', at('turned.jpg'), '--raw', at('raw')];
  const text = await succeed('run', twin, ...args);
  assert.match(text, /picture\.png \(32x32\)/);
  assert.match(text, /(airplane|automobile|bird|cat|deer|dog|frog|horse|ship|truck)\n/);
  const { shape } = decodeNpy(readFileSync(at('raw/output.npy')), 'output');
  assert.equal(shape, [2, 10]);
});

work('attributes: recorded numbers, a picture of the picture size', async () => {
  const common = ['attribute', at('cifar10.onnx'), '--input', at('cifar.npy')];
  const golden = (name: string) => sharedArray(`golden/cifar10-convsmall-pgd.0.${name}.npy`);
  const { target } = recorded('gradient');
  await json(...common, '--method', 'gradient', '--target', String(target), '--raw', at('gradient.npy'));
  const gradient = decodeNpy(readFileSync(at('gradient.npy')), 'gradient');
  const size = gradient.data.length / gradient.shape[0];
  assert.equal(gradient.shape.slice(1), [3, 32, 32]);
  close(gradient.data.subarray(0, size), golden('gradient').data, { relative: 1e-5 }, 'gradient');

  const layer = recorded('grad_cam').layer as string;
  const cam = [...common, '--method', 'grad-cam', '--target', String(target), '--layer', layer, '--raw', at('cam.npy')];
  const readCam = () => decodeNpy(readFileSync(at('cam.npy')), 'grad-cam').data;
  await json(...cam, '--relu', 'off');
  const signed = readCam();
  close(signed.subarray(0, 36), golden('grad_cam').data, { relative: 1e-5 }, 'grad-cam');
  await json(...cam);
  close(
    readCam(),
    signed.map((value) => Math.max(0, value)),
    {},
    'grad-cam with ReLU',
  );

  const picture = ['attribute', twin, '--input', at('picture.png'), '--method', 'grad-cam'];
  const result = await json(...picture, '--output', at('heat.png'));
  assert.is(result.target.chosen, 'likeliest');
  assert.is(result.evaluations, 1);
  const { width, height } = await sharp(at('heat.png')).metadata();
  assert.equal([width, height], [32, 32]);
});

work('attributes to a layer: its own shape, and sums over channels or places', async () => {
  const read = (name: string) => decodeNpy(readFileSync(at(name)), name);
  const layer = recorded('grad_cam').layer as string;
  const common = ['attribute', at('cifar10.onnx'), '--input', at('cifar.npy'), '--layer', layer, '--target', '3'];
  const path = [...common, '--method', 'integrated-gradients', '--steps', '8', '--raw'];
  const whole = await json(...path, at('whole.npy'));
  const [count, channels, height, width] = read('whole.npy').shape;
  assert.equal(whole.results[0].shape, [1, channels, height, width]);
  await json(...path, at('channels.npy'), '--sum', 'channels');
  assert.equal(read('channels.npy').shape, [count, channels]);
  await json(...path, at('space.npy'), '--sum', 'space', '--output', at('space.png'));
  assert.equal(read('space.npy').shape, [count, 1, height, width]);
  const total = (name: string) => read(name).data.reduce((sum, value) => sum + value, 0);
  for (const name of ['channels.npy', 'space.npy']) {
    close([total(name)], [total('whole.npy')], { absolute: 1e-4 }, name);
  }
  await refuse(
    2,
    [/--sum/, /one a feature/],
    'attribute',
    twin,
    '--input',
    at('picture.png'),
    '--method',
    'shapley',
    '--sum',
    'space',
  );
  await refuse(
    2,
    [/--layer means nothing to xrai/],
    'attribute',
    twin,
    '--input',
    at('picture.png'),
    '--method',
    'xrai',
    '--layer',
    'x',
  );
});

const recorded = (name: string): Golden =>
  goldenManifest().find(({ file }) => file === `cifar10-convsmall-pgd.0.${name}.npy`) as Golden;

work('visualizes: frames, history, and the same bytes for the same seed', async () => {
  const visualize = (name: string, seed: string) => {
    mkdirSync(at(name));
    const args = [
      '--steps',
      '20',
      '--thresholds',
      '0,4',
      '--output',
      at(`${name}/out.png`),
      '--raw',
      at(`${name}/out.npy`),
    ];
    return json('visualize', at('cifar10.onnx'), '--objective', 'logit:cat', '--seed', seed, ...args);
  };
  const first = await visualize('one', '7');
  await visualize('two', '7');
  await visualize('other', '8');
  const files = ['out-0.png', 'out-4.png', 'out.npy', 'out.png'];
  assert.equal(readdirSync(at('one')).sort(), files);
  for (const file of files) {
    const [one, two, other] = ['one', 'two', 'other'].map((name) => readFileSync(at(`${name}/${file}`)));
    assert.ok(one.equals(two), `${file} differs between two runs of one seed`);
    assert.not(one.equals(other), `${file} is the same for two seeds`);
  }
  assert.equal(decodeNpy(readFileSync(at('one/out.npy')), 'out').shape, [1, 3, 32, 32]);
  assert.is(first.objective.text, 'logit:3');
  assert.is(first.objective.history.length, 20);
  assert.is(first.objective.first, first.objective.history[0]);
  assert.ok(first.objective.last > first.objective.first, `${first.objective.first} -> ${first.objective.last}`);
  assert.equal(
    first.frames.map(({ step }: { step: number }) => step),
    [0, 4, 20],
  );
  assert.ok(first.peakBytes > 0 && first.secondsPerStep > 0);
});

work('keeps what is finished when it is interrupted', async () => {
  const args = [
    '--objective',
    'logit:1',
    '--steps',
    '1000000',
    '--thresholds',
    '0,2,1000000',
    '--output',
    at('stop.png'),
  ];
  const { child, done } = start('visualize', at('cifar10.onnx'), ...args);
  while (!existsSync(at('stop-2.png')) && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill('SIGINT');
  const { status, stdout, stderr } = await done;
  assert.is(status, 1);
  assert.is(stdout, '');
  assert.match(stderr, /facet: stopped after step \d+ of 1000000; .*stop\.png/);
  assert.is((await sharp(at('stop.png')).metadata()).width, 32);
  assert.is(readdirSync(folder).filter((name) => name.endsWith('.tmp')).length, 0);
});

work('writes over nothing that it reads', async () => {
  const picture = at('precious.png');
  await sharp({ create: { width: 32, height: 32, channels: 3, background: '#804020' } })
    .png()
    .toFile(picture);
  const before = readFileSync(picture);
  const attribute = ['attribute', at('cifar10.onnx'), '--input', picture, '--method', 'gradient'];
  await refuse(1, [/precious\.png/, /is read/], ...attribute, '--output', picture);
  await refuse(1, [/cifar10\.onnx/, /is read/], ...attribute, '--raw', at('cifar10.onnx'));
  await refuse(1, [/named for two outputs/], ...attribute, '--output', at('twice.png'), '--raw', at('twice.png'));
  assert.ok(before.equals(readFileSync(picture)));
});

work('serves the page to this machine alone, and nothing beside it', async () => {
  const { child, done } = start('serve', '--port', '0');
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (text) => resolve(/http:\S+/.exec(String(text))?.[0] ?? ''));
    done.then(({ stderr }) => reject(new Error(stderr)));
  });
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  const page = await fetch(url);
  assert.is(page.status, 200);
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  assert.is((await fetch(`${url}..%2f..%2fpackage.json`)).status, 404);
  assert.is((await fetch(`${url}assets`)).status, 404);
  const script = /src="([^"]+\.js)"/.exec(await page.text())?.[1] ?? '';
  assert.match((await fetch(new URL(script, url))).headers.get('content-type') ?? '', /^text\/javascript/);
  const { totals } = await json('inspect', `${url}assets/${twin}.onnx`);
  assert.ok(totals.parameters > 500_000);
  child.kill('SIGINT');
  assert.is((await done).status, 0);
});

work('says that a port is taken', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await refuse(1, [new RegExp(`port ${port} is taken`), /--port/], 'serve', '--port', String(port));
  server.close();
});
