// keep.ts: where results are kept, and what of an earlier run stays when only a part is measured again.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type EngineName, ENGINES, markdownOf, type PeerReport } from './report.ts';

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

/** The path of a report's files without their ending; a run without some of the peers has files of its own. */
export function baseOf(
  { adapter, engines }: { readonly adapter: string; readonly engines: readonly EngineName[] },
  folder: string,
): string {
  const part = engines.length < ENGINES.length ? `-${engines.join('-')}` : '';
  return path.join(folder, `${slug(adapter)}-peers${part}`);
}

/** The name of the numbers of `facet bench --kernels`: those of chosen models or of a quick run do not replace the whole. */
export const fileNameOf = (adapter: string, models: readonly string[], isQuick: boolean): string =>
  `${[adapter, ...models.map((file) => path.basename(file, '.onnx')), ...(isQuick ? ['quick'] : [])].map(slug).join('-')}.json`;

/** The report that lies there; none where there is no file or it is no report. */
export function readReport(base: string): PeerReport | undefined {
  try {
    const report = JSON.parse(readFileSync(`${base}.json`, 'utf8'));
    return Array.isArray(report?.rows) ? report : undefined;
  } catch {
    return undefined;
  }
}

/** Whether rows of both may stand in one table. */
export const isComparable = (a: PeerReport, b: PeerReport): boolean =>
  a.adapter === b.adapter &&
  a.browser === b.browser &&
  ENGINES.every((engine) => a.versions[engine] === b.versions[engine]);

/**
 * The report with the rows of an earlier one that it has not measured itself, each with the run it is of, in the order of
 * `names`: all works there are. What has measured them all needs no earlier rows, so works of other names end there.
 */
export function withEarlier(report: PeerReport, earlier: PeerReport | undefined, names: readonly string[]): PeerReport {
  const measured = new Set(report.rows.map(({ name }) => name));
  if (!earlier || !isComparable(report, earlier) || names.every((name) => measured.has(name))) return report;
  const { date, command, rounds } = earlier;
  const kept = earlier.rows
    .filter(({ name }) => !measured.has(name))
    .map((row) => ({ ...row, run: row.run ?? { date, command, rounds } }));
  const order = (name: string): number => (names.includes(name) ? names.indexOf(name) : names.length);
  return { ...report, rows: [...report.rows, ...kept].sort((a, b) => order(a.name) - order(b.name)) };
}

const ENDINGS = ['.json', '.md', '.png'] as const;

/** The files of a report, from their path without its ending. */
export const filesAt = (base: string): string[] => ENDINGS.map((ending) => base + ending);

/** Numbers, table and picture of a report, by the name of their file. */
export function contentsOf(base: string, report: PeerReport, picture: Uint8Array): Map<string, Uint8Array | string> {
  const contents = [`${JSON.stringify(report, null, 1)}\n`, markdownOf(report), picture];
  return new Map(filesAt(base).map((file, k) => [file, contents[k]]));
}
