// chart.ts: draws a report: a group of bars a work, from the line of this engine's time to how many times as long a peer takes,
// and the numbers beside them.

import {
  earlierRuns,
  ENGINES,
  type EngineName,
  gigaflops,
  leastRatio,
  LIMIT,
  type PeerReport,
  rateOf,
  ratioOf,
  type Row,
  shareOf,
  showRatio,
  showShare,
  titles,
} from './report.ts';

const COLORS: Readonly<Record<EngineName, string>> = {
  facet: '#0b7285',
  tfjs: '#e8890c',
  jax: '#7048a8',
  ort: '#5c677d',
};
const BAR = 14;
const GAP = 14;
const LEFT = 420;
const WIDTH = 500;
const RIGHT = 200;
const TOP = 48;
const BOTTOM = 24;

const SVG = 'http://www.w3.org/2000/svg';

function element(parent: Element, name: string, attributes: Readonly<Record<string, string | number>>, text?: string) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

const label = (millis: number): string =>
  millis < 1
    ? `${millis.toFixed(2)} ms`
    : millis < 1000
      ? `${millis.toPrecision(3)} ms`
      : `${(millis / 1000).toPrecision(3)} s`;

/** Times over this engine's median, which the axis shows. */
interface Relative {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

function relativeOf(row: Row, engine: EngineName): Relative | undefined {
  const [own, other] = [row.outcomes.facet, row.outcomes[engine]];
  if (own?.status !== 'timed' || other?.status !== 'timed') return undefined;
  const { median, low, high } = other.millis;
  const one = own.millis.median;
  return { median: median / one, low: low / one, high: high / one };
}

/** 1, 2, 5, 10, … and their inverses, within the limits. */
function ticksBetween(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const digit of [1, 2, 5]) {
      const tick = digit * 10 ** power;
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}

const showTick = (ratio: number): string => `${Number(ratio.toPrecision(1))}x`;

/** Fills `parent` with the heading, the bars of all works, and a legend. */
export function drawReport(report: PeerReport, parent: HTMLElement): void {
  const engines = ENGINES.filter((engine) => report.versions[engine] !== undefined);
  const seen = report.rows.flatMap((row) => engines.flatMap((engine) => relativeOf(row, engine) ?? []));
  const least = Math.min(1, ...seen.map(({ low }) => low)) / 1.1;
  const most = Math.max(2, ...seen.map(({ high }) => high)) * 1.1;
  const x = (ratio: number): number => LEFT + (WIDTH * Math.log(ratio / least)) / Math.log(most / least);
  const group = engines.length * BAR + GAP;
  const height = TOP + report.rows.length * group + BOTTOM;

  const svg = document.createElementNS(SVG, 'svg');
  const width = LEFT + WIDTH + RIGHT;
  for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, role: 'img' })) {
    svg.setAttribute(key, String(value));
  }
  element(svg, 'title', {}, `Facet beside its peers on ${report.adapter}`);
  const axis = 'time as a multiple of Facet’s, on a logarithmic axis';
  element(svg, 'text', { x: x(1), y: TOP - 32, class: 'axis' }, axis);
  element(svg, 'text', { x: width - 8, y: TOP - 14, 'text-anchor': 'end', class: 'axis' }, 'fastest peer');
  for (const tick of ticksBetween(least, most)) {
    const at = x(tick);
    const isOne = tick === 1;
    const stroke = isOne ? COLORS.facet : '#d0d4da';
    const line = { x1: at, x2: at, y1: TOP - 8, y2: height - BOTTOM + 2, stroke, 'stroke-width': isOne ? 2 : 1 };
    element(svg, 'line', line);
    for (const y of [TOP - 14, height - 8]) {
      element(svg, 'text', { x: at, y, 'text-anchor': 'middle', class: 'axis' }, showTick(tick));
    }
  }
  const earlier = earlierRuns(report);
  report.rows.forEach((row, k) => void drawRow(svg, row, row.name + earlier.mark(row), engines, TOP + k * group, x));

  const heading = document.createElement('h1');
  heading.textContent = `Facet beside its peers on ${report.adapter}`;
  const legend = document.createElement('p');
  for (const engine of engines) {
    const item = document.createElement('span');
    item.textContent = `${titles[engine]} ${report.versions[engine]}`;
    item.style.borderLeft = `12px solid ${COLORS[engine]}`;
    legend.append(item);
  }
  const stopped = report.stopped ? ` Stopped: ${report.stopped}.` : '';
  const source = `${report.date.slice(0, 10)}, ${report.browser}, ${report.command}: medians of ${report.rounds} interleaved rounds, lines from quartile to quartile.${stopped}`;
  const limit = report.rows.some(({ limits }) => limits) ? [LIMIT] : [];
  const notes = [source, ...limit, ...earlier.notes].map((text) => {
    const note = document.createElement('p');
    note.textContent = text;
    return note;
  });
  parent.replaceChildren(heading, legend, svg, ...notes);
}

function drawRow(
  svg: Element,
  row: Row,
  name: string,
  engines: readonly EngineName[],
  top: number,
  x: (ratio: number) => number,
): void {
  const least = leastRatio(row);
  const middle = top + (engines.length * BAR) / 2;
  element(svg, 'text', { x: LEFT - 12, y: middle + 4, 'text-anchor': 'end', class: 'work' }, name);
  if (least !== undefined) {
    const at = LEFT + WIDTH + RIGHT - 8;
    element(svg, 'text', { x: at, y: middle + 5, 'text-anchor': 'end', class: 'ratio' }, showRatio(least));
  }
  engines.forEach((engine, i) => {
    const y = top + i * BAR;
    const outcome = row.outcomes[engine];
    const write = (at: number, text: string, more: Readonly<Record<string, string>>) =>
      element(svg, 'text', { x: at, y: y + BAR - 4, ...more }, text);
    if (outcome?.status !== 'timed') {
      const why = outcome ? `${outcome.status === 'none' ? '' : `${outcome.status}: `}${outcome.reason}` : '';
      write(x(1) + 6, why.slice(0, 90), { class: 'why', fill: COLORS[engine] });
      return;
    }
    const relative = relativeOf(row, engine);
    const time = label(outcome.millis.median);
    if (!relative) {
      write(x(1) + 6, `${time} (nothing to compare with)`, { class: 'time' });
      return;
    }
    const { median, low, high } = relative;
    const [from, to] = [Math.min(x(1), x(median)), Math.max(x(1), x(median))];
    const opacity = outcome.estimatedFrom ? 0.45 : 1;
    element(svg, 'rect', { x: from, y, width: to - from, height: BAR - 2, fill: COLORS[engine], opacity });
    const line = y + BAR / 2 - 1;
    element(svg, 'line', { x1: x(low), x2: x(high), y1: line, y2: line, stroke: '#222', 'stroke-width': 1.5 });
    const beside = engine === 'facet' ? ownText(row) : ` · ${showRatio(ratioOf(row, engine) as number)}`;
    const text = `${time}${beside}${outcome.estimatedFrom ? ' (estimated)' : ''}`;
    write(Math.max(to, x(high)) + 6, text, { class: 'time' });
  });
}

/** What this engine reaches at a work that is one op. */
function ownText(row: Row): string {
  const rate = rateOf(row);
  if (rate === undefined) return '';
  const share = shareOf(row, 'peak');
  return ` · ${gigaflops(rate)} GFLOP/s${share === undefined ? '' : `, ${showShare(share)} of the limit`}`;
}
