// half.test.ts: rounding to halves, the pass that stores filters in them, and what a plan says of their bytes.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { type Computation, computation, Graph, type Tensor, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { add, conv2d, matmul, mul, relu, reshape, sum } from '../../src/engine/ops/index.ts';
import { loadPasses, optimize } from '../../src/engine/optimize.ts';
import { halves } from '../../src/engine/passes/halves.ts';
import { makePlan, type Plan } from '../../src/engine/plan.ts';
import { printComputation } from '../../src/engine/print.ts';
import { storedBytes } from '../../src/engine/storage.ts';
import { halfBits, packHalves } from '../../src/kernels/half.ts';
import { halfValue, roundToHalf } from '../../src/kernels/half_values.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import type { DeviceTraits } from '../../src/kernels/types.ts';
import { randomNumbers } from '../support/draw.ts';
import { halfCorners } from '../support/half.ts';
import { suite } from '../support/suite.ts';

const test = suite('half');

await loadPasses('gpu');

const bitsOf = (value: number): number => halfBits(new Int32Array(Float32Array.of(value).buffer)[0]);

test('every half is its own nearest half', () => {
  for (let bits = 0; bits < 2 ** 16; bits++) {
    const value = halfValue(bits);
    if (Number.isNaN(value)) assert.ok(Number.isNaN(halfValue(bitsOf(value))));
    else assert.is(bitsOf(value), bits, `${value}`);
  }
});

test('a number between two halves goes to the nearer one, and from the middle to the even one', () => {
  for (let bits = 0; bits < 0x7c00; bits++) {
    const below = halfValue(bits);
    // Beyond the largest the next would be 65536, and stands for infinity.
    const above = bits === 0x7bff ? 65536 : halfValue(bits + 1);
    const middle = (below + above) / 2;
    const step = middle * 2 ** -20;
    for (const sign of [1, -1]) {
      const signBit = sign < 0 ? 0x8000 : 0;
      assert.is(bitsOf(sign * middle), signBit | (bits + (bits & 1)), `middle ${sign * middle}`);
      assert.is(bitsOf(sign * (middle - step)), signBit | bits, `below the middle ${sign * middle}`);
      assert.is(bitsOf(sign * (middle + step)), signBit | (bits + 1), `above the middle ${sign * middle}`);
    }
  }
});

test('corners of the rounding', () => {
  for (const [value, rounded] of halfCorners) assert.is(roundToHalf([value])[0], rounded, `${value}`);
});

test('the rounding is off by 2^-11 of a number at most, or of 2^-14', () => {
  const next = randomNumbers(5);
  for (let i = 0; i < 100_000; i++) {
    const value = Math.fround((next() - 0.5) * 2 ** Math.floor(40 * next() - 24));
    const error = Math.abs(roundToHalf([value])[0] - value);
    assert.ok(error <= 2 ** -11 * Math.max(Math.abs(value), 2 ** -14), `${value} is off by ${error}`);
  }
});

test('two halves a word, the first in the lower bits', () => {
  const words = new Uint32Array(2);
  packHalves(Float32Array.of(1, -2, 65504), words);
  assert.equal([...words], [0xc0003c00, 0x00007bff]);
});

// --- the pass --------------------------------------------------------------------------------------------------------

const tensor = (shape: readonly number[], seed: number, scale = 1): Tensor => {
  const next = randomNumbers(seed);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => scale * (2 * next() - 1)) };
};

const software: DeviceTraits = {
  kind: 'software',
  subgroups: true,
  maxWorkgroupsPerDimension: 65535,
  maxWorkgroupStorageBytes: 16384,
  maxInvocationsPerWorkgroup: 256,
};
const gpu: DeviceTraits = { ...software, kind: 'gpu' };

const opsOf = ({ graph }: Computation): string[] =>
  graph.nodes.flatMap((node) => (node.kind === 'op' ? [node.op] : []));

/** Shapes of the constants in halves. */
const inHalves = ({ graph }: Computation): (readonly number[])[] =>
  graph.nodes.flatMap((node) => (node.kind === 'constant' && node.tensor.inHalves ? [node.shape] : []));

const biased = (x: Value, w: Tensor): Value =>
  relu(add(conv2d(x, x.graph.constant(w), { pads: [1, 1, 1, 1] }), x.graph.constant(tensor([w.shape[3]], 3))));

/** A layer, a product, and the gradient of the sum of squares. */
function network(): Computation {
  const graph = new Graph();
  const x = graph.input('x', [1, 4, 4, 4]);
  const first = biased(x, tensor([3, 3, 4, 8], 1));
  const logits = matmul(reshape(first, [1, 128]), graph.constant(tensor([128, 5], 2)));
  const [dx] = gradient(sum(mul(logits, logits)), [x]);
  return computation({ logits, dx });
}

test('filters and matrices go into halves; biases, and what is not read by a product, stay', () => {
  const plain = optimize(network());
  const stored = halves(plain);
  const shapes = new Set(inHalves(stored).map((shape) => shape.join()));
  assert.equal([...shapes].sort(), ['128,5', '3,3,4,8'], printComputation(stored));
  assert.equal(opsOf(stored), opsOf(plain));
  const floats = stored.graph.nodes.flatMap((node) =>
    node.kind === 'constant' && !node.tensor.inHalves ? [node.tensor] : [],
  );
  assert.not.ok(
    floats.some(({ shape }) => shape.length === 4),
    printComputation(stored),
  );
});

