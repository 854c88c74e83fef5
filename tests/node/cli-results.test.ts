// What `facet run`, `attribute` and `visualize` compute and write: recorded numbers, pictures, the same bytes for the same
// seed. On whatever adapter `auto` finds.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { decodeNpy } from '../../cli/npy.ts';
import { newFolder, writeCifarFiles } from '../support/cifarFiles.ts';
import { close } from '../support/close.ts';
import { json, refuse, start, succeed } from '../support/command.ts';
import { type Golden, goldenManifest, sharedArray, sharedBytes } from '../support/shared.ts';
import { suite } from '../support/suite.ts';

const folder = newFolder('results');
const at = (name: string): string => path.join(folder, name);
const twin = 'cifar10-twin-robust';

const test = suite('facet at work');
test.before(() => writeCifarFiles(folder));
test.after(() => rmSync(folder, { recursive: true }));

test('runs arrays: recorded logits and activations, one row an input', async () => {
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

  const halves = ['--input', at('cifar.npy'), '--raw', at('raw/halves'), '--weights', 'float16'];
  const rounded = await json('run', at('cifar10.onnx'), ...halves);
  assert.is(rounded.weights, 'float16');
  assert.is(rounded.inputs[0].top[0].class, top.class);
  const half = decodeNpy(readFileSync(at('raw/halves/output.npy')), 'output');
  close(first(half), recorded('logits'), { relative: 2e-3 }, 'logits of weights in halves');
  assert.not.equal(half.data, output.data);
});

test('runs pictures, upright as their EXIF data say, in one batch', async () => {
  const args = ['--input', at('picture.png'), '--input', at('turned.jpg'), '--raw', at('raw')];
  const text = await succeed('run', twin, ...args);
  assert.match(text, /picture\.png \(32x32\)/);
  assert.match(text, /(airplane|automobile|bird|cat|deer|dog|frog|horse|ship|truck)\n/);
  const { shape } = decodeNpy(readFileSync(at('raw/output.npy')), 'output');
  assert.equal(shape, [2, 10]);
});

test('attributes: recorded numbers, a picture of the picture size', async () => {
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

test('attributes to a layer: its own shape, and sums over channels or places', async () => {
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

test('visualizes: frames, history, and the same bytes for the same seed', async () => {
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

test('keeps what is finished when it is interrupted', async () => {
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
  const { child, done } = start(['visualize', at('cifar10.onnx'), ...args]);
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

test(
  'ends at once when it is interrupted while kernels are compiled',
  async () => {
    writeFileSync(at('squeezenet.onnx'), sharedBytes('data/models/squeezenet1_1-caffe.onnx'));
    const args = [
      'visualize',
      at('squeezenet.onnx'),
      '--objective',
      'logit:1',
      '--steps',
      '1',
      '--output',
      at('no.png'),
    ];
    // Nothing is said before the first step, so the moment is searched for. Threads of the driver compile at that moment:
    // whether they live through the end of the process is seen in some of the runs, if they do not.
    let ended = 0;
    for (let wait = 300; wait < 20_000 && ended < 10; wait += Math.max(50, wait / 10)) {
      const { child, done } = start(args);
      await new Promise((resolve) => setTimeout(resolve, wait));
      const began = performance.now();
      child.kill('SIGINT');
      const { status, stdout, stderr } = await done;
      if (!/before the first step/.test(stderr)) continue;
      assert.ok(performance.now() - began < 2000, `${performance.now() - began} ms`);
      assert.is(status, 1); // null: a signal ended it
      assert.is(stdout, '');
      assert.is(stderr, 'facet: stopped before the first step. Nothing is written.\n');
      assert.not.ok(existsSync(at('no.png')));
      ended++;
    }
    assert.ok(ended > 0, 'Ctrl-C never came while kernels were compiled');
  },
  { timeoutSeconds: 300 },
);

test('writes over nothing that it reads', async () => {
  const picture = at('precious.png');
  await sharp({ create: { width: 32, height: 32, channels: 3, background: '#804020' } })
    .png()
    .toFile(picture);
  const before = readFileSync(picture);
  const attribute = ['attribute', at('cifar10.onnx'), '--input', picture, '--method', 'gradient'];
  await refuse(2, [/precious\.png/, /is read/], ...attribute, '--output', picture);
  await refuse(2, [/cifar10\.onnx/, /is read/], ...attribute, '--raw', at('cifar10.onnx'));
  await refuse(2, [/named for two outputs/], ...attribute, '--output', at('twice.png'), '--raw', at('twice.png'));
  assert.ok(before.equals(readFileSync(picture)));
});
