// compareFigure.ts: the picture of `facet compare`: maps of several methods side by side.

import sharp from 'sharp';
import { type Attribution, overlayMap, pixelMap, toPixels } from '../src/index.ts';
import type { Row } from './inputs.ts';
import { writePicture } from './pictures.ts';

const SIDE = 224;
const CAPTION = 26;
const GAP = 6;
/** Height of a letter. */
const LETTERS = 15;
/** In heights: that of the widest common sans-serif (DejaVu), on the average. */
const LETTER_WIDTH = 0.62;

/** A map with its caption: a name, and a number or nothing. */
interface Tile {
  readonly name: string;
  readonly value: string;
  readonly attribution: Attribution;
}

const escaped = (text: string): string => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Four to six, so that the fewest places stay empty. */
function columnsFor(count: number): number {
  if (count <= 4) return count;
  const empty = (columns: number) => Math.ceil(count / columns) * columns - count;
  return [4, 5, 6].reduce((best, columns) => (empty(columns) < empty(best) ? columns : best));
}

/** Picture and maps in a grid, each over its caption. */
export async function drawFigure(file: string, row: Row, given: readonly Tile[]): Promise<string> {
  const [H, W] = row.size;
  const picture = toPixels(row.rgb(), [1, H, W, 3]);
  const maps = given.map(({ name, value, attribution }) => ({
    name,
    value,
    pixels: overlayMap(picture, pixelMap(attribution, row.size), attribution.signed ? 'diverging' : 'sequential'),
  }));
  const tiles = [{ name: 'input', value: '', pixels: picture }, ...maps];
  const columns = columnsFor(tiles.length);
  const height = Math.round((SIDE * H) / W);
  const [stepX, stepY] = [SIDE + GAP, height + CAPTION + GAP];
  const [width, total] = [columns * stepX + GAP, Math.ceil(tiles.length / columns) * stepY + GAP];
  const places = tiles.map((_, k) => ({
    left: GAP + (k % columns) * stepX,
    top: GAP + Math.floor(k / columns) * stepY,
  }));
  const captions = tiles.map(({ name, value }, k) => {
    const { left, top } = places[k];
    const size = Math.min(LETTERS, SIDE / (LETTER_WIDTH * (name.length + value.length + 2)));
    const number = value && `<tspan dx="8" fill="#777">${value}</tspan>`;
    return `<text x="${left + SIDE / 2}" y="${top + height + 18}" text-anchor="middle" font-size="${size.toFixed(1)}">${escaped(name)}${number}</text>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" font-family="sans-serif">${captions.join('')}</svg>`;
  const layers = await Promise.all(
    tiles.map(async ({ pixels }, k) => ({
      input: await sharp(pixels.data, { raw: { width: W, height: H, channels: 4 } })
        .resize(SIDE, height, { kernel: 'cubic', fit: 'fill' })
        .png()
        .toBuffer(),
      ...places[k],
    })),
  );
  const data = await sharp({ create: { width, height: total, channels: 4, background: 'white' } })
    .composite([...layers, { input: Buffer.from(svg), left: 0, top: 0 }])
    .raw()
    .toBuffer();
  return writePicture(file, { width, height: total, data: new Uint8ClampedArray(data) });
}
