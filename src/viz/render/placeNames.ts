// placeNames.ts: finds places for names beside the discs of a plot where they lie over no disc and no other text.

export interface Disc {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** All in pixels, y downwards. */
interface Box {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

export interface PlacedName {
  readonly name: string;
  /** Where the text begins, on its base line. */
  readonly x: number;
  readonly y: number;
}

/** Of the letters of names at 12 pixels, in the wider fonts that systems have. */
const LETTER_WIDTH = 7.2;
const ASCENT = 10;
const DESCENT = 4;
const GAP = 4;

export const widthOf = (name: string): number => LETTER_WIDTH * name.length;

/** The room that a text takes which begins there on its base line. */
export const boxOf = (name: string, x: number, y: number): Box => ({
  x0: x,
  y0: y - ASCENT,
  x1: x + widthOf(name),
  y1: y + DESCENT,
});

const overlap = (a: Box, b: Box): boolean => a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;

function covers({ x, y, radius }: Disc, { x0, y0, x1, y1 }: Box): boolean {
  const [dx, dy] = [x - Math.min(Math.max(x, x0), x1), y - Math.min(Math.max(y, y0), y1)];
  return dx * dx + dy * dy < (radius + 1) ** 2;
}

/** Right of a disc, left of it, above and below. */
function placesAt({ x, y, radius }: Disc, width: number): readonly (readonly [number, number])[] {
  const middle = y + (ASCENT - DESCENT) / 2;
  return [
    [x + radius + GAP, middle],
    [x - radius - GAP - width, middle],
    [x - width / 2, y - radius - GAP - DESCENT],
    [x - width / 2, y + radius + GAP + ASCENT],
  ];
}

/** The first `most` names, in order, that there is a place for within `frame`. */
export function placeNames(
  named: readonly { readonly name: string; readonly disc: Disc }[],
  discs: readonly Disc[],
  texts: readonly Box[],
  frame: Box,
  most: number,
): PlacedName[] {
  const taken = [...texts];
  const placed: PlacedName[] = [];
  for (const { name, disc } of named) {
    if (placed.length === most) break;
    const free = placesAt(disc, widthOf(name)).find(([x, y]) => {
      const box = boxOf(name, x, y);
      const isInside = box.x0 >= frame.x0 && box.x1 <= frame.x1 && box.y0 >= frame.y0 && box.y1 <= frame.y1;
      return isInside && !taken.some((other) => overlap(other, box)) && !discs.some((other) => covers(other, box));
    });
    if (!free) continue;
    const [x, y] = free;
    taken.push(boxOf(name, x, y));
    placed.push({ name, x, y });
  }
  return placed;
}
