// split.test.ts: which matrix products are split into parts of their terms, and that nothing else of them changes.

import * as assert from 'uvu/assert';
import { computation, Graph, type OpNode, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { add, conv2d, conv2dInput, matmul, relu } from '../../src/engine/ops/index.ts';
import { optimize } from '../../src/engine/optimize.ts';
import { splitName, splitParts } from '../../src/engine/passes/split.ts';
import { DIRECT, loweredVariants } from '../../src/engine/tuning.ts';
import type { DeviceTraits, Shape } from '../../src/kernels/types.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const test = suite('split products');

const traits: DeviceTraits = {
  kind: 'gpu',
  subgroups: false,
  maxWorkgroupsPerDimension: 65535,
  maxWorkgroupStorageBytes: 16384,
  maxInvocationsPerWorkgroup: 256,
};

function trace(shapes: readonly Shape[], build: (values: Value[]) => Value) {
  const graph = new Graph();
  return computation({ y: build(shapes.map((shape, k) => graph.input(`x${k}`, shape))) });
}

/** Parts of the split products after optimizing, and all ops in order. */
function optimized(source: ReturnType<typeof trace>, measured?: string, kind: DeviceTraits['kind'] = 'gpu') {
  const result = optimize(source, { traits: { ...traits, kind }, measured: () => measured });
  const nodes = result.graph.nodes.filter((node): node is OpNode => node.kind === 'op');
  const products = nodes.filter(({ op }) => op === 'splitMatmul');
  return { result, nodes, parts: products.map(({ attrs }) => (attrs as { parts: number }).parts) };
}

const layer: readonly [Shape[], (values: Value[]) => Value] = [
  [[1, 512], [512, 40], [40]],
  ([x, w, bias]) => relu(add(matmul(x, w), bias)),
];

test('a fully connected layer is split, and bias and activation go to the sum', () => {
  const { nodes, parts } = optimized(trace(...layer));
  assert.equal(parts, [8], 'no part has fewer than 64 terms');
  const last = nodes[nodes.length - 1];
  assert.is(last.op, 'sumParts');
  assert.ok(last.epilogue, 'the sum applies bias and activation');
  assert.not.ok(nodes.some(({ op }) => op === 'matmul'));
});

test('software adapters and unknown devices keep it in one', () => {
  const source = trace(...layer);
  assert.equal(optimized(source, undefined, 'software').parts, []);
  assert.equal(optimized(source, 'split-4', 'software').parts, []);
  assert.not.ok(optimize(source).graph.nodes.some((node) => node.kind === 'op' && node.op === 'splitMatmul'));
});

test('what was measured decides', () => {
  const source = trace(...layer);
  assert.equal(optimized(source, DIRECT).parts, []);
  assert.equal(optimized(source, 'tiled').parts, []);
  assert.equal(optimized(source, 'split-2').parts, [2]);
  assert.equal(optimized(source, 'split-32').parts, [], 'parts too short are not made');
  for (const parts of splitParts) assert.ok((loweredVariants as readonly string[]).includes(splitName(parts)));
});

test('products with results enough, or whose sums would outweigh their operands, stay in one', () => {
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
  assert.equal(product([512, 512, 512]), []);
  assert.equal(product([200, 200, 256]), []);
  assert.equal(product([49, 256, 832]), [8], 'sixteen sums would be more numbers than the operands');
  assert.equal(product([8, 8, 37]), []);
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
      shapes.map((shape, k) => [
        `x${k}`,
        Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() - 0.5),
      ]),
    );
    const [got, expected] = [result, source].map((what) => interpret(what, feeds).outputs.y);
    assert.equal(got.shape, expected.shape);
    close(Float32Array.from(got.data), expected.data, { relative: 2 ** -23, absolute: 1e-12 }, name);
  });
}

test('products of several matrices by several, strided and grouped convolutions stay as they are', () => {
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
        [1, 4, 4, 256],
        [1, 1, 256, 8],
      ],
      ([x, w]) => conv2d(x, w, { strides: [2, 2] }),
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
