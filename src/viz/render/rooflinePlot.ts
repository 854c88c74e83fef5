// rooflinePlot.ts: the roofline of a device and the steps of a program under it, as an SVG: operations a byte against
// operations a second, both logarithmic. Steps are discs as large as their share of the time.

import type { Profile, StepProfile } from '../../engine/profile.ts';
import { ridge, roofAt } from '../../engine/roofline.ts';
import { boxOf, type Disc, type PlacedName, placeNames, widthOf } from './placeNames.ts';
import { coloursOf, fitting, GROUND, INK, LINE, LogAxis, safe, svgText as text } from './svg.ts';

const WIDTH = 900;
const LEFT = 60;
const TOP = 40;
const AXIS = 52;
const SMALLEST_RADIUS = 3;
const LARGEST_RADIUS = 22;

/** A narrower plot has its legend below. */
const WIDE = 700;
const LEGEND = { width: 190, height: 20 };
/** Of the part with the axes: as high as this share of the width, within limits. */
const SHAPE = { share: 0.7, least: 240, most: 428 };

/** Points of the roof that texts keep away from: no letter fits between two. */
const ROOF_POINTS = 200;

/** Slowest steps that are named in the plot, and the least share of the time that gets one a name. */
const NAMED = 8;
const NAMED_SHARE = 0.01;

interface PlotOptions {
  /** A ground behind the plot, for a picture of its own. */
  readonly ground?: boolean;
  /** In pixels: letters are as large at any width. */
  readonly width?: number;
}

/** In pixels: room beside the plot for half of the last number below it. */
const HALF_TICK = 20;

/** 0.001 -> `0.001`, 1000 -> `1000`, beyond as powers. */
const tick = (value: number): string =>
  value >= 1e5 || value < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(1)));

/** Where things lie in a plot of this width. */
function layoutOf(width: number, ops: number) {
  const isWide = width >= WIDE;
  const right = isWide ? width - LEGEND.width : width - HALF_TICK;
  const columns = isWide ? 1 : Math.max(1, Math.floor((right - LEFT) / LEGEND.width));
  const rows = isWide ? 0 : Math.ceil(ops / columns);
  const bottom = TOP + Math.round(Math.min(SHAPE.most, Math.max(SHAPE.least, SHAPE.share * width)));
  const legend = (k: number): [x: number, y: number] =>
    isWide
      ? [right + 16, TOP + 8 + LEGEND.height * k]
      : [LEFT + 5 + LEGEND.width * (k % columns), bottom + AXIS + 10 + LEGEND.height * Math.floor(k / columns)];
  return { right, bottom, height: bottom + AXIS + rows * LEGEND.height, legend };
}

