// From pixels to what networks take, and what their files say of it; labels and shipped networks.

import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { sum } from '../../src/engine/ops/index.ts';
import {
  findLabel,
  inputSize,
  ModelError,
  type Pixels,
  parseLabels,
  parseModel,
  pixelsToRgb,
  preprocessGraph,
  preprocessPixels,
  presets,
  resample,
  shippedModels,
  unpreprocess,
} from '../../src/models/index.ts';
import { fitLabels, labelsFromMetadata } from '../../src/models/labels.ts';
import { close } from '../support/close.ts';
import { sharedBytes } from '../support/shared.ts';
import { suite } from '../support/suite.ts';

const guesses = suite('guessed preprocessing');

const metadata = { source: 'metadata' };
const unitOf = { order: 'RGB', range: [0, 1], mean: [0], std: [1] };
const caffe = { order: 'BGR', range: [0, 255], mean: [104, 117, 123], std: [1], ...metadata };
const gray = { ...unitOf, order: 'gray', ...metadata };
const rows: [name: string, expected: object, nominal: [number, number]][] = [
  ['googlenet-bvlc', caffe, [224, 224]],
  ['squeezenet1_1-caffe', caffe, [227, 227]],
  ['squeezenet1_1-zoo', { ...presets.imagenet, name: undefined, ...metadata }, [224, 224]],
  ['mobilenet_v2-qat', { ...unitOf, range: [-1, 1], ...metadata }, [224, 224]],
  ['cifar10-resnet2b-adv', { ...presets.cifar10, source: 'family' }, [32, 32]],
  ['cifar10-resnet4b-adv', { ...presets.cifar10, source: 'family' }, [32, 32]],
  [
    'cifar10-convsmall-pgd',
    { ...unitOf, mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201], ...metadata },
    [32, 32],
  ],
  [
    'cifar10-cnn_a-adv',
    { ...unitOf, mean: [0.49137, 0.48235, 0.44667], std: [0.24706, 0.24353, 0.26157], ...metadata },
    [32, 32],
  ],
  ['cifar10-marabou-large-plain', { ...unitOf, mean: [0, 0, 0], std: [1, 1, 1], ...metadata }, [32, 32]],
  ['cifar10-twin-robust', { ...presets.unit, source: 'family' }, [32, 32]],
  ['cifar10-twin-standard', { ...presets.unit, source: 'family' }, [32, 32]],
  ['mnist-convsmall-plain', { ...gray, mean: [0.1307], std: [0.3081] }, [28, 28]],
  ['mnist-cnn_a-adv', gray, [28, 28]],
  ['mnist-kw-eps0.1', gray, [28, 28]],
  ['mnist-madry-tiny-adv', gray, [28, 28]],
];

for (const [name, expected, nominal] of rows) {
  guesses(`of ${name}`, () => {
    const model = parseModel(sharedBytes(`data/models/${name}.onnx`), { name });
    const known = Object.entries(model.preprocess).filter(([, value]) => value !== undefined);
    assert.equal(
      Object.fromEntries(known),
      Object.fromEntries(Object.entries(expected).filter(([, v]) => v !== undefined)),
    );
    assert.equal(model.nominalSize, nominal);
  });
}

const pixels = suite('pixels');

/** A picture of distinct pixels. */
const picture = (width: number, height: number, channels: 1 | 2 | 3 | 4): Pixels => ({
  width,
  height,
  channels,
  data: Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 37 + 11) % 256),
});

pixels('become the input by the formula', () => {
  const { data, shape } = preprocessPixels(picture(2, 1, 3), presets.imagenet);
  assert.equal(shape, [1, 1, 2, 3]);
  const expected = [11, 48, 85, 122, 159, 196].map((v, i) => {
    const { mean, std } = presets.imagenet;
    return (v / 255 - mean[i % 3]) / std[i % 3];
  });
  close(data, expected, { relative: 1e-6 }, 'imagenet');
  const bgr = preprocessPixels(picture(1, 1, 3), presets.caffe);
  close(bgr.data, [85 - 104, 48 - 117, 11 - 123], { absolute: 1e-4 }, 'caffe');
  const tf = preprocessPixels(picture(1, 1, 1), presets.inception);
  close(
    tf.data,
    [11, 11, 11].map((v) => v / 127.5 - 1),
    { absolute: 1e-6 },
    'inception',
  );
  const luma = preprocessPixels(picture(1, 1, 3), presets.gray);
  close(luma.data, [(0.299 * 11 + 0.587 * 48 + 0.114 * 85) / 255], { absolute: 1e-6 }, 'gray');
});

