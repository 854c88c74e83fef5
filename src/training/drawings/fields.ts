// fields.ts: what each class of drawing looks like, as a random signed distance. No colour and no pixel appears here.
//
// All lengths are in canvas units: the canvas is 64 x 64, x to the right, y down, its middle at (32, 32).
// All angles are in turns: 1 is a full circle.

import { between, chance, oneOf, type Random } from '../random.ts';

/** Side of the canvas in the unit all lengths here are in; a 64 x 64 picture has one pixel a unit. */
export const canvasSide = 64;

/** Distance from (x, y) to the edge of the figure: negative inside, positive outside, 0 on the edge. */
export type Field = (x: number, y: number) => number;

/** The classes whose figure fills the canvas. */
export const textureClasses = ['stripes', 'dots', 'checks', 'rings', 'waves', 'bricks'] as const;

/** The classes with one figure on a ground. */
export const shapeClasses = ['disc', 'square', 'triangle', 'star'] as const;

type TextureClass = (typeof textureClasses)[number];
type ShapeClass = (typeof shapeClasses)[number];
export type DrawingClass = TextureClass | ShapeClass;

/**
 * Draws the parameters of one figure of a class. The ranges keep the classes apart: a texture shows three periods or
 * more, its thinnest part is wider than the softest edge, a wave bends too much to be a stripe.
 */
export const fields: Record<DrawingClass, (random: Random) => Field> = {
  stripes(random) {
    const period = between(random, 6, 18);
    const width = period * between(random, 0.35, 0.65);
    return turned(random, (u) => Math.abs(wrap(u, period)) - width / 2);
  },

  dots(random) {
    const pitch = between(random, 8, 17);
    const radius = pitch * between(random, 0.24, 0.38);
    const shift = chance(random, 0.5) ? pitch / 2 : 0; // every second row, as in a honeycomb
    return turned(random, (u, v) => {
      const row = Math.floor(v / pitch + 0.5);
      return length(wrap(u + row * shift, pitch), v - row * pitch) - radius;
    });
  },

  checks(random) {
    const cell = between(random, 5, 10.5);
    return turned(random, (u, v) => {
      const across = Math.abs(wrap(u, 2 * cell)) - cell / 2;
      const down = Math.abs(wrap(v, 2 * cell)) - cell / 2;
      const nearest = Math.min(Math.abs(across), Math.abs(down));
      return across * down > 0 ? nearest : -nearest;
    });
  },

  rings(random) {
    const period = between(random, 7, 15);
    const width = period * between(random, 0.35, 0.65);
    const phase = between(random, 0, period);
    const reach = canvasSide / 5; // the centre stays well inside: seen from far off, rings are stripes
    const centreX = canvasSide / 2 + between(random, -reach, reach);
    const centreY = canvasSide / 2 + between(random, -reach, reach);
    return (x, y) => Math.abs(wrap(length(x - centreX, y - centreY) + phase, period)) - width / 2;
  },

  waves(random) {
    const period = between(random, 8, 16);
    const width = period * between(random, 0.35, 0.65);
    const wavelength = between(random, 14, 24);
    const amplitude = wavelength * between(random, 0.15, 0.24); // steepest slope 0.94 to 1.5: 43 to 56 degrees
    const steepest = (2 * Math.PI * amplitude) / wavelength;
    return turned(random, (u, v) => {
      const slope = steepest * cosine(u / wavelength);
      const vertical = Math.abs(wrap(v + amplitude * sine(u / wavelength), period)) - width / 2;
      return vertical / Math.sqrt(1 + slope * slope); // first-order distance: |f| / |gradient of f|
    });
  },

  bricks(random) {
    const height = between(random, 8, 14);
    const width = height * between(random, 1.7, 2.3);
    const joint = between(random, 1.6, 3);
    return turned(random, (u, v) => {
      const row = Math.floor(v / height + 0.5);
      const across = Math.abs(wrap(u + (row * width) / 2, width)) - (width - joint) / 2;
      const down = Math.abs(v - row * height) - (height - joint) / 2;
      return Math.max(across, down);
    });
  },

  disc(random) {
    const { x: centreX, y: centreY, radius } = placed(random, 12, 25);
    return (x, y) => length(x - centreX, y - centreY) - radius;
  },

  square(random) {
    const turn = random();
    return polygon(
      placed(random, 14, 27),
      [0, 1, 2, 3].map((corner) => ({ turn: turn + corner / 4, reach: 1 })),
    );
  },

  triangle(random) {
    const turn = random();
    const irregular = () => between(random, -0.035, 0.035); // up to 13 degrees: never close to flat
    return polygon(
      placed(random, 16, 28),
      [0, 1, 2].map((corner) => ({ turn: turn + corner / 3 + irregular(), reach: 1 })),
    );
  },

  star(random) {
    const turn = random();
    const points = oneOf(random, [4, 5, 6]);
    const waist = between(random, 0.36, 0.5); // radius of the inner corners; at 0.7 four points are a square again
    const corners = Array.from({ length: 2 * points }, (_, corner) => ({
      turn: turn + corner / (2 * points),
      reach: corner % 2 === 0 ? 1 : waist,
    }));
    return polygon(placed(random, 17, 28), corners);
  },
};

