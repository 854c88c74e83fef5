// What positions of a layer see: against where the gradient of a position with respect to the picture is not zero.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import * as ops from '../../src/engine/ops/index.ts';
import { receptiveFields } from '../../src/models/receptiveField.ts';
import { suite } from '../support/suite.ts';

const fields = suite('receptive fields');

const [H, W] = [22, 26];
const graph = new Graph();
const picture = graph.input('x', [1, H, W, 1]);
/** All positive, so that nothing cancels. */
const filter = (R: number, S: number, C: number, K: number): Value =>
  graph.constant({ shape: [R, S, C, K], data: new Float32Array(R * S * C * K).fill(0.1) });

const first = ops.relu(ops.conv2d(picture, filter(3, 5, 1, 2), { strides: [2, 1], pads: [1, 2, 1, 2] }));
const pooled = ops.averagePool(first, { kernel: [3, 2], strides: [2, 2], pads: [0, 0, 0, 0] });
const narrow = ops.conv2d(pooled, filter(1, 1, 2, 2));
const wide = ops.conv2d(pooled, filter(3, 3, 2, 2), { pads: [1, 1, 1, 1] });
const both = ops.concat([narrow, wide], 3);
const cut = ops.slice(ops.pad(both, { pads: [0, 2, 1, 0, 0, 0, 0, 0] }), {
  starts: [1],
  ends: [99],
  steps: [2],
  axes: [2],
});
const dilated = ops.conv2d(first, filter(2, 2, 2, 1), { dilations: [2, 3] });
const squeezed = ops.mul(both, ops.mean(both, [1, 2], { keepDims: true }));
const column = ops.mean(pooled, [1], { keepDims: true });
const flipped = ops.conv2d(ops.flip(pooled, [1, 2]), filter(2, 3, 2, 1));
const layers = {
  picture,
  first,
  pooled,
  narrow,
  wide,
  both,
  cut,
  dilated,
  squeezed,
  flipped,
  column,
  sum: ops.add(wide, column),
};

/** [top, left, bottom, right] of the pixels that a position depends on, the last two behind the last. */
function reached(layer: Value, h: number, w: number): number[] {
  const position = ops.slice(layer, { starts: [h, w], ends: [h + 1, w + 1], axes: [1, 2] });
  const [dx] = gradient(ops.sum(position), [picture]);
  const input = Float32Array.from({ length: H * W }, (_, i) => 1 + (i % 7));
  const { data } = interpret(computation({ dx }), { x: input }).outputs.dx;
  const hits = Array.from(data.keys()).filter((i) => data[i] !== 0);
  const [down, across] = [hits.map((i) => Math.floor(i / W)), hits.map((i) => i % W)];
  return [Math.min(...down), Math.min(...across), Math.max(...down) + 1, Math.max(...across) + 1];
}

for (const [name, layer] of Object.entries(layers)) {
  fields(`${name}: a position depends on its field and nothing else`, () => {
    const field = receptiveFields(picture)(layer);
    assert.ok(field);
    const [, P, Q] = layer.shape;
    const seen = (h: number, w: number): number[] =>
      [0, 1].flatMap((end) =>
        field.map(({ size, stride, start }, axis) =>
          Math.min([H, W][axis], Math.max(0, start + stride * [h, w][axis] + end * size)),
        ),
      );
    assert.equal(seen(P >> 1, Q >> 1), reached(layer, P >> 1, Q >> 1));
    // At the border the padding of layers between may hide pixels, but none beyond the field counts.
    const [corner, there] = [seen(P - 1, Q - 1), reached(layer, P - 1, Q - 1)];
    assert.ok(there.every((edge, i) => (i < 2 ? edge >= corner[i] : edge <= corner[i])));
  });
}

fields('numbers by hand', () => {
  const fieldOf = receptiveFields(picture);
  assert.equal(fieldOf(first), [
    { size: 3, stride: 2, start: -1 },
    { size: 5, stride: 1, start: -2 },
  ]);
  assert.equal(fieldOf(wide), [
    { size: 15, stride: 4, start: -5 },
    { size: 10, stride: 2, start: -4 },
  ]);
});

fields('what has no regular field has none', () => {
  const enlarged = ops.take(first, [0, 0, 1, 1], 1);
  const rows = ops.matmul(ops.reshape(first, [1, first.shape.slice(1).reduce((a, b) => a * b)]), filterRows());
  const fieldOf = receptiveFields(picture);
  assert.is(fieldOf(enlarged), undefined);
  assert.is(fieldOf(filter(1, 1, 1, 1)), undefined);
  assert.equal(fieldOf(rows), [
    { size: H, stride: 0, start: 0 },
    { size: W, stride: 0, start: 0 },
  ]);
});

function filterRows(): Value {
  const inputs = first.shape.slice(1).reduce((a, b) => a * b);
  return graph.constant({ shape: [inputs, 2], data: new Float32Array(2 * inputs).fill(1) });
}
