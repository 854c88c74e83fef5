// Odd files: tensors in every form they come in, and networks that cannot be opened.

import * as assert from 'uvu/assert';
import { type ExternalReader, ModelError, parseModel } from '../../src/models/index.ts';
import { close } from '../support/close.ts';
import { floatTensor, type TestNode, type TestTensor } from '../support/onnx.ts';
import { C, H, modelOf, N, node, run, table, W, x } from '../support/onnx-run.ts';
import { suite } from '../support/suite.ts';

const tensors = suite('tensors');

const half = (bits: readonly number[]) => new Uint8Array(Uint16Array.from(bits).buffer);
const kinds: [name: string, tensor: Omit<TestTensor, 'name' | 'shape'>][] = [
  ['float32 as raw bytes', { raw: new Uint8Array(Float32Array.of(1, -2, 0.5).buffer) }],
  ['float32 as numbers', { floats: [1, -2, 0.5] }],
  ['float64 as raw bytes', { type: 11, raw: new Uint8Array(Float64Array.of(1, -2, 0.5).buffer) }],
  ['float64 as numbers', { type: 11, doubles: [1, -2, 0.5] }],
  ['float16 as raw bytes', { type: 10, raw: half([0x3c00, 0xc000, 0x3800]) }],
  ['float16 as bits in int32', { type: 10, int32s: [0x3c00, 0xc000, 0x3800] }],
  ['bfloat16', { type: 16, raw: half([0x3f80, 0xc000, 0x3f00]) }],
];
for (const [name, tensor] of kinds) {
  tensors(`of ${name}`, () => {
    const { data } = run(modelOf([node('Mul', ['x', 'w'])], [{ name: 'w', shape: [3, 1, 1], ...tensor }]));
    close(
      data,
      table([N, C, H, W], (n, c, h, w) => x(n, c, h, w) * [1, -2, 0.5][c]),
      { relative: 1e-6 },
      name,
    );
  });
}

tensors('that lie aligned are viewed in the file, others copied', () => {
  const bytes = modelOf(
    [node('Conv', ['x', 'w', 'b'])],
    [
      floatTensor(
        'w',
        [4, 3, 1, 1],
        table([12], (i) => i),
      ),
      floatTensor('b', [4], [1, 2, 3, 4]),
    ],
  );
  let views = 0;
  for (let shift = 0; shift < 4; shift++) {
    const shifted = Buffer.alloc(bytes.length + shift); // a Buffer is no plain Uint8Array: its slice() does not copy
    shifted.set(bytes, shift);
    const { trace } = run(shifted.subarray(shift));
    const bias = trace.parameters.get('b')?.value.node;
    assert.ok(bias?.kind === 'constant');
    if (bias?.kind !== 'constant') return;
    assert.equal([...bias.tensor.data], [1, 2, 3, 4]);
    if (bias.tensor.data.buffer === shifted.buffer) views++;
  }
  assert.is(views, 1);
});

const refusals = suite('refused networks');

function refusal(bytes: Uint8Array): string {
  try {
    parseModel(bytes, { name: 'odd' });
  } catch (error) {
    assert.instance(error, ModelError);
    return (error as ModelError).message;
  }
  throw new Error('nothing was refused');
}

refusals('all that stands in the way is listed', () => {
  const nodes: TestNode[] = [
    { op: 'GridSample', name: 'warp', inputs: ['x'], outputs: ['a'] },
    { op: 'GridSample', inputs: ['x'], outputs: ['b'] },
    { op: 'Relu', domain: 'com.example', name: 'own', inputs: ['x'], outputs: ['c'] },
    { op: 'MaxPool', name: 'long', inputs: ['x'], outputs: ['d'], attributes: { kernel_shape: [3] } },
    { op: 'Sum', name: 'sum', inputs: ['a', 'b', 'c', 'd'], outputs: ['y'] },
    { op: 'Unused', name: 'unused', inputs: ['x'], outputs: ['e'] },
  ];
  const message = refusal(modelOf(nodes));
  for (const part of ['GridSample at "warp", "b"', 'com.example.Relu at "own"', 'MaxPool at "long"', 'model "odd"']) {
    assert.ok(message.includes(part), `${part} in: ${message}`);
  }
  assert.not.ok(message.includes('unused') || message.includes('"sum"'), message);
});

const relu = [node('Add', ['x', 'w'])];
const odd: [name: string, bytes: Uint8Array, says: RegExp][] = [
  [
    'external data that nothing reads',
    modelOf(relu, [{ name: 'w', shape: [1], external: { location: 'net.data' } }]),
    /"w" lie in a file of their own, "net.data".*one file/,
  ],
  ['NaN', modelOf(relu, [floatTensor('w', [2, 1, 1, 1], [1, Number.NaN])]), /"w" holds NaN \(element 1 of 2\)/],
  [
    'too few numbers',
    modelOf(relu, [floatTensor('w', [4], [1, 2])]),
    /"w" holds 2 numbers, its shape \[4\] asks for 4/,
  ],
  ['an unknown type', modelOf(relu, [{ name: 'w', shape: [1], type: 8 }]), /type number 8/],
  ['a missing value', modelOf(relu), /Add at "the Add" reads "w", which nothing before it makes/],
  ['two inputs', modelOf(relu, [], { inputs: { x: ['N', 3, 8, 8], w: ['N', 3, 8, 8] } }), /2 inputs \("x", "w"\)/],
  ['an input that is no picture', modelOf(relu, [], { inputs: { x: ['N', 784] } }), /\[N,784\] where a picture/],
  ['channels left open', modelOf(relu, [], { inputs: { x: ['N', 'C', 'H', 'W'] } }), /number of channels open/],
  [
    'labels that do not fit',
    modelOf([node('GlobalAveragePool', ['x'])], [], { metadata: { labels: '["a"]' } }),
    /1 labels do not fit its 3/,
  ],
  [
    'odd metadata',
    modelOf([node('Relu', ['x'])], [], { metadata: { 'facet.preprocess': '{' } }),
    /facet.preprocess is no JSON/,
  ],
];
for (const [name, bytes, says] of odd) {
  refusals(name, () => assert.match(refusal(bytes), says));
}

