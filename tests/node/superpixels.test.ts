// Superpixels and the features of a picture: what SLIC promises, and how features are chosen.

import * as assert from 'uvu/assert';
import { presets } from '../../src/models/preprocess.ts';
import {
  chooseFeatures,
  type FeatureMap,
  featureOptions,
  gridFeatures,
  maskFeatures,
  pixelFeatures,
  spread,
} from '../../src/viz/attribution/features.ts';
import { segmentPicture, slic, toLab } from '../../src/viz/attribution/slic.ts';
import { close } from '../support/close.ts';
import { randomNumbers } from '../support/draw.ts';
import { suite } from '../support/suite.ts';

const test = suite('superpixels');

type Size = readonly [number, number];

/** Smooth hills with a little noise, [H*W*3]. */
function landscape([H, W]: Size, seed: number): Float32Array {
  const next = randomNumbers(seed);
  return Float32Array.from({ length: H * W * 3 }, (_, k) => {
    const [i, j, c] = [Math.floor(k / 3 / W), Math.floor(k / 3) % W, k % 3];
    return 50 + 40 * Math.sin(0.11 * i + c) * Math.cos(0.07 * j - c) + 4 * next();
  });
}

function sizesOf({ ids, count }: FeatureMap): Int32Array {
  const sizes = new Int32Array(count);
  for (const id of ids) {
    assert.ok(id >= 0 && id < count);
    sizes[id]++;
  }
  return sizes;
}

/** Regions that a flood from their first pixel does not reach whole. */
function brokenRegions({ ids, count }: FeatureMap, [H, W]: Size): number {
  const seen = new Uint8Array(H * W);
  const reached = new Set<number>();
  let broken = 0;
  for (let start = 0; start < H * W; start++) {
    if (seen[start]) continue;
    if (reached.has(ids[start])) broken++;
    reached.add(ids[start]);
    const pending = [start];
    seen[start] = 1;
    while (pending.length > 0) {
      const at = pending.pop() as number;
      const beside = [at - W, at + W, ...(at % W > 0 ? [at - 1] : []), ...(at % W < W - 1 ? [at + 1] : [])];
      for (const to of beside) {
        if (to < 0 || to >= H * W || seen[to] || ids[to] !== ids[at]) continue;
        seen[to] = 1;
        pending.push(to);
      }
    }
  }
  assert.is(reached.size, count);
  return broken;
}

test('every pixel has a region; regions are connected, about as many as asked for, none of them a crumb', () => {
  for (const [size, segments] of [
    [[96, 128], 50],
    [[224, 224], 50],
    [[60, 61], 200],
    [[28, 28], 9],
  ] as const) {
    const regions = slic(landscape(size, 1), size, { segments });
    const sizes = sizesOf(regions);
    assert.is(brokenRegions(regions, size), 0);
    assert.ok(regions.count >= 0.6 * segments && regions.count <= 1.4 * segments, `${regions.count} for ${segments}`);
    const mean = (size[0] * size[1]) / segments;
    assert.ok(Math.min(...sizes) >= mean / 4 - 1, `smallest ${Math.min(...sizes)} of ${mean}`);
  }
});

test('noise does not break them either', () => {
  const size: Size = [64, 64];
  const next = randomNumbers(3);
  const noise = Float32Array.from({ length: 64 * 64 * 3 }, () => 100 * next());
  const regions = slic(noise, size, { segments: 40, compactness: 1 });
  assert.ok(Math.min(...sizesOf(regions)) > 0);
  assert.is(brokenRegions(regions, size), 0);
});

test('an edge between two colours is an edge between regions', () => {
  const size: Size = [80, 100];
  // A disc, whose rim no grid follows.
  const isInside = (at: number) => (Math.floor(at / 100) - 37) ** 2 + ((at % 100) - 52) ** 2 < 25 ** 2;
  const picture = Float32Array.from({ length: 80 * 100 * 3 }, (_, k) => (isInside(Math.floor(k / 3)) ? 80 : 20));
  const { ids, count } = slic(picture, size, { segments: 40 });
  const [inside, all] = [new Int32Array(count), new Int32Array(count)];
  ids.forEach((id, at) => {
    all[id]++;
    if (isInside(at)) inside[id]++;
  });
  // Pixels that are of the other colour than most of their region.
  const wrong = all.reduce((sum, size, id) => sum + Math.min(inside[id], size - inside[id]), 0);
  assert.ok(wrong <= 0.005 * ids.length, `${wrong} pixels lie on the wrong side`);
});