pixels('that are transparent lie on white', () => {
  const data = Uint8Array.of(0, 0, 0, 0, 255, 0, 0, 51);
  close(
    pixelsToRgb({ width: 2, height: 1, channels: 4, data }, [1, 2]),
    [1, 1, 1, 1, 0.8, 0.8],
    { absolute: 1e-6 },
    'rgba',
  );
  close(
    pixelsToRgb({ width: 1, height: 1, channels: 2, data: Uint8Array.of(0, 51) }, [1, 1]),
    [0.8, 0.8, 0.8],
    { absolute: 1e-6 },
    'la',
  );
});

pixels('come back from the input', () => {
  for (const name of ['imagenet', 'caffe', 'inception', 'unit', 'cifar10']) {
    const rgb = pixelsToRgb(picture(3, 2, 3), [2, 3]);
    const input = preprocessPixels(picture(3, 2, 3), presets[name]);
    close(unpreprocess(input.data, presets[name]), rgb, { absolute: 1e-5 }, name);
  }
  const input = preprocessPixels(picture(3, 2, 1), presets.mnist);
  close(unpreprocess(input.data, presets.mnist), pixelsToRgb(picture(3, 2, 1), [2, 3]), { absolute: 1e-6 }, 'mnist');
});

for (const name of ['imagenet', 'caffe', 'inception', 'unit', 'mnist']) {
  pixels(`become the same input in a graph, with gradients: ${name}`, () => {
    const preprocess = presets[name];
    const rgb = pixelsToRgb(picture(4, 3, 3), [3, 4]);
    const graph = new Graph();
    const image = graph.input('image', [1, 3, 4, 3]);
    const input = preprocessGraph(image, preprocess);
    const [dimage] = gradient(sum(input), [image]);
    const { outputs } = interpret(computation({ input, dimage }), { image: rgb });
    close(outputs.input.data, preprocessPixels(picture(4, 3, 3), preprocess).data, { relative: 1e-6 }, 'input');
    // The map is affine, so the slope is a difference.
    const ones = preprocessPixels({ width: 1, height: 1, channels: 3, data: Uint8Array.of(255, 0, 0) }, preprocess);
    const zeros = preprocessPixels({ width: 1, height: 1, channels: 3, data: Uint8Array.of(0, 0, 0) }, preprocess);
    const slope = ones.data.reduce((total, v, i) => total + v - zeros.data[i], 0);
    close([outputs.dimage.data[0]], [slope], { relative: 1e-5 }, 'slope to red');
  });
}

pixels('that are grey already become the same input in a graph', () => {
  const graph = new Graph();
  const input = preprocessGraph(graph.input('image', [1, 2, 3, 1]), presets.mnist);
  const gray = pixelsToRgb(picture(3, 2, 1), [2, 3]).filter((_, i) => i % 3 === 0);
  const { outputs } = interpret(computation({ input }), { image: gray });
  close(outputs.input.data, preprocessPixels(picture(3, 2, 1), presets.mnist).data, { relative: 1e-6 }, 'input');
});

pixels('are refused where their number is wrong', () => {
  const wrong = { ...picture(3, 2, 3), data: new Uint8Array(5) };
  assert.throws(() => preprocessPixels(wrong, presets.unit), /3x2 with 3 channels has 18 bytes, not 5/);
});

const sizes = suite('sizes');

sizes('follow the file, the picture, the nominal size, and the one asked for', () => {
  const open = { input: {}, nominalSize: [224, 227] as const };
  const shut = { input: { height: 32, width: 32 }, nominalSize: [32, 32] as const };
  assert.equal(inputSize(open, { height: 200, width: 320 }), [200, 320]);
  assert.equal(inputSize(open, { height: 200, width: 321 }), [224, 227]);
  assert.equal(inputSize(open, { height: 31, width: 100 }), [224, 227]);
  assert.equal(inputSize(open, { height: 31, width: 100 }, [64, 65]), [64, 65]);
  assert.equal(inputSize(shut, { height: 200, width: 300 }), [32, 32]);
});

