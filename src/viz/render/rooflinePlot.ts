// rooflinePlot.ts: the roofline of a device and the steps of a program under it, as an SVG: operations a byte against
// operations a second, both logarithmic. Steps are discs as large as their share of the time.

import type { Profile, StepProfile } from '../../engine/profile.ts';
import { ridge, roofAt } from '../../engine/roofline.ts';
import { coloursOf, GROUND, INK, LINE, LogAxis, safe, svgText as text } from './svg.ts';

const WIDTH = 900;
const HEIGHT = 520;
const LEFT = 72;
const RIGHT = 190;
const TOP = 40;
const BOTTOM = 52;
const SMALLEST_RADIUS = 3;
const LARGEST_RADIUS = 22;

/** Slowest steps that are named in the plot. */
const NAMED = 6;
const LETTER_WIDTH = 6.2;
const LINE_HEIGHT = 14;

export interface PlotOptions {
  /** A ground behind the plot, for a picture of its own. */
  readonly ground?: boolean;
}

/** 0.001 -> `0.001`, 1000 -> `1000`, beyond as powers. */
const tick = (value: number): string =>
  value >= 1e5 || value < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(1)));

/** Discs bear `data-step`, the number of the step. */
export function rooflinePlot(profile: Profile, options: PlotOptions = {}): string {
  const { steps, roofline, stepMicros, adapter, program } = profile;
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
  const x = new LogAxis(low, high, LEFT, WIDTH - RIGHT);
  const y = new LogAxis(bottom / 1.5, Math.max(top, ...heights) * 2, HEIGHT - BOTTOM, TOP);
  const roof = (intensity: number): string =>
    `${x.at(intensity).toFixed(1)} ${y.at(roofAt(intensity, roofline) / 1e9).toFixed(1)}`;
  // Where the slanted part leaves the plot below, it begins there.
  const begin = Math.max(low, ((bottom / 1.5) * 1e9) / roofline.bytesPerSecond);
  const colours = coloursOf(steps);
  const radius = ({ micros }: StepProfile): number =>
    Math.max(SMALLEST_RADIUS, LARGEST_RADIUS * Math.sqrt(micros / Math.max(stepMicros, 1e-9)));
  const sorted = [...steps].sort((a, b) => b.micros - a.micros);
  const discs = sorted.map((step) => {
    const [intensity, height] = place(step);
    const title = `${step.label}: ${step.title}, ${step.variant}\n${describe(step)}`;
    return (
      `<circle data-step="${step.index}" cx="${x.at(intensity).toFixed(1)}" cy="${y.at(Math.max(height, bottom / 1.5)).toFixed(1)}" ` +
      `r="${radius(step).toFixed(1)}" fill="${colours.get(step.op) ?? colours.get('')}" fill-opacity="0.72" stroke="${GROUND}" class="disc">` +
      `<title>${safe(title)}</title></circle>`
    );
  });
  const bandwidth = roofline.bytesPerSecond / 1e9;
  const ridgeX = x.at(peak);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" ` +
      `aria-label="Roofline" font-family="system-ui, sans-serif" font-size="12">`,
    options.ground ? `<rect width="${WIDTH}" height="${HEIGHT}" fill="${GROUND}"/>` : '',
    text(LEFT, 20, `${program} on ${adapter}`, 'ink', 'start', ' font-weight="600"'),
    ...x.decades().map((value) => grid(x.at(value), TOP, x.at(value), HEIGHT - BOTTOM)),
    ...y.decades().map((value) => grid(LEFT, y.at(value), WIDTH - RIGHT, y.at(value))),
    ...x.decades().map((value) => text(x.at(value), HEIGHT - BOTTOM + 18, tick(value), 'soft', 'middle')),
    ...y.decades().map((value) => text(LEFT - 8, y.at(value) + 4, tick(value), 'soft', 'end')),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, 'operations a byte', 'soft', 'middle'),
    text(
      18,
      (TOP + HEIGHT - BOTTOM) / 2,
      'GFLOP/s',
      'soft',
      'middle',
      ` transform="rotate(-90 18 ${(TOP + HEIGHT - BOTTOM) / 2})"`,
    ),
    `<path d="M${roof(begin)} L${roof(peak)} L${roof(high)}" fill="none" stroke="${INK}" stroke-width="1.6" class="roof"/>`,
    text(Math.min(ridgeX + 8, WIDTH - RIGHT - 150), y.at(top) - 8, `${short(top)} GFLOP/s, multiply-adds`, 'ink'),
    text(
      x.at(Math.sqrt(begin * peak)) - 8,
      y.at(roofAt(Math.sqrt(begin * peak), roofline) / 1e9) - 8,
      `${short(bandwidth)} GB/s, copy by a kernel`,
      'ink',
      'end',
    ),
    ...discs,
    ...names(sorted.slice(0, NAMED), (step) => {
      const [intensity, height] = place(step);
      return [x.at(intensity), y.at(Math.max(height, bottom / 1.5)), radius(step)];
    }),
    ...legend(steps, colours, stepMicros),
    '</svg>',
  ].join('\n');
}

const grid = (x1: number, y1: number, x2: number, y2: number): string =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="${LINE}" class="grid"/>`;

const short = (value: number): string => String(Number(value.toPrecision(value >= 100 ? 4 : 3)));

const describe = ({ micros, gflops, gbytes, share, bound }: StepProfile): string =>
  `${short(micros / 1000)} ms, ${short(gflops)} GFLOP/s, ${short(gbytes)} GB/s, ${(100 * share).toFixed(0)} % of the roofline, bound by ${bound}`;

function legend(steps: readonly StepProfile[], colours: ReadonlyMap<string, string>, stepMicros: number): string[] {
  const x = WIDTH - RIGHT + 16;
  return [...colours].map(([op, colour], k) => {
    const micros = steps
      .filter((step) => (op === '' ? !colours.has(step.op) : step.op === op))
      .reduce((sum, step) => sum + step.micros, 0);
    const y = TOP + 8 + 20 * k;
    const percent = ((100 * micros) / Math.max(stepMicros, 1e-9)).toFixed(micros / stepMicros < 0.1 ? 1 : 0);
    return `<circle cx="${x}" cy="${y}" r="5" fill="${colour}"/>${text(x + 12, y + 4, `${op || 'others'}  ${percent} %`, 'ink')}`;
  });
}

/** Letters stay readable over discs and lines. */
const HALO = ` font-size="11" stroke="${GROUND}" stroke-width="3" paint-order="stroke"`;

/** Names beside discs, where they do not lie over each other. */
function names(steps: readonly StepProfile[], placeOf: (step: StepProfile) => [number, number, number]): string[] {
  const taken: { x0: number; x1: number; y: number }[] = [];
  return steps.flatMap((step) => {
    const [x, y, radius] = placeOf(step);
    const width = LETTER_WIDTH * step.label.length;
    const isRight = x + radius + 6 + width < WIDTH - RIGHT;
    const x0 = isRight ? x + radius + 5 : x - radius - 5 - width;
    const isOver = taken.some((box) => Math.abs(box.y - y) < LINE_HEIGHT && x0 < box.x1 && box.x0 < x0 + width);
    if (isOver || x0 < LEFT) return [];
    taken.push({ x0, x1: x0 + width, y });
    return [text(isRight ? x0 : x0 + width, y + 4, step.label, 'ink name', isRight ? 'start' : 'end', HALO)];
  });
}