/** Discs bear `data-step`, the number of the step. */
export function rooflinePlot(profile: Profile, options: PlotOptions = {}): string {
  const { steps, roofline, stepMicros, adapter, program } = profile;
  const { ground = false, width = WIDTH } = options;
  const colours = coloursOf(steps);
  const { right, bottom: base, height: fullHeight, legend } = layoutOf(width, colours.size);
  // A step without arithmetic has no place on a logarithmic axis: it stands at the left edge, as high as its bandwidth.
  const some = steps.filter(({ flops }) => flops > 0).map(({ flops, bytes }) => flops / bytes);
  const peak = ridge(roofline);
  const low = 10 ** Math.floor(Math.log10(Math.min(0.1, ...some, peak / 10)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(10, ...some, peak * 10)));
  const place = ({ flops, bytes, gflops, gbytes }: StepProfile): [number, number] =>
    flops > 0 ? [Math.max(flops / bytes, low), gflops] : [low, gbytes * low];
  const heights = steps.map((step) => place(step)[1]).filter((height) => height > 0);
  const top = roofline.flopsPerSecond / 1e9;
  const bottom = Math.max(Math.min(...heights, top / 10), top * 1e-5);
  const x = new LogAxis(low, high, LEFT, right);
  const y = new LogAxis(bottom / 1.5, Math.max(top, ...heights) * 2, base, TOP);
  const roof = (intensity: number): string =>
    `${x.at(intensity).toFixed(1)} ${y.at(roofAt(intensity, roofline) / 1e9).toFixed(1)}`;
  // Where the slanted part leaves the plot below, it begins there.
  const begin = Math.max(low, ((bottom / 1.5) * 1e9) / roofline.bytesPerSecond);
  const sorted = [...steps].sort((a, b) => b.micros - a.micros);
  const discs = sorted.map((step): Disc => {
    const [intensity, height] = place(step);
    const share = step.micros / Math.max(stepMicros, 1e-9);
    const radius = Math.max(SMALLEST_RADIUS, LARGEST_RADIUS * Math.sqrt(share));
    return { x: x.at(intensity), y: y.at(Math.max(height, bottom / 1.5)), radius };
  });
  const circles = sorted.map((step, k) => {
    const title = `${step.label}: ${step.title}, ${step.variant}\n${describe(step)}`;
    return (
      `<circle data-step="${step.index}" cx="${discs[k].x.toFixed(1)}" cy="${discs[k].y.toFixed(1)}" ` +
      `r="${discs[k].radius.toFixed(1)}" fill="${colours.get(step.op) ?? colours.get('')}" fill-opacity="0.72" stroke="${GROUND}" class="disc">` +
      `<title>${safe(title)}</title></circle>`
    );
  });
  // Texts lie on the roof as little as on a disc.
  const pointAt = (intensity: number, radius: number): Disc => ({
    x: x.at(intensity),
    y: y.at(roofAt(intensity, roofline) / 1e9),
    radius,
  });
  const frame = { x0: LEFT, y0: TOP, x1: right, y1: base };
  const obstacles = [...discs, ...pointsBetween(begin, high, ROOF_POINTS).map((point) => pointAt(point, 1))];
  const level = limitText(`${short(top)} GFLOP/s, multiply-adds`, x.at(peak) + 8, y.at(top) - 8, right);
  const slope = placeNames(
    fromTheMiddle(pointsBetween(begin, peak, ROOF_POINTS)).map((point) => ({
      name: `${short(roofline.bytesPerSecond / 1e9)} GB/s, copy by a kernel`,
      disc: pointAt(point, 8),
    })),
    obstacles,
    [boxOf(level.name, level.x, level.y)],
    frame,
    1,
  );
  const limits = [level, ...slope];
  const named = sorted
    .map((step, k) => ({ name: step.label, disc: discs[k], micros: step.micros }))
    .filter(({ micros }) => micros >= NAMED_SHARE * stepMicros);
  const texts = limits.map(({ name, x, y }) => boxOf(name, x, y));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${fullHeight}" width="${width}" height="${fullHeight}" role="img" ` +
      `aria-label="Roofline" font-family="system-ui, sans-serif" font-size="12">`,
    ground ? `<rect width="${width}" height="${fullHeight}" fill="${GROUND}"/>` : '',
    text(LEFT, 20, fitting(`${program} on ${adapter}`, width - LEFT), 'ink', 'start', ' font-weight="600"'),
    ...x.decades().map((value) => grid(x.at(value), TOP, x.at(value), base)),
    ...y.decades().map((value) => grid(LEFT, y.at(value), right, y.at(value))),
    ...x.decades().map((value) => text(x.at(value), base + 18, tick(value), 'soft', 'middle')),
    ...y.decades().map((value) => text(LEFT - 8, y.at(value) + 4, tick(value), 'soft', 'end')),
    text((LEFT + right) / 2, base + 40, 'operations a byte', 'soft', 'middle'),
    text(14, (TOP + base) / 2, 'GFLOP/s', 'soft', 'middle', ` transform="rotate(-90 14 ${(TOP + base) / 2})"`),
    `<path d="M${roof(begin)} L${roof(peak)} L${roof(high)}" fill="none" stroke="${INK}" stroke-width="1.6" class="roof"/>`,
    ...circles,
    ...[...limits, ...placeNames(named, obstacles, texts, frame, NAMED)].map(({ name, x, y }) =>
      text(x, y, name, 'ink name', 'start', HALO),
    ),
    ...legendOf(steps, colours, stepMicros, legend),
    '</svg>',
  ].join('\n');
}

/** Moved so far that it stays within the plot. */
const limitText = (name: string, x: number, y: number, right: number): PlacedName => ({
  name,
  x: Math.max(LEFT + 4, Math.min(x, right - widthOf(name))),
  y: Math.max(y, TOP + 10),
});

/** Evenly spread on a logarithmic axis. */
const pointsBetween = (low: number, high: number, count: number): number[] =>
  Array.from({ length: count }, (_, k) => low * (high / low) ** (k / (count - 1)));

const fromTheMiddle = (points: readonly number[]): number[] => {
  const middle = (points.length - 1) / 2;
  const distances = new Map(points.map((point, k) => [point, Math.abs(k - middle)]));
  return [...distances].sort(([, a], [, b]) => a - b).map(([point]) => point);
};

const grid = (x1: number, y1: number, x2: number, y2: number): string =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${LINE}" class="grid"/>`;

const short = (value: number): string => String(Number(value.toPrecision(value >= 100 ? 4 : 3)));

const describe = ({ micros, gflops, gbytes, share, bound }: StepProfile): string =>
  `${short(micros / 1000)} ms, ${short(gflops)} GFLOP/s, ${short(gbytes)} GB/s, ${(100 * share).toFixed(0)} % of the roofline, bound by ${bound}`;

function legendOf(
  steps: readonly StepProfile[],
  colours: ReadonlyMap<string, string>,
  stepMicros: number,
  placeOf: (k: number) => [x: number, y: number],
): string[] {
  return [...colours].map(([op, colour], k) => {
    const micros = steps
      .filter((step) => (op === '' ? !colours.has(step.op) : step.op === op))
      .reduce((sum, step) => sum + step.micros, 0);
    const [x, y] = placeOf(k);
    const percent = ((100 * micros) / Math.max(stepMicros, 1e-9)).toFixed(micros / stepMicros < 0.1 ? 1 : 0);
    return `<circle cx="${x}" cy="${y}" r="5" fill="${colour}"/>${text(x + 12, y + 4, `${op || 'others'}  ${percent} %`, 'ink')}`;
  });
}

/** Letters stay readable over lines. */
const HALO = ` stroke="${GROUND}" stroke-width="3" paint-order="stroke"`;
