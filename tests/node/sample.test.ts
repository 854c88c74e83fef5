// Affine sampling as a whole: copies are exact, the gradient is the transpose, singular maps end.

import * as assert from 'uvu/assert';
import { computation, Graph } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { affineSample, affineSampleInput, randomAffine } from '../../src/engine/ops/index.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const SIZE: readonly [number, number] = [9, 8];
const OUT: readonly [number, number] = [7, 10];
const CHANNELS = 3;

function draw(count: number, seed: number): Float64Array {
  const next = randomNumbers(seed);
  return Float64Array.from({ length: count }, () => 2 * next() - 1);
}
const picture = draw(SIZE[0] * SIZE[1] * CHANNELS, 1);

function sample(matrix: ArrayLike<number>, size: readonly [number, number], fill = 0): Float64Array {
  const graph = new Graph();
  const x = graph.input('x', [1, ...SIZE, CHANNELS]);
  const m = graph.input('m', [1, 2, 3]);
  return interpret(computation({ y: affineSample(x, m, { size, fill }) }), { x: picture, m: matrix }).outputs.y.data;
}

function transpose(matrix: ArrayLike<number>, dy: Float64Array): Float64Array {
  const graph = new Graph();
  const seed = graph.input('dy', [1, ...OUT, CHANNELS]);
  const m = graph.input('m', [1, 2, 3]);
  const dx = affineSampleInput(seed, m, { inputSize: SIZE });
  return interpret(computation({ dx }), { dy, m: matrix }).outputs.dx.data;
}

const at = (row: number, column: number, fill: number): number[] => {
  const inside = row >= 0 && row < SIZE[0] && column >= 0 && column < SIZE[1];
  const start = (row * SIZE[1] + column) * CHANNELS;
  return inside ? [...picture.subarray(start, start + CHANNELS)] : [fill, fill, fill];
};

const test = suite('affine sampling');

test('the identity copies, a whole shift copies and fills', () => {
  assert.equal(sample([1, 0, 0, 0, 1, 0], SIZE), picture);
  const shifted = sample([1, 0, 2, 0, 1, -3], OUT, 0.5);
  const expected = Array.from({ length: OUT[0] * OUT[1] }, (_, i) =>
    at(Math.floor(i / OUT[1]) + 2, (i % OUT[1]) - 3, 0.5),
  );
  assert.equal([...shifted], expected.flat());
});

test('half a pixel is the mean of two, across the border with the fill', () => {
  const y = sample([1, 0, 0, 0, 1, 0.5], SIZE, 0.25);
  const left = at(4, SIZE[1] - 1, 0)[0];
  const value = y[(4 * SIZE[1] + SIZE[1] - 1) * CHANNELS];
  close([value], [(left + 0.25) / 2], { relative: 1e-15 }, 'last column');
});

const maps: Record<string, readonly number[]> = {
  'a turn': [0.8, 0.6, -1.25, -0.6, 0.8, 3.125],
  'a magnification': [0.25, 0.02, 2.1, -0.03, 0.3, 1.7],
  'a reduction': [2.5, -0.3, -4.2, 0.4, 2.1, -5.5],
  'a mirror': [1, 0, 0, 0, -1, 7],
};
for (const [name, matrix] of Object.entries(maps)) {
  test(`${name}: <A x, y> = <x, A' y>`, () => {
    const y = draw(OUT[0] * OUT[1] * CHANNELS, 5);
    const dot = (a: Float64Array, b: Float64Array) => a.reduce((total, v, i) => total + v * b[i], 0);
    close([dot(sample(matrix, OUT), y)], [dot(picture, transpose(matrix, y))], { absolute: 1e-12 }, name);
  });
}

test('a singular map has a zero gradient', () => {
  for (const matrix of [
    [0, 0, 2, 0, 0, 3],
    [1, 2, 0, 2, 4, 0],
  ]) {
    assert.ok(transpose(matrix, draw(OUT[0] * OUT[1] * CHANNELS, 5)).every((v) => v === 0));
    assert.ok(sample(matrix, OUT).every(Number.isFinite));
  }
});

test('a picture moved by jitter alone keeps its pixels', () => {
  const graph = new Graph();
  const step = graph.input('step', []);
  const x = graph.input('x', [1, ...SIZE, CHANNELS]);
  const matrix = randomAffine(step, {
    batch: 1,
    inputSize: SIZE,
    outputSize: [5, 4],
    moves: [{ jitter: 2 }, { jitter: 2 }],
  });
  const y = affineSample(x, matrix, { size: [5, 4] });
  for (let n = 0; n < 8; n++) {
    const moved = interpret(computation({ y, matrix }), { step: [n], x: picture }).outputs;
    const [row, column] = [moved.matrix.data[2], moved.matrix.data[5]];
    const expected = Array.from({ length: 20 }, (_, i) => at(Math.floor(i / 4) + row, (i % 4) + column, Number.NaN));
    assert.equal([...moved.y.data], expected.flat());
  }
});
