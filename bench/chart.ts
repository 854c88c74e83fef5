// chart.ts: draws a report: a group of bars a work, their length the logarithm of the time, and the numbers beside them.

import {
  earlierRuns,
  ENGINES,
  type EngineName,
  leastRatio,
  type PeerReport,
  ratioOf,
  type Row,
  showRatio,
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
const LEFT = 330;
const WIDTH = 460;
const RIGHT = 330;
const TOP = 28;

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

/** Fills `parent` with the heading, the bars of all works, and a legend. */
export function drawReport(report: PeerReport, parent: HTMLElement): void {
  const engines = ENGINES.filter((engine) => report.versions[engine] !== undefined);
  const times = report.rows.flatMap(({ outcomes }) =>
    engines.flatMap((engine) => {
      const outcome = outcomes[engine];
      return outcome?.status === 'timed' ? [outcome.millis.low, outcome.millis.high] : [];
    }),
  );
  if (times.length === 0) return;
  const [low, high] = [Math.log10(Math.min(...times)) - 0.2, Math.log10(Math.max(...times)) + 0.05];
  const x = (millis: number): number => LEFT + (WIDTH * (Math.log10(millis) - low)) / (high - low);
  const group = engines.length * BAR + GAP;
  const height = TOP + report.rows.length * group + 20;

  const svg = document.createElementNS(SVG, 'svg');
  const width = LEFT + WIDTH + RIGHT;
  for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}`, role: 'img' })) {
    svg.setAttribute(key, String(value));
  }
  element(svg, 'title', {}, `Facet beside its peers on ${report.adapter}`);
  for (let power = Math.ceil(low); power <= high; power++) {
    const at = x(10 ** power);
    element(svg, 'line', { x1: at, x2: at, y1: TOP - 6, y2: height - 14, stroke: '#d0d4da' });
    element(svg, 'text', { x: at, y: TOP - 10, 'text-anchor': 'middle', class: 'axis' }, label(10 ** power));
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
  const source = `${report.date.slice(0, 10)}, ${report.browser}, ${report.command}: medians of ${report.rounds} interleaved rounds, lines from quartile to quartile.`;
  const notes = [source, ...earlier.notes].map((text) => {
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
  x: (millis: number) => number,
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
    if (outcome?.status !== 'timed') {
      const why = outcome ? `${outcome.status === 'none' ? '' : `${outcome.status}: `}${outcome.reason}` : '';
      element(svg, 'text', { x: LEFT + 4, y: y + BAR - 4, class: 'why', fill: COLORS[engine] }, why.slice(0, 90));
      return;
    }
    const { median, low, high } = outcome.millis;
    const faded = outcome.estimatedFrom ? 0.45 : 1;
    element(svg, 'rect', {
      x: LEFT,
      y,
      width: x(median) - LEFT,
      height: BAR - 2,
      fill: COLORS[engine],
      opacity: faded,
    });
    const line = y + BAR / 2 - 1;
    element(svg, 'line', { x1: x(low), x2: x(high), y1: line, y2: line, stroke: '#222', 'stroke-width': 1.5 });
    const ratio = engine === 'facet' ? undefined : ratioOf(row, engine);
    const text = `${label(median)}${ratio === undefined ? '' : `  ${showRatio(ratio)}`}${outcome.estimatedFrom ? ' (estimated)' : ''}`;
    element(svg, 'text', { x: Math.max(x(median), x(high)) + 6, y: y + BAR - 4, class: 'time' }, text);
  });
}
