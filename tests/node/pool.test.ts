// pool.test.ts: the definitions of pooling and of local response normalization against numbers recorded from PyTorch
// 1.13 (torch.nn.functional.max_pool2d, avg_pool2d, local_response_norm), where conventions differ between libraries.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { averagePool, lrn, maxPool, sum } from '../../src/engine/ops/index.ts';
import { close } from '../support/close.ts';
import { suite } from '../support/suite.ts';

const TOLERANCE = { absolute: 1e-12 };

/** Result and gradient of its sum. */
function run(shape: readonly number[], data: readonly number[], build: (x: Value) => Value) {
  const graph = new Graph();
  const x = graph.input('x', shape);
  const y = build(x);
  const [dx] = gradient(sum(y), [x]);
  const { outputs } = interpret(computation({ y, dx }), { x: data });
  return { shape: y.shape, y: outputs.y.data, dx: outputs.dx.data };
}

const test = suite('pooling as PyTorch defines it');

/** One channel of 5 x 6 pixels. */
const picture = Array.from({ length: 30 }, (_, i) => (7 * i + 3) % 11);
const pooled = (build: (x: Value) => Value) => run([1, 5, 6, 1], picture, build);

test('maximum, ceil mode, padded: the last window hangs over, gradients add up', () => {
  const { shape, y, dx } = pooled((x) =>
    maxPool(x, { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceilMode: true }),
  );
  assert.equal(shape, [1, 3, 4, 1]);
  close(y, [10, 10, 9, 5, 10, 9, 10, 10, 8, 9, 10, 10], TOLERANCE, 'y');
  const expected = [0, 2, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 4, 0, 0, 1, 0, 0, 0];
  close(dx, expected, TOLERANCE, 'dx');
});

test('maximum, ceil mode, not padded', () => {
  const { shape, y } = pooled((x) => maxPool(x, { kernel: [3, 3], strides: [2, 2], ceilMode: true }));
  assert.equal(shape, [1, 2, 3, 1]);
  close(y, [10, 9, 9, 10, 9, 10], TOLERANCE, 'y');
});

const averages = [
  {
    kernel: 3,
    stride: 2,
    shape: [1, 3, 4, 1],
    counted: [22 / 9, 10 / 3, 26 / 9, 4 / 3, 37 / 9, 40 / 9, 5, 7 / 3, 20 / 9, 3, 34 / 9, 3],
    notCounted: [5.5, 5, 13 / 3, 4, 37 / 6, 40 / 9, 5, 14 / 3, 5, 4.5, 17 / 3, 9],
  },
  // Rounded up, a fourth column would start beyond the input: it is dropped.
  {
    kernel: 2,
    stride: 3,
    shape: [1, 2, 3, 1],
    counted: [0.75, 2, 1.25, 4.5, 4.5, 2.75],
    notCounted: [3, 4, 5, 9, 4.5, 5.5],
  },
] as const;

for (const { kernel, stride, shape, counted, notCounted } of averages) {
  for (const countIncludePad of [true, false]) {
    test(`average ${kernel}x${kernel} by ${stride}, ceil mode, padding ${countIncludePad ? '' : 'not '}counted`, () => {
      const result = pooled((x) =>
        averagePool(x, {
          kernel: [kernel, kernel],
          strides: [stride, stride],
          pads: [1, 1, 1, 1],
          ceilMode: true,
          countIncludePad,
        }),
      );
      assert.equal(result.shape, shape);
      close(result.y, countIncludePad ? counted : notCounted, TOLERANCE, 'y');
    });
  }
}

test('a maximum shared by all goes to the first pixel of each window', () => {
  const zeros = new Array<number>(25).fill(0);
  const { dx } = run([1, 5, 5, 1], zeros, (x) => maxPool(x, { kernel: [3, 3], strides: [2, 2] }));
  const firsts = [0, 2, 10, 12];
  close(
    dx,
    zeros.map((_, i) => (firsts.includes(i) ? 1 : 0)),
    TOLERANCE,
    'dx',
  );
});

test('local response normalization', () => {
  const { y, dx } = run([1, 1, 1, 7], [1, -2, 3, 0.5, -1, 2, 4], (x) =>
    lrn(x, { size: 5, alpha: 0.5, beta: 0.75, bias: 2 }),
  );
  const expectedY = [
    0.3993841378579541, -0.7943914547054006, 1.1661432793519868, 0.1828085166572188, -0.29795312888778996,
    0.6909745170355875, 1.388264118154502,
  ];
  const expectedDx = [
    0.36693199778218066, 0.4764379303793232, 0.2965334916618733, 0.34650031536341697, 0.42176758208345394,
    0.19710458866706043, 0.07897653558731083,
  ];
  close(y, expectedY, TOLERANCE, 'y');
  close(dx, expectedDx, TOLERANCE, 'dx');
});

const refusals: readonly [string, RegExp, (x: Value) => Value][] = [
  ['a kernel larger than the picture', /window of 7 does not fit the height 5/, (x) => maxPool(x, { kernel: [7, 3] })],
  [
    'a window of padding only',
    /sees padding only.*smaller than the kernel/,
    (x) => maxPool(x, { kernel: [2, 2], pads: [2, 0, 0, 0] }),
  ],
  ['a window without LRN channels', /size 0 must be/, (x) => lrn(x, { size: 0 })],
];
for (const [what, message, build] of refusals) {
  test(`refuses ${what}`, () => assert.throws(() => build(new Graph().input('x', [1, 5, 6, 1])), message));
}