refusals("metadata of Facet's own is taken at its word", () => {
  const own = { order: 'BGR', range: [0, 255], mean: [1, 2, 3], std: [2], size: [48, 40] };
  const metadata = { 'facet.preprocess': JSON.stringify(own), 'facet.labels': '["a","b","c"]' };
  const model = parseModel(modelOf([node('GlobalAveragePool', ['x'])], [], { metadata }));
  assert.equal(model.preprocess, { ...own, source: 'metadata' });
  assert.equal(
    [model.nominalSize, model.labels],
    [
      [48, 40],
      ['a', 'b', 'c'],
    ],
  );
});

const external = suite('external data');

const at = (location: string, offset: number, length?: number): Readonly<Record<string, string>> => ({
  location,
  offset: String(offset),
  ...(length === undefined ? {} : { length: String(length) }),
});
/** One number a channel, in another file. */
const beside = (entries: Readonly<Record<string, string>>, shape: readonly number[] = [3, 1, 1]): Uint8Array =>
  modelOf([node('Mul', ['x', 'w'])], [{ name: 'w', shape, external: entries }]);
const weights = new Uint8Array(Float32Array.of(9, 9, 1, -2, 0.5, 9).buffer);

function openWith(bytes: Uint8Array, reader: ExternalReader): string {
  try {
    parseModel(bytes, { name: 'odd', external: reader });
  } catch (error) {
    assert.instance(error, ModelError);
    return (error as ModelError).message;
  }
  return '';
}

external('is read once for each file, as far as the tensors reach, and viewed where it lies aligned', () => {
  const asked: [string, number][] = [];
  const files: Record<string, Uint8Array> = { 'net.onnx.data': weights, 'more/b.bin': weights };
  const reader: ExternalReader = (location, length) => {
    asked.push([location, length]);
    return files[location].subarray(0, length);
  };
  const bytes = modelOf(
    [
      { op: 'Mul', inputs: ['x', 'w'], outputs: ['a'] },
      { op: 'Add', inputs: ['a', 'b'], outputs: ['c'] },
      { op: 'Add', inputs: ['c', 'd'], outputs: ['y'] },
    ],
    [
      { name: 'w', shape: [3, 1, 1], external: at('net.onnx.data', 8, 12) },
      { name: 'b', shape: [1, 1, 1], external: at('./net.onnx.data', 0) },
      { name: 'd', shape: [1, 1, 1], external: at('more/b.bin', 8, 4) },
    ],
  );
  const { data, trace } = run(bytes, reader);
  close(
    data,
    table([N, C, H, W], (n, c, h, w) => x(n, c, h, w) * [1, -2, 0.5][c] + 9 + 1),
    { relative: 1e-6 },
    'y',
  );
  assert.equal(asked, [
    ['net.onnx.data', 20],
    ['more/b.bin', 12],
  ]);
  const w = trace.parameters.get('w')?.value.node;
  if (w?.kind === 'constant') assert.is(w.tensor.data.buffer, weights.buffer);
});

external('that lies unaligned is copied', () => {
  const shifted = new Uint8Array(13);
  shifted.set(weights.subarray(8, 20), 1);
  const { data } = run(beside(at('w', 1)), () => shifted);
  close(
    data,
    table([N, C, H, W], (n, c, h, w) => x(n, c, h, w) * [1, -2, 0.5][c]),
    { relative: 1e-6 },
    'y',
  );
});

external('outside the folder is never asked for', () => {
  const outside = [
    '/etc/passwd',
    '//host/share',
    '../net.data',
    'a/../../net.data',
    'a/..',
    '..',
    '.',
    './',
    '',
    'a//b',
    'C:\\net.data',
    'c:net.data',
    '\\\\host\\share',
    '..\\net.data',
    'file:///etc/passwd',
    'https://example.com/net.data',
    'net.data\0.txt',
    'a'.repeat(2000),
  ];
  for (const location of outside) {
    const said = openWith(beside(at(location, 0)), () => {
      throw new Error(`"${location}" was asked for`);
    });
    assert.match(said, /"w" wants its numbers from ".*", which is no file in the model's own folder/, location);
  }
});

external('that does not fit is refused', () => {
  const refused: [entries: Readonly<Record<string, string>>, shape: number[], says: RegExp][] = [
    [at('w', 16), [3, 1, 1], /takes bytes 16 to 28 of "w", which ends before/],
    [at('w', 0, 8), [3, 1, 1], /has 8 bytes in "w", its shape \[3,1,1\] asks for 12/],
    [at('w', -4), [3, 1, 1], /impossible offset "-4"/],
    [{ location: 'w', length: '1e3' }, [3, 1, 1], /impossible length "1e3"/],
    [at('w', 0), [2 ** 29], /takes bytes 0 to 2147483648 of "w", which ends before/],
    [at('w', 2 ** 52), [3, 1, 1], /beyond the 4294967296 that are read/],
    [at('w', 0), [2 ** 31], /more than the 1073741824 numbers/],
  ];
  for (const [entries, shape, says] of refused) {
    let most = 0;
    const said = openWith(beside(entries, shape), (_, length) => {
      most = length;
      return weights.subarray(0, length);
    });
    assert.match(said, says);
    assert.ok(most <= 2 ** 31);
  }
});
