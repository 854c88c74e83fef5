// Odd files: tensors in every form they come in, and networks that cannot be opened.

import * as assert from 'uvu/assert';
import { ModelError, parseModel } from '../../src/models/index.ts';
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
    'external data',
    modelOf(relu, [{ name: 'w', shape: [1], external: true }]),
    /"w" lie in a file of their own.*one file/,
  ],
  ['NaN', modelOf(relu, [floatTensor('w', [2, 1, 1, 1], [1, Number.NaN])]), /"w" holds NaN \(element 1 of 2\)/],
  [
    'too few numbers',
    modelOf(relu, [floatTensor('w', [4], [1, 2])]),
    /"w" holds 2 numbers, its shape \[4\] asks for 4/,
  ],
  ['an unknown type', modelOf(relu, [{ name: 'w', shape: [1], type: 8 }]), /type number 8/],
  ['a missing value', modelOf(relu), /Add at "the Add" reads "w", which no node before it makes/],
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
