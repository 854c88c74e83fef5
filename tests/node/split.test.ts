// split.test.ts: which matrix products and convolutions are split into parts of their terms, and that nothing else of them changes.

import * as assert from 'uvu/assert';
import { type Computation, computation, Graph, type OpNode, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { add, conv2d, conv2dInput, matmul, relu } from '../../src/engine/ops/index.ts';
import { loadPasses, optimize } from '../../src/engine/optimize.ts';
import { DIRECT, loweredVariants } from '../../src/engine/tuning.ts';
import { type ConvAttrs, convOutputSize } from '../../src/kernels/conv.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { splitName, splitParts, type SumPartsAttrs } from '../../src/kernels/split_matmul.ts';
import type { DeviceTraits, Shape } from '../../src/kernels/types.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const test = suite('split products');

await loadPasses('gpu');

const traits: DeviceTraits = {
  kind: 'gpu',
  subgroups: false,
  maxWorkgroupsPerDimension: 65535,
  maxWorkgroupStorageBytes: 16384,
  maxInvocationsPerWorkgroup: 256,
};

function assertSame(a: Computation, b: Computation, feeds: Readonly<Record<string, Float32Array>>): void {
  const [got, expected] = [a, b].map((what) => interpret(what, feeds).outputs.y);
  assert.equal(got.shape, expected.shape);
  // Both in float64; `close` takes what a device gives.
  close(Float32Array.from(got.data), expected.data, { relative: 2 ** -23, absolute: 1e-12 }, 'split and whole');
}

function trace(shapes: readonly Shape[], build: (values: Value[]) => Value) {
  const graph = new Graph();
  return computation({ y: build(shapes.map((shape, k) => graph.input(`x${k}`, shape))) });
}

/** Parts of the split products after optimizing, and all ops in order. */
function optimized(source: ReturnType<typeof trace>, measured?: string, kind: DeviceTraits['kind'] = 'gpu') {
  const result = optimize(source, { traits: { ...traits, kind }, measured: () => measured });
  const nodes = result.graph.nodes.filter((node): node is OpNode => node.kind === 'op');
  const sums = nodes.filter(({ op }) => op === 'sumParts');
  const parts = sums.map(({ inputs, attrs }) => result.graph.nodes[inputs[0]].shape[(attrs as SumPartsAttrs).axis]);
  return { result, nodes, parts };
}

const layer: readonly [Shape[], (values: Value[]) => Value] = [
  [[1, 512], [512, 40], [40]],
  ([x, w, bias]) => relu(add(matmul(x, w), bias)),
];

test('a fully connected layer is split, and bias and activation go to the sum', () => {
  const { nodes, parts } = optimized(trace(...layer));
  assert.equal(parts, [16], 'no part has fewer than 32 terms');
  const last = nodes[nodes.length - 1];
  assert.is(last.op, 'sumParts');
  assert.ok(last.epilogue, 'the sum applies bias and activation');
  assert.not.ok(nodes.some(({ op }) => op === 'matmul'));
});

test('software adapters and unknown devices keep it in one', () => {
  const source = trace(...layer);
  assert.equal(optimized(source, undefined, 'software').parts, []);
  assert.equal(optimized(source, 'split-4', 'software').parts, []);
  assert.not.ok(optimize(source).graph.nodes.some((node) => node.kind === 'op' && node.op === 'sumParts'));
});

test('what was measured decides', () => {
  const source = trace(...layer);
  assert.equal(optimized(source, DIRECT).parts, []);
  assert.equal(optimized(source, 'tiled').parts, []);
  assert.equal(optimized(source, 'split-2').parts, [2]);
  assert.equal(optimized(source, 'split-32').parts, [], 'parts too short are not made');
  for (const parts of splitParts) assert.ok((loweredVariants as readonly string[]).includes(splitName(parts)));
});

test('products with results enough, or too few terms, stay in one', () => {
  const product = ([M, N, K]: number[]) =>
    optimized(
      trace(
        [
          [M, K],
          [K, N],
        ],
        ([a, b]) => matmul(a, b),
      ),
    ).parts;
  assert.equal(product([512, 512, 512]), [], 'results enough');
  assert.equal(product([200, 200, 200]), [], 'parts of 100 terms');
  assert.equal(product([200, 200, 256]), [2]);
  assert.equal(product([49, 256, 832]), [4], 'eight parts would be of 104 terms');
  assert.equal(product([8, 8, 37]), [], 'parts of odd length');
});

/** A 3x3 convolution of 7x7 pixels, or its gradient, whose filters are a constant or not. */
function layerOf(op: 'conv2d' | 'conv2dInput', isFixed: boolean, strides: [number, number]) {
  const graph = new Graph();
  const shape = [3, 3, 64, 96];
  const next = randomNumbers(3);
  const data = Float32Array.from({ length: sizeOf(shape) }, () => next() - 0.5);
  const w = isFixed ? graph.constant({ shape, data }) : graph.input('w', shape);
  const options = { strides, pads: [1, 1, 1, 1] } as const;
  const [P, Q] = convOutputSize([7, 7], shape, { ...options, dilations: [1, 1], groups: 1 });
  const x = graph.input('x', op === 'conv2d' ? [2, 7, 7, 64] : [2, P, Q, 96]);
  const y = op === 'conv2d' ? conv2d(x, w, options) : conv2dInput(x, w, { ...options, inputSize: [7, 7] });
  const bias = graph.input('bias', [y.shape[3]]);
  const feeds = Object.fromEntries(
    [x, bias].map((value) => [value.label, Float32Array.from({ length: sizeOf(value.shape) }, () => next() - 0.5)]),
  );
  return { source: computation({ y: relu(add(y, bias)) }), feeds: isFixed ? feeds : { ...feeds, w: data } };
}

for (const strides of [
  [1, 1],
  [2, 1],
] as [number, number][]) {
  for (const op of ['conv2d', 'conv2dInput'] as const) {
    test(`${op} of strides ${strides}: channels in groups, and the meaning is the same`, () => {
      const { source, feeds } = layerOf(op, true, strides);
      const { result, nodes, parts } = optimized(source);
      // A pixel of the strided gradient sees half of the taps.
      assert.equal(parts, [op === 'conv2dInput' && strides[0] === 2 ? 2 : 4]);
      const convolutions = nodes.filter((node) => node.op === op);
      assert.equal(
        convolutions.map(({ attrs }) => (attrs as ConvAttrs).groups),
        parts,
      );
      assert.ok(nodes[nodes.length - 1].epilogue);
      assertSame(result, source, feeds);
    });
  }
}

test('filters that change are not rearranged at every run', () => {
  assert.equal(optimized(layerOf('conv2d', false, [1, 1]).source).parts, []);
  const gradient = layerOf('conv2dInput', false, [1, 1]);
  const { result, parts } = optimized(gradient.source);
  assert.equal(parts, [4], 'the gradient takes them as they are');
  assertSame(result, gradient.source, gradient.feeds);
});

const same: [string, Shape[], (values: Value[]) => Value][] = [
  ['matmul', ...layer] as [string, Shape[], (values: Value[]) => Value],
  [
    'several matrices times one, transposed',
    [
      [2, 3, 256],
      [24, 256],
    ],
    ([a, b]) => matmul(a, b, { transposeB: true }),
  ],
  [
    'a transposed',
    [
      [256, 6],
      [256, 20],
    ],
    ([a, b]) => matmul(a, b, { transposeA: true }),
  ],
  ['1x1 convolution', [[2, 3, 2, 256], [1, 1, 256, 20], [20]], ([x, w, bias]) => add(conv2d(x, w), bias)],
  [
    'its input gradient',
    [
      [1, 3, 4, 256],
      [1, 1, 24, 256],
    ],
    ([dy, w]) => conv2dInput(dy, w, { inputSize: [3, 4] }),
  ],
];

for (const [name, shapes, build] of same) {
  test(`${name}: split or not, the meaning is the same`, () => {
    const source = trace(shapes, build);
    const { result, parts } = optimized(source);
    assert.is(parts.length, 1, 'it is split');
    const next = randomNumbers(5);
    const feeds = Object.fromEntries(
      shapes.map((shape, k) => [`x${k}`, Float32Array.from({ length: sizeOf(shape) }, () => next() - 0.5)]),
    );
    assertSame(result, source, feeds);
  });
}

test('products of several matrices by several, and grouped convolutions, stay as they are', () => {
  const cases: [Shape[], (values: Value[]) => Value][] = [
    [
      [
        [2, 1, 256],
        [2, 256, 8],
      ],
      ([a, b]) => matmul(a, b),
    ],
    [
      [
        [1, 2, 2, 512],
        [1, 1, 256, 8],
      ],
      ([x, w]) => conv2d(x, w, { groups: 2 }),
    ],
  ];
  for (const [shapes, build] of cases) assert.equal(optimized(trace(shapes, build)).parts, []);
});