test('the same picture gives the same regions; one region is the whole', () => {
  const size: Size = [40, 50];
  const picture = landscape(size, 5);
  assert.equal(slic(picture, size, { segments: 20 }), slic(picture, size, { segments: 20 }));
  assert.is(slic(picture, size, { segments: 1 }).count, 1);
  assert.is(slic(picture.subarray(0, 12), [2, 2], { segments: 100 }).ids.length, 4);
});

test('colours are compared in CIELAB', () => {
  // Lindbloom's calculator, sRGB, D65.
  close(toLab(Float32Array.of(1, 1, 1, 0, 0, 0)), [100, 0, 0, 0, 0, 0], { absolute: 0.02 }, 'white and black');
  close(toLab(Float32Array.of(1, 0, 0)), [53.24, 80.09, 67.2], { absolute: 0.02 }, 'red');
  close(toLab(Float32Array.of(0, 0, 1)), [32.3, 79.19, -107.86], { absolute: 0.02 }, 'blue');
});

test("a network's input is seen as the picture it was made from", () => {
  const size: Size = [48, 48];
  const rgb = landscape(size, 7).map((value) => value / 100);
  const { mean, std } = presets.imagenet;
  const imagenet = rgb.map((value, k) => (value - mean[k % 3]) / std[k % 3]);
  const caffe = rgb.map((_, k) => rgb[k - (k % 3) + 2 - (k % 3)] * 255 - presets.caffe.mean[k % 3]);
  const plain = segmentPicture(rgb, size, presets.unit, 16);
  const same = (other: FeatureMap) => other.ids.filter((id, at) => id !== plain.ids[at]).length;
  assert.ok(same(segmentPicture(imagenet, size, presets.imagenet, 16)) < 20);
  assert.ok(same(segmentPicture(caffe, size, presets.caffe, 16)) < 20);
  const raw = Float32Array.from({ length: 48 * 48 * 5 }, (_, k) => 1e-3 * ((k % 240) + (k % 5)));
  const many = segmentPicture(raw, size, { ...presets.unit, order: 'raw' }, 16);
  assert.is(brokenRegions(many, size), 0);
});

test('grids, pixels and masks', () => {
  assert.equal([...gridFeatures([4, 6], 2).ids.subarray(0, 6)], [0, 0, 0, 1, 1, 1]);
  assert.equal(pixelFeatures([2, 3]).cells, [2, 3]);
  const mask = maskFeatures([7, 7, -1, 0.5], [2, 2]);
  assert.equal([...mask.ids], [2, 2, 0, 1]);
  assert.equal([...spread([1, 2, 3], mask)], [3, 3, 1, 2]);
  assert.throws(() => maskFeatures([1], [2, 2]), /holds 1 numbers, the picture 2 x 2/);
  assert.throws(() => gridFeatures([4, 6], 5), /grid of 5 .* from 1 to 4/);
});

test('one kind of feature is chosen: what was given, else what the method takes by itself', () => {
  assert.equal(chooseFeatures({ grid: 3 }, { segments: 50 }, [28, 28]), { grid: 3 });
  assert.equal(chooseFeatures({}, { segments: 50 }, [28, 28]), { segments: 50 });
  assert.equal(chooseFeatures({}, { grid: 7 }, [5, 28]), { grid: 5 });
  assert.throws(() => chooseFeatures({ grid: 3, segments: 5 }, {}, [28, 28]), /grid and segments both/);
  const { grid, mask } = featureOptions({ grid: 7 });
  assert.is(grid.parse('pixels'), 'pixels');
  assert.is(grid.parse('4'), 4);
  assert.throws(() => grid.parse('0'), /"0"/);
  assert.throws(() => mask.parse('regions.png'), /no \.npy file/);
});
