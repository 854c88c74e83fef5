// Fourier transforms as wholes: against the definition, each other, and their adjoints; and the lowering to stages.

import * as assert from 'uvu/assert';
import { gradient } from '../../src/autodiff/gradient.ts';
import { computation, Graph, type Value } from '../../src/engine/graph.ts';
import { interpret } from '../../src/engine/interpret.ts';
import { irfft2, rfft2 } from '../../src/engine/ops/index.ts';
import { lower } from '../../src/engine/passes/lower.ts';
import { fftRadices } from '../../src/engine/passes/lower_fft.ts';
import { halfSize } from '../../src/kernels/fft.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import type { Shape } from '../../src/kernels/types.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const sizes: readonly [number, number][] = [
  [1, 1],
  [1, 2],
  [2, 3],
  [5, 4],
  [7, 8],
  [12, 13],
  [15, 16],
  [16, 15],
];
const CHANNELS = 2;

function draw(shape: Shape, seed: number): Float64Array {
  const next = randomNumbers(seed);
  return Float64Array.from({ length: sizeOf(shape) }, () => 2 * next() - 1);
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((total, v, i) => total + v * b[i], 0);

/** Result of a function of one input, on the graph as traced and as lowered. */
function evaluate(shape: Shape, data: Float64Array, build: (x: Value) => Value): Float64Array {
  const traced = computation({ y: build(new Graph().input('x', shape)) });
  const y = interpret(traced, { x: data }).outputs.y.data;
  close(interpret(lower(traced), { x: data }).outputs.y.data, y, { relative: 1e-13 }, 'lowered');
  return y;
}

/** X[k,l] of one channel of one picture, by the definition. */
function spectrumAt(
  x: Float64Array,
  [h, w]: [number, number],
  channel: number,
  k: number,
  l: number,
): [number, number] {
  let [re, im] = [0, 0];
  for (let i = 0; i < h; i++) {
    for (let j = 0; j < w; j++) {
      const angle = -2 * Math.PI * ((i * k) / h + (j * l) / w);
      re += x[(i * w + j) * CHANNELS + channel] * Math.cos(angle);
      im += x[(i * w + j) * CHANNELS + channel] * Math.sin(angle);
    }
  }
  return [re, im];
}

const test = suite('fourier');

for (const size of sizes) {
  const [h, w] = size;
  const columns = halfSize(w);
  const imageShape = [1, h, w, CHANNELS];
  const spectrumShape = [1, h, columns, CHANNELS, 2];
  const image = draw(imageShape, 1);
  const spectrum = draw(spectrumShape, 2);

  test(`rfft2 of ${size} is its definition, and irfft2 takes it back`, () => {
    const actual = evaluate(imageShape, image, (x) => rfft2(x));
    const expected = Array.from({ length: h * columns * CHANNELS }, (_, i) =>
      spectrumAt(image, size, i % CHANNELS, Math.floor(i / CHANNELS / columns), Math.floor(i / CHANNELS) % columns),
    ).flat();
    close(actual, expected, { relative: 1e-13 }, 'rfft2');
    close(
      evaluate(spectrumShape, actual, (c) => irfft2(c, w)),
      image,
      { relative: 1e-14 },
      'round trip',
    );
  });

  test(`the gradient of irfft2 to ${size} is its transpose`, () => {
    const y = draw(imageShape, 3);
    const forward = evaluate(spectrumShape, spectrum, (c) => irfft2(c, w));
    const transposed = evaluate(imageShape, y, (seed) => {
      const c = seed.graph.constant({ shape: spectrumShape, data: new Float32Array(sizeOf(spectrumShape)) });
      return gradient(irfft2(c, w), [c], { seed })[0];
    });
    const scale = Math.sqrt(dot(forward, forward) * dot(y, y));
    close([dot(forward, y)], [dot(spectrum, transposed)], { absolute: 1e-13 * scale }, 'inner products');
  });

  test(`energies of a picture of ${size} and its spectrum agree`, () => {
    const c = evaluate(imageShape, image, (x) => rfft2(x));
    const energy = c.reduce((total, v, i) => {
      const column = Math.floor(i / (2 * CHANNELS)) % columns;
      return total + (column === 0 || 2 * column === w ? 1 : 2) * v * v;
    }, 0);
    close([energy / (h * w)], [dot(image, image)], { relative: 1e-13 }, 'Parseval');
  });
}

test('imaginary parts a real picture cannot have are ignored, as NumPy does', () => {
  // numpy.fft.irfft2([[1+1j, 2-1j, 3+2j], [0.5, -1j, 1-1j]], s=(2, 4)), which is even in width.
  const c = Float64Array.of(1, 1, 2, -1, 3, 2, 0.5, 0, 0, -1, 1, -1);
  const y = evaluate([1, 2, 3, 1, 2], c, (x) => irfft2(x, 4));
  close(y, [1.1875, 0.1875, 0.1875, -0.8125, 0.8125, -0.1875, -0.1875, -0.1875], { relative: 1e-14 }, 'irfft2');
});

test('sizes factor into few stages', () => {
  assert.equal(fftRadices(224), [7, 8, 4]);
  assert.equal(fftRadices(128), [8, 4, 4]);
  assert.equal(fftRadices(113), [113]);
  assert.equal(fftRadices(1), []);
  for (let n = 1; n < 300; n++)
    assert.is(
      fftRadices(n).reduce((product, radix) => product * radix, 1),
      n,
    );
});

test('a wrong size names itself', () => {
  assert.throws(() => irfft2(new Graph().input('c', [1, 4, 4, 3, 2]), 8), /for W = 8 it is \[N,H,5,C,2\]/);
});
