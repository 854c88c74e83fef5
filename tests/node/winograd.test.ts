// winograd.test.ts: which convolutions the Winograd pass takes, and that what it makes of them is the same function: in
// float64 the references of its ops agree with the convolution's to the last digits.

import * as assert from 'uvu/assert';
import { computation, Graph, type OpNode } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { add, type ConvOptions, conv2d, conv2dInput, relu } from '../../src/engine/ops/index.ts';
import { optimize } from '../../src/engine/optimize.ts';
import { winograd, winogradVariants } from '../../src/engine/passes/winograd.ts';
import type { Target } from '../../src/engine/target.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import type { DeviceTraits } from '../../src/kernels/types.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';
import { winogradSettings } from '../support/winograd.ts';

const traits: DeviceTraits = {
  kind: 'software',
  subgroups: true,
  maxWorkgroupsPerDimension: 65535,
  maxWorkgroupStorageBytes: 16384,
  maxInvocationsPerWorkgroup: 256,
};
const software: Target = { traits };

const test = suite('winograd pass');

const random = (count: number, seed: number): Float32Array => {
  const next = randomNumbers(seed);
  return Float32Array.from({ length: count }, () => 2 * next() - 1);
};

for (const { name, trace } of winogradSettings) {
  for (const tile of ['winograd-2', 'winograd-4'] as const) {
    test(`${tile}: ${name}`, () => {
      const what = trace();
      const feeds = Object.fromEntries(
        what.graph.nodes.flatMap((node) =>
          node.kind === 'input' ? [[node.name, random(sizeOf(node.shape), node.id + 1)]] : [],
        ),
      );
      const lowered = winograd(what, { traits, measured: () => tile });
      assert.ok(
        lowered.graph.nodes.some((node) => node.kind === 'op' && node.op === 'winogradProduct'),
        'not lowered',
      );
      const expected = interpret(what, feeds).outputs.y;
      close(interpret(lowered, feeds).outputs.y.data, expected.data, { relative: 1e-12 }, tile);
    });
  }
}

interface Layer {
  readonly size: number;
  readonly C: number;
  readonly K: number;
  readonly taps?: number;
  readonly options?: ConvOptions;
  /** Weights that a program computes anew in every run. */
  readonly open?: boolean;
}

function layer({ size, C, K, taps = 3, options = { pads: [1, 1, 1, 1] }, open = false }: Layer) {
  const graph = new Graph();
  const shape = [taps, taps, C / (options.groups ?? 1), K];
  const w = open ? graph.input('w', shape) : graph.constant({ shape, data: new Float32Array(sizeOf(shape)).fill(0.5) });
  return computation({ y: conv2d(graph.input('x', [1, size, size, C]), w, options) });
}

const tilesOf = (what: ReturnType<typeof layer>, target?: Target): number[] =>
  winograd(what, target).graph.nodes.flatMap((node) =>
    node.kind === 'op' && node.op === 'winogradOutput' ? [(node.attrs as { tile: number }).tile] : [],
  );

test('a software adapter takes large tiles for large pictures', () => {
  assert.equal(tilesOf(layer({ size: 56, C: 64, K: 128 }), software), [4]);
  assert.equal(tilesOf(layer({ size: 56, C: 64, K: 128, open: true }), software), [4]);
});

test('a software adapter takes small tiles for 7x7', () => {
  assert.equal(tilesOf(layer({ size: 7, C: 192, K: 384 }), software), [2]);
});

test('weights of every run are transformed in every run, which small pictures do not pay for', () => {
  assert.equal(tilesOf(layer({ size: 8, C: 96, K: 96 }), software), [2]);
  assert.equal(tilesOf(layer({ size: 8, C: 96, K: 96, open: true }), software), []);
  assert.equal(tilesOf(layer({ size: 14, C: 64, K: 64, open: true }), software), [4]);
});

test('what filters in registers compute, and what is too small for three dispatches, stays direct', () => {
  for (const C of [1, 3]) assert.equal(tilesOf(layer({ size: 96, C, K: 64 }), software), [], `${C} channels`);
  assert.equal(tilesOf(layer({ size: 8, C: 8, K: 8 }), software), []);
  assert.equal(tilesOf(layer({ size: 4, C: 64, K: 64 }), software), []);
});

