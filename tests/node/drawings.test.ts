// The drawn data set: the same bytes everywhere, labels in order, every figure visible, and no hint but its form.

import { createHash } from 'node:crypto';
import * as assert from 'uvu/assert';
import { canvasSide, fields, shapeClasses, sine, textureClasses } from '../../src/training/drawings/fields.ts';
import { pickPalette, type Rgb } from '../../src/training/drawings/palette.ts';
import { drawing, drawingClasses, drawings } from '../../src/training/drawings.ts';
import { rng } from '../../src/training/random.ts';
import { suite } from '../support/suite.ts';

const random = suite('random');

random('is one stream for one (seed, stream), and another for another', () => {
  const first = (seed: number, stream: number) => Array.from({ length: 3 }, rng(seed, stream)).join();
  assert.is(first(1, 2), first(1, 2));
  const pairs = [0, 1, 2, -1, 2 ** 32, 2 ** 32 + 1].flatMap((s, _, all) => all.map((t) => first(s, t)));
  assert.is(new Set(pairs).size, pairs.length);
});

random('is uniform in [0, 1), within a stream and across streams', () => {
  const count = 20000;
  const next = rng(3, 4);
  const within = Array.from({ length: count }, next);
  const across = Array.from({ length: count }, (_, stream) => rng(3, stream)());
  for (const values of [within, across]) {
    assert.ok(values.every((value) => value >= 0 && value < 1));
    const bins = new Array<number>(20).fill(0);
    for (const value of values) bins[Math.floor(value * 20)]++;
    const chiSquare = bins.reduce((sum, n) => sum + (n - count / 20) ** 2 / (count / 20), 0);
    assert.ok(chiSquare < 43.8, `chi square ${chiSquare}, 19 degrees of freedom`); // exceeded once in 1000 seeds
  }
});

random('refuses what is no integer', () => {
  assert.throws(() => rng(0.5, 1), /seed is 0\.5/);
  assert.throws(() => rng(1, Number.NaN), /stream is NaN/);
});

const test = suite('drawings');

test('the same bytes on every machine', () => {
  const hash = createHash('sha256');
  for (let index = 0; index < 40; index++) hash.update(drawing(7, index).pixels);
  assert.is(hash.digest('hex').slice(0, 16), 'f1396ae49a1b05f0');
});

test('labels run through the ten classes in order', () => {
  assert.equal(drawingClasses, [...textureClasses, ...shapeClasses]);
  assert.is(drawingClasses.length, 10);
  for (const index of [0, 3, 9, 10, 27]) assert.is(drawing(1, index).label, index % 10);
});

test('a batch is the pictures one by one, in 0..1', () => {
  const { images, labels } = drawings(5, 17, 4);
  assert.is(images.length, 4 * 64 * 64 * 3);
  assert.equal([...labels], [7, 8, 9, 0]);
  const third = drawing(5, 19).pixels;
  const start = 2 * third.length;
  assert.ok(third.every((byte, i) => images[start + i] === Math.fround(byte / 255)));
  assert.ok(images.every((value) => value >= 0 && value <= 1));
});

test('no two pictures are the same', () => {
  const digests = new Set<string>();
  for (const seed of [1, 2]) {
    for (let index = 0; index < 100; index++) {
      digests.add(createHash('sha256').update(drawing(seed, index).pixels).digest('hex'));
    }
  }
  assert.is(digests.size, 200);
});

test('another size shows the same scene', () => {
  for (let index = 0; index < 10; index++) {
    const [small, large] = [drawing(2, index).pixels, drawing(2, index, 192).pixels];
    assert.is(large.length, 192 * 192 * 3);
    let error = 0;
    for (let i = 0; i < small.length; i++) {
      const [y, x, channel] = [Math.floor(i / 192), Math.floor(i / 3) % 64, i % 3];
      error += Math.abs(small[i] - large[((3 * y + 1) * 192 + 3 * x + 1) * 3 + channel]); // the same point
    }
    assert.ok(error / small.length < 10, `picture ${index} differs by ${error / small.length} of 255 on average`);
  }
});

test('colour alone does not give the class', () => {
  const perClass = 150;
  const means = Array.from({ length: 10 }, () => [0, 0, 0]);
  for (let index = 0; index < 10 * perClass; index++) {
    const { pixels, label } = drawing(11, index);
    for (let i = 0; i < pixels.length; i += 16 * 3) {
      for (let channel = 0; channel < 3; channel++) means[label][channel] += pixels[i + channel] / (256 * perClass);
    }
  }
  // A picture's mean varies by 47 of 255 around 107, the mean of 150 by 3.8; up to five of those is chance.
  for (const mean of means) for (const value of mean) assert.ok(Math.abs(value - 107) < 19, `mean ${mean}`);
});

test('every figure covers a fair part of the canvas, and leaves a fair part', () => {
  for (const [name, draw] of Object.entries(fields)) {
    for (let stream = 0; stream < 200; stream++) {
      const field = draw(rng(21, stream));
      let inside = 0;
      for (let y = 0; y < canvasSide; y++) for (let x = 0; x < canvasSide; x++) if (field(x, y) < 0) inside++;
      const part = inside / canvasSide ** 2;
      assert.ok(part > 0.05 && part < 0.85, `${name} ${stream} covers ${part}`);
    }
  }
});

test('fields change by no more than the way gone: they are distances', () => {
  const step = 0.25;
  for (const [name, draw] of Object.entries(fields)) {
    const allowed = name === 'waves' ? 1.6 : 1.001; // waves are a distance to first order only
    for (let stream = 0; stream < 20; stream++) {
      const field = draw(rng(22, stream));
      for (let y = 0.5; y < canvasSide; y++) {
        for (let x = 0.5; x < canvasSide; x++) {
          const [here, there] = [field(x, y), field(x + step, y)];
          if (Math.abs(here) > 1) continue; // only the edge is painted
          assert.ok(Math.abs(here - there) <= allowed * step, `${name} ${stream} at ${x}, ${y}: ${here} to ${there}`);
        }
      }
    }
  }
});

test('figure and ground are always told apart', () => {
  const apart = (p: Rgb, q: Rgb) => Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
  for (let stream = 0; stream < 5000; stream++) {
    const { ground, figure, faint } = pickPalette(rng(31, stream));
    for (const colour of [...ground, ...figure, faint]) assert.ok(colour.every((value) => value >= 0 && value <= 1));
    for (const colour of [...ground, faint]) {
      const distance = apart(figure[0], colour);
      assert.ok(distance > 0.12, `stream ${stream}: ${distance}`);
    }
  }
});

test('sine is the sine', () => {
  for (let turns = -2; turns <= 2; turns += 1 / 512) {
    assert.ok(Math.abs(sine(turns) - Math.sin(2 * Math.PI * turns)) < 4e-6, `${turns} turns`);
  }
});

test('refuses an index or a size that is none', () => {
  assert.throws(() => drawing(1, -1), /index is -1/);
  assert.throws(() => drawing(1, 0, 0.5), /size is 0\.5/);
});
