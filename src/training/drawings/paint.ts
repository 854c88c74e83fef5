// paint.ts: turns the field of a figure and a palette into pixels. Which figure it is, it does not know.
//
// pixel = light * mix(ground, figure, coverage) + noise, where coverage falls from 1 to 0 across the figure's edge.

import { between, chance, type Random } from '../random.ts';
import { canvasSide, cosine, type Field, sine } from './fields.ts';
import { pickPalette, type Ramp } from './palette.ts';

/** What there is to paint: the figure, and whether a faint texture lies behind it or an outline runs inside its edge. */
export type Scene = { figure: Field; behind?: Field; outlined?: boolean };

/**
 * Paints a scene in random colours and light. Returns RGB bytes, row-major, channels last: [size, size, 3].
 * The same numbers give the same scene at any size; only the noise belongs to the pixel.
 */
export function paint(random: Random, { figure, behind, outlined }: Scene, size: number): Uint8Array {
  const palette = pickPalette(random);
  const groundAt = slope(random);
  const figureAt = slope(random);
  const lightAt = slope(random);
  const brightness = between(random, 0.82, 1.1);
  const shade = between(random, 0, 0.2); // how much darker the light's far side is
  const softness = between(random, 1, 2.2); // width of an edge in pixels: 1 is crisp, 2.2 slightly out of focus
  const outlineWidth = between(random, 2, 3.5);
  const grain = chance(random, 0.6) ? between(random, 0.01, 0.05) : 0; // grey noise, as of film
  const speckle = chance(random, 0.4) ? between(random, 0.01, 0.04) : 0; // noise of each channel by itself

  const unitsPerPixel = canvasSide / size;
  const edge = softness * unitsPerPixel;
  const pixels = new Uint8Array(size * size * 3);
  let next = 0;
  for (let row = 0; row < size; row++) {
    const y = (row + 0.5) * unitsPerPixel;
    for (let column = 0; column < size; column++) {
      const x = (column + 0.5) * unitsPerPixel;
      const fromEdge = figure(x, y);
      const ofFigure = coverage(fromEdge, edge);
      const ofBehind = behind ? coverage(behind(x, y), edge) : 0;
      const ofOutline = outlined ? coverage(-fromEdge - outlineWidth, edge) : 0;
      const alongGround = groundAt(x, y);
      const alongFigure = figureAt(x, y);
      const light = brightness * (1 - shade * lightAt(x, y));
      const grey = noise(random, grain);
      for (let channel = 0; channel < 3; channel++) {
        const ground = mix(along(palette.ground, alongGround, channel), palette.faint[channel], ofBehind);
        const inside = mix(along(palette.figure, alongFigure, channel), palette.outline[channel], ofOutline);
        const value = light * mix(ground, inside, ofFigure) + grey + noise(random, speckle);
        pixels[next++] = Math.floor(255 * Math.min(1, Math.max(0, value)) + 0.5);
      }
    }
  }
  return pixels;
}

/** How much of a pixel lies inside: 1 deep inside, 0 far outside, smooth across an edge of the given width. */
function coverage(distance: number, edge: number): number {
  const t = Math.min(1, Math.max(0, 0.5 - distance / edge));
  return t * t * (3 - 2 * t);
}

/** A plane over the canvas in a random direction, 0 at one side and 1 at the other. */
function slope(random: Random): Field {
  const turn = random();
  const middle = canvasSide / 2;
  const diagonal = canvasSide * Math.SQRT2;
  const [dx, dy] = [cosine(turn) / diagonal, sine(turn) / diagonal];
  return (x, y) => 0.5 + (x - middle) * dx + (y - middle) * dy;
}

/** A channel of the colour at position t (0..1) of a ramp. */
function along(ramp: Ramp, t: number, channel: number): number {
  return mix(ramp[0][channel], ramp[1][channel], t);
}

function mix(from: number, to: number, t: number): number {
  return from + (to - from) * t;
}

/** Noise in (-amplitude, amplitude), near 0 more often: the triangular distribution. None draws no numbers. */
function noise(random: Random, amplitude: number): number {
  return amplitude > 0 ? amplitude * (random() - random()) : 0;
}