/** Each was at least 1.2 times as fast as direct, and at least 1.1 times as fast as the other tile. */
test('small layers are transformed where that was measured to be faster', () => {
  for (const [size, C, K, tiles] of [
    [6, 96, 96, [2]],
    [7, 160, 320, [2]],
    [10, 64, 96, [2]],
    [12, 32, 64, [4]],
    [13, 48, 192, [4]],
    [14, 24, 64, [4]],
    [16, 96, 96, [4]],
    [32, 16, 32, [4]],
  ] as const) {
    assert.equal(tilesOf(layer({ size, C, K }), software), [...tiles], `${size}², ${C} to ${K}`);
  }
});

/** Each was at least 1.1 times as fast as either tile. */
test('small layers stay direct where that was measured to be faster', () => {
  for (const [size, C, K] of [
    [5, 64, 64],
    [8, 32, 48],
    [12, 16, 16],
    [32, 8, 16],
  ] as const) {
    assert.equal(tilesOf(layer({ size, C, K }), software), [], `${size}², ${C} to ${K}`);
  }
});

test('where quads cannot swap rows, more is transformed', () => {
  // An odd number of channels.
  assert.equal(tilesOf(layer({ size: 32, C: 7, K: 32 }), software), [4]);
  assert.equal(tilesOf(layer({ size: 32, C: 8, K: 32 }), software), []);
});

test('nothing is done without a target, nor on a GPU that nothing was measured on', () => {
  const what = layer({ size: 56, C: 64, K: 128 });
  assert.equal(tilesOf(what), []);
  assert.equal(tilesOf(what, { traits: { ...traits, kind: 'gpu' } }), []);
});

test('what was measured decides', () => {
  const what = layer({ size: 56, C: 64, K: 128 });
  assert.equal(tilesOf(what, { traits, measured: () => 'direct' }), []);
  assert.equal(tilesOf(what, { traits, measured: () => 'quad' }), []);
  assert.equal(tilesOf(what, { traits: { ...traits, kind: 'gpu' }, measured: () => 'winograd-2' }), [2]);
});

test('strides, dilations, groups and other sizes of filter stay direct', () => {
  const forced: Target = { traits, measured: () => 'winograd-4' };
  const pads = [1, 1, 1, 1] as const;
  for (const other of [
    { options: { pads, strides: [2, 2] as const } },
    { options: { pads, strides: [1, 2] as const } },
    { options: { pads, dilations: [2, 2] as const } },
    { options: { pads, groups: 2 } },
    { taps: 5 },
  ]) {
    assert.equal(tilesOf(layer({ size: 28, C: 64, K: 64, ...other }), forced), []);
  }
});

test('arrays beyond what a binding holds are not made', () => {
  const graph = new Graph();
  const y = conv2d(graph.input('x', [1, 2048, 2048, 8]), graph.input('w', [3, 3, 8, 8]));
  assert.equal(winogradVariants(y.node as OpNode, [[1, 2048, 2048, 8], y.graph.nodes[1].shape]), []);
  assert.equal(winogradVariants(y.node as OpNode, [[1, 64, 64, 8], y.graph.nodes[1].shape]), [
    'winograd-2',
    'winograd-4',
  ]);
});

test('bias and activation become the epilogue of the last dispatch; filters are transformed once', () => {
  const graph = new Graph();
  const w = graph.constant({ shape: [3, 3, 32, 64], data: new Float32Array(9 * 32 * 64).fill(0.1) });
  const x = graph.input('x', [1, 28, 28, 32]);
  const y = relu(
    add(conv2d(x, w, { pads: [1, 1, 1, 1] }), graph.constant({ shape: [64], data: new Float32Array(64).fill(1) })),
  );
  const dx = conv2dInput(y, w, { pads: [1, 1, 1, 1], inputSize: [28, 28] });
  const { graph: optimized } = optimize(computation({ dx }), software);
  const ops = optimized.nodes.flatMap((node) => (node.kind === 'op' ? [node] : []));
  const order = ['winogradInput', 'winogradProduct', 'winogradOutput'];
  assert.equal(
    ops.map(({ op }) => op).filter((op) => op !== 'winogradFilter'),
    [...order, ...order],
  );
  assert.is(ops.filter(({ epilogue }) => epilogue).length, 1);
});