test('what it computes is the same computation with rounded weights', () => {
  const exact = network();
  const feeds = { x: tensor([1, 4, 4, 4], 9).data };
  const stored = interpret(halves(optimize(exact)), feeds).outputs;
  const graph = new Graph();
  const rounded = (t: Tensor): Tensor => ({ ...t, data: roundToHalf(t.data) });
  const x = graph.input('x', [1, 4, 4, 4]);
  const first = biased(x, rounded(tensor([3, 3, 4, 8], 1)));
  const logits = matmul(reshape(first, [1, 128]), graph.constant(rounded(tensor([128, 5], 2))));
  const [dx] = gradient(sum(mul(logits, logits)), [x]);
  const expected = interpret(computation({ logits, dx }), feeds).outputs;
  for (const name of ['logits', 'dx']) {
    for (const [i, value] of stored[name].data.entries()) {
      assert.ok(
        Math.abs(value - expected[name].data[i]) <= 1e-12,
        `${name}[${i}]: ${value}, ${expected[name].data[i]}`,
      );
    }
  }
});

test('programs of one network share their halves', () => {
  const w = tensor([3, 3, 4, 8], 1);
  const trace = (): Plan => {
    const x = new Graph().input('x', [1, 4, 4, 4]);
    return makePlan(halves(optimize(computation({ y: biased(x, w) }))));
  };
  const [one, other] = [trace(), trace()].map(({ tensors }) => tensors.find(({ inHalves }) => inHalves));
  assert.ok(one);
  assert.is(one, other);
});

test('filters that halves have no room for stay, and so do those too small for them', () => {
  const storedShapes = (w: Tensor) => {
    const x = new Graph().input('x', [1, 4, 4, 4]);
    return inHalves(halves(optimize(computation({ y: biased(x, w) }))));
  };
  const holding = (value: number): Tensor => {
    const { shape, data } = tensor([3, 3, 4, 4], 1);
    return { shape, data: data.with(5, value) };
  };
  assert.is(storedShapes(holding(65504)).length, 1);
  assert.is(storedShapes(holding(-65504)).length, 1);
  for (const value of [65505, -70000, Number.POSITIVE_INFINITY, Number.NaN]) {
    assert.is(storedShapes(holding(value)).length, 0, `${value}`);
  }
  assert.is(storedShapes(tensor([3, 3, 4, 4], 1, 2 ** -13)).length, 1);
  assert.is(storedShapes(tensor([3, 3, 4, 4], 1, 2 ** -15)).length, 0);
});

test('filters that are computed once are rounded once computed: transformed, turned round, scaled', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 12, 12, 64]);
  const w = graph.constant(tensor([3, 3, 64, 64], 1));
  const scales = graph.constant(tensor([64], 2));
  const y = conv2d(x, mul(w, scales), { pads: [1, 1, 1, 1] });
  const source = computation({ y });
  const tiles = halves(optimize(source, { traits: software, measured: () => 'winograd-4' }));
  assert.equal(
    opsOf(tiles).filter((op) => op === 'toHalf' || op.startsWith('winograd')),
    ['winogradFilter', 'winogradInput', 'toHalf', 'winogradProduct', 'winogradOutput'],
    printComputation(tiles),
  );
  const direct = halves(optimize(source, { traits: gpu, measured: () => 'direct' }));
  assert.equal(opsOf(direct), ['mul', 'toHalf', 'conv2d']);
  const large = graph.constant(tensor([64], 3, 70000));
  const overflowing = computation({ y: conv2d(x, mul(w, large), { pads: [1, 1, 1, 1] }) });
  assert.not.ok(opsOf(halves(optimize(overflowing))).includes('toHalf'));
});

test('filters that change stay in float32', () => {
  const graph = new Graph();
  const x = graph.input('x', [1, 4, 4, 4]);
  const y = conv2d(x, graph.state('w', tensor([3, 3, 4, 4], 1)));
  const stored = halves(optimize(computation({ y })));
  assert.equal(opsOf(stored), ['conv2d']);
  assert.is(inHalves(stored).length, 0);
});

test('a plan counts half the bytes, and what is needed no longer once the program is built', () => {
  const w = tensor([3, 3, 64, 64], 1);
  const x = new Graph().input('x', [1, 12, 12, 64]);
  const source = computation({ y: conv2d(x, x.graph.constant(w), { pads: [1, 1, 1, 1] }) });
  const direct = { traits: software, measured: () => 'direct' };
  const floats = makePlan(optimize(source, direct));
  const packed = makePlan(halves(optimize(source, direct)));
  assert.is(floats.memory.constants, 4 * 9 * 64 * 64);
  assert.is(packed.memory.constants, 2 * 9 * 64 * 64);
  assert.is(floats.memory.total - packed.memory.total, 2 * 9 * 64 * 64);
  assert.is(packed.memory.temporary, 0);

  const tiles = { traits: software, measured: () => 'winograd-2' };
  const transformed = makePlan(optimize(source, tiles));
  assert.is(transformed.memory.temporary, 4 * 9 * 64 * 64);
  const stored = makePlan(halves(optimize(source, tiles)));
  assert.is(stored.memory.baked, (4 + 2) * 16 * 64 * 64);
  assert.is(stored.memory.temporary, 4 * (9 + 16) * 64 * 64);
  assert.is(storedBytes(stored.graph, stored.steps.flatMap(({ node }) => node.inputs)[2]), 2 * 16 * 64 * 64);
});