/** Sine of an angle in turns, to 4e-6. By arithmetic alone: the language leaves Math.sin's last bits to each machine. */
export function sine(turns: number): number {
  const t = turns - Math.floor(turns + 0.5);
  const folded = t > 0.25 ? 0.5 - t : t < -0.25 ? -0.5 - t : t;
  const a = 2 * Math.PI * folded;
  const a2 = a * a;
  return a * (1 - (a2 / 6) * (1 - (a2 / 20) * (1 - (a2 / 42) * (1 - a2 / 72)))); // Taylor to a^9, nested
}

/** Cosine of an angle in turns. */
export function cosine(turns: number): number {
  return sine(turns + 0.25);
}

/** Length of the vector (x, y). Math.hypot is slower, and not the same on every machine. */
function length(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

/** `value` moved by whole periods into [-period / 2, period / 2). */
function wrap(value: number, period: number): number {
  return value - period * Math.floor(value / period + 0.5);
}

/** The same field turned and moved at random. A move of up to a canvas is a random phase for every period. */
function turned(random: Random, field: Field): Field {
  const turn = random();
  const [cos, sin] = [cosine(turn), sine(turn)];
  const [moveU, moveV] = [between(random, 0, canvasSide), between(random, 0, canvasSide)];
  return (x, y) => field(cos * x + sin * y + moveU, cos * y - sin * x + moveV);
}

/** A place for a shape. At most a tenth of the canvas of it lies beyond a border, so its outline can be told. */
type Place = { x: number; y: number; radius: number };

function placed(random: Random, smallest: number, largest: number): Place {
  const radius = between(random, smallest, largest);
  const beyond = canvasSide / 20;
  const reach = canvasSide / 2 - radius + beyond;
  const middle = canvasSide / 2;
  return { x: middle + between(random, -reach, reach), y: middle + between(random, -reach, reach), radius };
}

/** A corner in polar form around the place: its angle, and its distance as a part of the radius. */
type Corner = { turn: number; reach: number };

/** Exact distance to a polygon: to its nearest side, signed by how often a ray crosses its sides (even: outside). */
function polygon({ x: centreX, y: centreY, radius }: Place, corners: readonly Corner[]): Field {
  const cornersX = corners.map(({ turn, reach }) => centreX + radius * reach * cosine(turn));
  const cornersY = corners.map(({ turn, reach }) => centreY + radius * reach * sine(turn));
  const sides = corners.map((_, from) => {
    const to = (from + 1) % corners.length;
    const [x, y] = [cornersX[from], cornersY[from]];
    const [dx, dy] = [cornersX[to] - x, cornersY[to] - y];
    return { x, y, endY: cornersY[to], dx, dy, inverseSquare: 1 / (dx * dx + dy * dy) };
  });
  const farAway = 4; // further out than any edge is soft, the circle around is near enough, and much faster
  return (x, y) => {
    const outsideCircle = length(x - centreX, y - centreY) - radius;
    if (outsideCircle > farAway) return outsideCircle;
    let nearestSquare = Infinity;
    let inside = false;
    for (const side of sides) {
      const [px, py] = [x - side.x, y - side.y];
      const along = Math.min(1, Math.max(0, (px * side.dx + py * side.dy) * side.inverseSquare));
      const [awayX, awayY] = [px - along * side.dx, py - along * side.dy];
      nearestSquare = Math.min(nearestSquare, awayX * awayX + awayY * awayY);
      const crosses = side.y > y !== side.endY > y && px < (py / side.dy) * side.dx;
      if (crosses) inside = !inside;
    }
    return inside ? -Math.sqrt(nearestSquare) : Math.sqrt(nearestSquare);
  };
}
