// maps.test.ts: how maps of numbers become colours.

import * as assert from 'uvu/assert';
import {
  colorize,
  grayscale,
  overlay,
  overlayMap,
  type Pixels,
  resizeBilinear,
  sumChannels,
} from '../../src/viz/render/maps.ts';
import { attributionMap } from '../../src/viz/render/attributionMap.ts';
import { close } from '../support/close.ts';
import { suite } from '../support/suite.ts';

const maps = suite('maps as colours');

const pixel = ({ data }: Pixels, i: number): number[] => [...data.subarray(4 * i, 4 * i + 4)];
const luma = ([r, g, b]: number[]): number => 0.299 * r + 0.587 * g + 0.114 * b;

maps('channels are summed for a map, but not where each carries the value of its pixel', () => {
  const about = { method: 'any', score: 1, signed: true, evaluations: 1, millis: 1, shape: [1, 2, 1, 2] };
  const values = Float32Array.of(1, 2, 1, 2);
  assert.equal([...attributionMap({ ...about, values }, [1, 2]).data], [2, 4]);
  assert.equal([...attributionMap({ ...about, values, alike: true }, [1, 2]).data], [1, 2]);
});

maps('signs have colours of their own, and 0 is white', () => {
  const drawn = colorize([-2, 0, 2, 1], [2, 2], 'diverging', { clip: 100 });
  const [against, nothing, forIt, half] = [0, 1, 2, 3].map((i) => pixel(drawn, i));
  assert.ok(against[2] > against[0] && forIt[0] > forIt[2], 'blue against, red for');
  assert.ok(nothing.slice(0, 3).every((value) => value > 230));
  assert.ok(half[0] > half[2] && luma(half) > luma(forIt));
});

maps('magnitudes run from the smallest to the largest, or from 0 where some are below', () => {
  const shifted = colorize([15, 16, 17, 18], [2, 2], 'sequential', { clip: 100 });
  const plain = colorize([0, 1, 2, 3], [2, 2], 'sequential', { clip: 100 });
  assert.equal(shifted.data, plain.data);
  const lumas = [0, 1, 2, 3].map((i) => luma(pixel(plain, i)));
  assert.ok(lumas.every((value, i) => i === 0 || value > lumas[i - 1]));
  const below = colorize([-3, 0, 3, 3], [2, 2], 'sequential', { clip: 100 });
  assert.equal(pixel(below, 0), pixel(below, 1), 'what is below 0 is drawn as 0');
  const even = colorize([7, 7], [1, 2], 'sequential');
  assert.equal(pixel(even, 0), pixel(plain, 0), 'a map that is the same everywhere says nothing');
});

maps('single pixels do not set the scale', () => {
  const map = new Float32Array(1000).fill(1);
  map[5] = 1e6;
  const drawn = colorize(map, [10, 100], 'diverging');
  assert.equal(pixel(drawn, 0), pixel(drawn, 5));
});

maps('an overlay fades where the map says nothing, and asks for one size', () => {
  const picture: Pixels = { width: 2, height: 1, data: Uint8ClampedArray.of(10, 200, 30, 255, 90, 90, 90, 255) };
  const drawn = overlay(grayscale(picture), colorize([0, 5], [1, 2], 'diverging', { fade: true }), 1);
  assert.equal(pixel(drawn, 0), pixel(grayscale(picture), 0));
  assert.equal(pixel(drawn, 1), pixel(colorize([0, 5], [1, 2], 'diverging'), 1));
  assert.throws(() => overlay(picture, colorize([1], [1, 1], 'sequential')), /1x1 over 2x1/);
});

maps('beneath the strongest values of a signed map the picture is still seen', () => {
  const picture: Pixels = {
    width: 3,
    height: 1,
    data: Uint8ClampedArray.of(...[0, 120, 240].flatMap((v) => [v, v, v, 255])),
  };
  const drawn = overlayMap(picture, [5, 5, 5], 'diverging');
  const lumas = [0, 1, 2].map((i) => luma(pixel(drawn, i)));
  for (const i of [1, 2])
    assert.ok(lumas[i] - lumas[i - 1] > 15, `lumas ${lumas} of one value over black, grey, white`);
});

maps('channels are summed; sizes change bilinearly with edges repeated', () => {
  assert.equal([...sumChannels([1, 2, 3, 4, 10, 20, 30, 40], [1, 2, 2, 2])], [11, 22, 33, 44]);
  close(resizeBilinear([0, 4], [1, 2], [1, 4]), [0, 1, 3, 4], { absolute: 1e-6 }, 'twice as wide');
  close(resizeBilinear([1, 2, 3, 4], [2, 2], [2, 2]), [1, 2, 3, 4], {}, 'the same size');
});
