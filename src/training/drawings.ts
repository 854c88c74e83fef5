// drawings.ts: a data set without a download: ten classes of textures and shapes in colour, drawn by code.
//
// Made for training the small embedded network, whose channels people then look at: its classes cannot be told apart
// without detectors of stripes, dots, edges, corners, curves and colours; colour, size, angle, place and light never
// give the class away. What a class looks like is in drawings/fields.ts, colours in palette.ts, pixels in paint.ts.
//
// Every picture depends on (seed, index) alone and comes out in the same bytes on every machine: the arithmetic is
// + - * / and Math.sqrt, which IEEE 754 defines to the last bit.

import { type DrawingClass, fields, shapeClasses, textureClasses } from './drawings/fields.ts';
import { paint, type Scene } from './drawings/paint.ts';
import { chance, oneOf, type Random, rng } from './random.ts';

const classes: readonly DrawingClass[] = [...textureClasses, ...shapeClasses];
const shapes: readonly DrawingClass[] = shapeClasses;

/** Side of the pictures that the network takes, in pixels. */
const side = 64;

/** Part of the shapes that have a faint texture behind them, so that texture alone does not give the class. */
const texturedGround = 0.4;

/** Part of the shapes that have an outline in a third colour. */
const outlinedShapes = 0.3;

/** Class names in the order of the labels. */
export const drawingClasses: readonly string[] = classes;

/**
 * The picture number `index` of the stream `seed`: RGB bytes, row-major, channels last, [size, size, 3].
 * Its label is index % 10, so any ten pictures in a row hold every class once. Other sizes show the same scene.
 */
export function drawing(seed: number, index: number, size = side): { pixels: Uint8Array; label: number } {
  if (!Number.isSafeInteger(index) || index < 0) {
    throw new Error(`drawing: index is ${index}. Pass an integer, 0 or more.`);
  }
  if (!Number.isSafeInteger(size) || size < 1) {
    throw new Error(`drawing: size is ${size}. Pass the side in pixels, an integer, 1 or more.`);
  }
  const label = index % classes.length;
  const random = rng(seed, index);
  return { pixels: paint(random, scene(random, classes[label]), size), label };
}

/**
 * `count` pictures starting at `first`: floats in 0..1, [count, 64, 64, 3], and their labels, [count].
 * 1000 pictures are 49 MB: draw a data set in parts.
 */
export function drawings(seed: number, first: number, count: number): { images: Float32Array; labels: Uint8Array } {
  const valuesPerPicture = side * side * 3;
  const images = new Float32Array(count * valuesPerPicture);
  const labels = new Uint8Array(count);
  for (let n = 0; n < count; n++) {
    const { pixels, label } = drawing(seed, first + n);
    const start = n * valuesPerPicture;
    for (let i = 0; i < valuesPerPicture; i++) images[start + i] = pixels[i] / 255;
    labels[n] = label;
  }
  return { images, labels };
}

function scene(random: Random, name: DrawingClass): Scene {
  const figure = fields[name](random);
  if (!shapes.includes(name)) return { figure };
  const outlined = chance(random, outlinedShapes);
  if (!chance(random, texturedGround)) return { figure, outlined };
  return { figure, outlined, behind: fields[oneOf(random, textureClasses)](random) };
}
