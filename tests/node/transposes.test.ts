// transposes.test.ts: the rewrites of transposes: what they save, and that the computation means the same afterwards.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { type Computation, computation, Graph, type OpNode, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { matmul, neg, reshape, square, sum, transpose } from '../../src/engine/ops/index.ts';
import { simplify } from '../../src/engine/passes/simplify.ts';
import { commonFactors } from '../../src/engine/passes/transposes.ts';
import { printComputation } from '../../src/engine/print.ts';
import type { Shape } from '../../src/kernels/types.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const test = suite('transposes');

const transposesOf = ({ graph }: Computation): OpNode[] =>
  graph.nodes.filter((node): node is OpNode => node.kind === 'op' && node.op === 'transpose');

/** Simplified, after a check that it means the same for each input filled with distinct numbers. */
function simplified(source: Computation): Computation {
  const after = simplify(source);
  const feeds: Record<string, Float32Array> = {};
  for (const node of source.graph.nodes) {
    if (node.kind === 'input') feeds[node.name] = Float32Array.from({ length: sizeOf(node.shape) }, (_, i) => i + 1);
  }
  const [expected, actual] = [source, after].map((each) => interpret(each, feeds).outputs);
  for (const [name, { shape, data }] of Object.entries(expected)) {
    assert.equal([...actual[name].shape], [...shape], name);
    close(actual[name].data, data, { relative: 1e-12 }, `${name}\n${printComputation(after)}`);
  }
  return after;
}

/** How many transposes are left of f(x), and of its gradient as well. */
function counts(shape: Shape, f: (x: Value) => Value): [number, number] {
  const graph = new Graph();
  const x = graph.input('x', shape);
  const y = f(x);
  const [dx] = gradient(sum(square(y)), [x]);
  return [transposesOf(simplified(computation({ y }))).length, transposesOf(simplified(computation({ y, dx }))).length];
}

test('finest common axes of two shapes', () => {
  assert.equal(commonFactors([6, 4], [2, 12]), { sizes: [2, 3, 4], left: [[0, 1], [2]], right: [[0], [1, 2]] });
  assert.equal(commonFactors([1, 6], [2, 1, 3]), { sizes: [2, 3], left: [[], [0, 1]], right: [[0], [], [1]] });
  assert.equal(commonFactors([], [1]), { sizes: [], left: [], right: [[]] });
  assert.is(commonFactors([2, 3], [3, 2]), undefined);
});

test('a transpose and the way back are nothing', () => {
  assert.equal(
    counts([2, 3, 4, 5], (x) => transpose(transpose(x, [0, 3, 1, 2]), [0, 2, 3, 1])),
    [0, 0],
  );
  // There is nothing in between that would need the other order.
  assert.equal(
    counts([2, 3, 4], (x) => transpose(transpose(x, [2, 0, 1]), [2, 0, 1])),
    [1, 2],
  );
});

test('pixels as the rows of a matrix: channels-last to channels-first, joined, and turned, is nothing', () => {
  assert.equal(
    counts([2, 3, 4, 5], (x) => transpose(reshape(transpose(x, [0, 3, 1, 2]), [2, 5, 12]), [0, 2, 1])),
    [0, 0],
  );
});

test('a channel shuffle by way of channels-first is one transpose, and one more back', () => {
  const shuffle = (x: Value): Value => {
    const apart = reshape(transpose(x, [0, 3, 1, 2]), [2, 2, 3, 4, 5]);
    return transpose(reshape(transpose(apart, [0, 2, 1, 3, 4]), [2, 6, 4, 5]), [0, 2, 3, 1]);
  };
  assert.equal(counts([2, 4, 5, 6], shuffle), [1, 2]);
});

test('a pixel shuffle by way of channels-first is one transpose, and one more back', () => {
  const shuffle = (x: Value): Value => {
    const apart = reshape(transpose(x, [0, 3, 1, 2]), [2, 3, 2, 2, 4, 5]);
    return transpose(reshape(transpose(apart, [0, 1, 4, 2, 5, 3]), [2, 3, 8, 10]), [0, 2, 3, 1]);
  };
  assert.equal(counts([2, 4, 5, 12], shuffle), [1, 2]);
});

test('a value that others read stays as it is', () => {
  const graph = new Graph();
  const turned = transpose(graph.input('x', [2, 3, 4]), [2, 0, 1]);
  const after = simplified(
    computation({ turned, y: transpose(neg(turned), [1, 2, 0]), z: transpose(turned, [1, 2, 0]) }),
  );
  assert.is(transposesOf(after).length, 2, printComputation(after));
});

test('shapes without common axes are left alone', () => {
  const graph = new Graph();
  const x = graph.input('x', [3, 2]);
  const after = simplified(computation({ y: transpose(reshape(transpose(x), [3, 2])) }));
  assert.is(transposesOf(after).length, 2, printComputation(after));
});

test('any chain of reshapes and transposes means the same in fewer transposes', () => {
  const next = randomNumbers(7);
  const below = (count: number): number => Math.floor(next() * count);
  for (let round = 0; round < 200; round++) {
    const graph = new Graph();
    const x = graph.input('x', [[2, 6, 2], [4, 3, 2], [1, 12, 2], [24]][below(4)]);
    let y: Value = x;
    for (let step = 0; step < 6; step++) {
      if (next() < 0.5) {
        const order = y.shape.map((_, axis) => ({ axis, rank: next() })).sort((a, b) => a.rank - b.rank);
        y = transpose(
          y,
          order.map(({ axis }) => axis),
        );
      } else y = reshape(y, [[2, 3, 2, 2], [6, 4], [2, 12], [4, 1, 6], [8, 3], [24]][below(6)]);
    }
    const source = computation({ y });
    assert.ok(transposesOf(simplified(source)).length <= transposesOf(source).length, printComputation(source));
  }
});

test('a product reads a matrix the other way round in place of a transpose', () => {
  const graph = new Graph();
  const a = graph.input('a', [2, 3, 5, 4]);
  const b = graph.input('b', [2, 3, 7, 4]);
  const w = graph.input('w', [4, 7]);
  const after = simplified(
    computation({
      scores: matmul(a, transpose(b, [0, 1, 3, 2])),
      back: matmul(a, transpose(transpose(w)), {}),
      twice: matmul(a, transpose(w), { transposeB: true }),
      heads: matmul(transpose(a, [1, 0, 2, 3]), transpose(b, [1, 0, 3, 2])),
    }),
  );
  // Two of the last product swap batch axes as well.
  assert.is(transposesOf(after).length, 2, printComputation(after));
});
