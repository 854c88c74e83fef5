// memoryPlot.ts: the memory of a replay as an SVG: above, the bytes of values alive during each step; below, a row for each
// shared buffer, with the values that it holds from their writing to their last use.

import type { Profile } from '../../engine/profile.ts';
import { coloursOf, fitting, LINE, safe, SOFT, svgText } from './svg.ts';

const WIDTH = 900;
const LEFT = 126;
const RIGHT = 16;
const AREA_TOP = 52;
const AREA_HEIGHT = 90;
const ROW_HEIGHT = 19;
const BAR_HEIGHT = 16;
const BOTTOM = 40;

/** A name is written into a bar that is wide enough for it. */
const LETTER_WIDTH = 7;
/** Numbers of steps stand at least so far apart. */
const TICK_WIDTH = 60;

function size(bytes: number): string {
  const [unit, of] = bytes >= 2 ** 20 ? ['MiB', 2 ** 20] : bytes >= 2 ** 10 ? ['KiB', 2 ** 10] : ['bytes', 1];
  return `${Number((bytes / (of as number)).toPrecision(3))} ${unit}`;
}

/** Bars bear `data-step`, the number of the step that writes the value. Letters are as large at any width, in pixels. */
export function memoryPlot({ steps, memory }: Profile, { width = WIDTH }: { readonly width?: number } = {}): string {
  const { slots, lifetimes, live, peakLive, fixed } = memory;
  const rowsTop = AREA_TOP + AREA_HEIGHT + 26;
  const height = rowsTop + ROW_HEIGHT * slots.length + BOTTOM;
  const x = (step: number): number => LEFT + ((width - LEFT - RIGHT) * step) / Math.max(1, steps.length);
  const held = slots.reduce((sum, bytes) => sum + bytes, 0);
  const y = (bytes: number): number => AREA_TOP + AREA_HEIGHT * (1 - bytes / Math.max(1, held));
  const colours = coloursOf(steps);
  const outline = live
    .map((bytes, k) => `L${x(k).toFixed(1)} ${y(bytes).toFixed(1)} H${x(k + 1).toFixed(1)}`)
    .join(' ');
  const bars = lifetimes.map(({ slot, label, shape, bytes, first, last, kept }) => {
    const [from, to] = [x(first), x(last + 1)];
    const top = rowsTop + ROW_HEIGHT * slot;
    const { op } = steps[first];
    const ending = kept ? 'kept as an output' : `last read by step ${last}, ${steps[last].label}`;
    const title = `${label} [${shape.join(', ')}], ${size(bytes)}\nwritten by step ${first}, ${ending}`;
    const isNamed = LETTER_WIDTH * label.length < to - from - 6;
    return (
      `<g class="bar" data-step="${first}"><rect x="${from.toFixed(1)}" y="${top}" width="${Math.max(1, to - from - 1).toFixed(1)}" ` +
      `height="${BAR_HEIGHT}" rx="2" fill="${colours.get(op) ?? colours.get('')}" fill-opacity="${kept ? 0.85 : 0.5}"/>` +
      `${isNamed ? svgText(from + 4, top + 12, label, 'ink') : ''}<title>${safe(title)}</title></g>`
    );
  });
  const stride = Math.max(1, Math.ceil((steps.length * TICK_WIDTH) / (width - LEFT - RIGHT)));
  const ticks = steps.flatMap((_, k) => (k % stride === 0 ? [k] : []));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" ` +
      `aria-label="Memory over the steps" font-family="system-ui, sans-serif" font-size="12">`,
    svgText(0, 16, fitting(`values alive: ${size(peakLive)} at most, of ${size(held)} held`, width), 'soft', 'start'),
    svgText(0, 34, fitting(`weights, states and inputs: ${size(fixed)}`, width), 'soft', 'start'),
    `<path d="M${LEFT} ${y(0)} ${outline} V${y(0)} Z" fill="${SOFT}" fill-opacity="0.25" stroke="${SOFT}" class="area"/>`,
    `<line x1="${LEFT}" y1="${y(held)}" x2="${width - RIGHT}" y2="${y(held)}" stroke="${LINE}" class="grid" stroke-dasharray="4 3"/>`,
    svgText(LEFT - 8, y(held) + 4, size(held), 'soft', 'end'),
    svgText(LEFT - 8, y(0) + 4, '0', 'soft', 'end'),
    ...slots.map((bytes, slot) =>
      svgText(LEFT - 8, rowsTop + ROW_HEIGHT * slot + 12, `slot ${slot}, ${size(bytes)}`, 'soft', 'end'),
    ),
    ...bars,
    ...ticks.map((step) => svgText(x(step), height - 20, String(step), 'soft')),
    svgText((LEFT + width - RIGHT) / 2, height - 4, 'step', 'soft', 'middle'),
    '</svg>',
  ].join('\n');
}