sizes('cut the middle of what is too wide, and shrink by the mean', () => {
  const row = Float32Array.from([0, 1, 2, 3].flatMap((v) => [v, v, v]));
  close(
    resample(row, [1, 4], [1, 2]).filter((_, i) => i % 3 === 0),
    [1, 2],
    { absolute: 0 },
    'crop',
  );
  const constant = new Float32Array(90 * 60 * 3).fill(0.25);
  close(resample(constant, [90, 60], [7, 13]), new Float32Array(7 * 13 * 3).fill(0.25), { absolute: 1e-6 }, 'constant');
  // A chessboard of single pixels is gray from afar: without the average it would stay black and white.
  const board = Float32Array.from({ length: 64 * 64 * 3 }, (_, i) => (Math.floor(i / 3) + Math.floor(i / 192)) % 2);
  close(resample(board, [64, 64], [8, 8]), new Float32Array(8 * 8 * 3).fill(0.5), { absolute: 0.02 }, 'chessboard');
  // A ramp stays a ramp when it grows.
  const ramp = Float32Array.from({ length: 8 * 8 * 3 }, (_, i) => Math.floor(i / 3) % 8);
  const grown = resample(ramp, [8, 8], [16, 16]);
  close([grown[8 * 3], grown[9 * 3]], [3.75, 4.25], { absolute: 1e-6 }, 'ramp');
});

const labels = suite('labels');

labels('are read from the texts people have', () => {
  assert.equal(parseLabels('n01440764 tench, Tinca tinca\r\nn01443537 goldfish\n'), ['tench, Tinca tinca', 'goldfish']);
  assert.equal(parseLabels('cat\ndog'), ['cat', 'dog']);
  const from = (key: string, text: string) => labelsFromMetadata(new Map([[key, text]]));
  assert.equal(from('facet.labels', '["a","b, c"]'), ['a', 'b, c']);
  assert.equal(from('names', "{0: 'person', 1: 'bicycle'}"), ['person', 'bicycle']);
  assert.equal(from('labels', 'cat, dog'), ['cat', 'dog']);
  assert.equal(from('other', 'x'), []);
  const words = parseLabels(new TextDecoder().decode(sharedBytes('data/labels/synset_words.txt')));
  assert.is(words.length, 1000);
  assert.is(words[282], 'tiger cat');
});

labels('take in a background class, and refuse another count', () => {
  assert.equal(fitLabels(['a', 'b'], 3), ['background', 'a', 'b']);
  assert.throws(() => fitLabels(['a', 'b'], 5), /2 labels do not fit its 5 outputs/);
});

labels('are found by number and by name', () => {
  const list = ['tench, Tinca tinca', 'tabby, tabby cat', 'tiger cat', 'tiger, Panthera tigris', 'crane', 'crane'];
  assert.is(findLabel(list, '2'), 2);
  assert.is(findLabel(list, 'Tabby'), 1);
  assert.is(findLabel(list, 'tiger'), 3);
  assert.is(findLabel(list, 'tinca'), 0);
  assert.is(findLabel(list, 'tigris'), 3);
  assert.throws(() => findLabel(list, 'crane'), /fits several classes: crane \(4\), crane \(5\)/);
  assert.throws(() => findLabel(list, 'tenhc'), /no class is called "tenhc".*"tench"/);
  assert.throws(() => findLabel(list, '6'), /0\.\.5/);
  assert.throws(() => findLabel(list, '-1'), /class -1 is none of the network's 6/);
  assert.throws(() => findLabel([], 'cat'), /--labels FILE/);
  assert.is(findLabel([], '7', 10), 7);
  try {
    findLabel(list, '');
    assert.unreachable();
  } catch (error) {
    assert.instance(error, ModelError);
  }
});

const shipped = suite('shipped networks');

for (const { id, file, labels: names, preprocess, input } of shippedModels.filter(({ id }) =>
  id.startsWith('cifar10'),
)) {
  shipped(`${id} opens`, () => {
    const model = parseModel(readFileSync(file), { name: id, labels: names, preprocess });
    assert.equal([model.input.channels, ...model.nominalSize], input);
    assert.is(model.labels.length, model.classes);
  });
}
