// compareTable.ts: the rows and columns of `facet compare`: their order, as CSV, and as a table for people.

import type { Attribution, Metric } from '../src/index.ts';
import type { Spec } from './compareSpecs.ts';
import { duration, table } from './terminal.ts';

/** A metric with its options, as the user wrote it. */
export interface Column extends Spec {
  readonly metric: Metric;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A method that was measured. */
export interface Line {
  /** As the user wrote it. */
  readonly method: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly layer?: string;
  /** By the texts of the columns; without those that mean nothing to the method. */
  readonly values: Readonly<Record<string, number>>;
  readonly milliseconds: number;
  readonly evaluations: number;
  readonly attribution: Attribution;
}

/** The column that lines are sorted by where no metric is to decide. */
export const MILLISECONDS = 'milliseconds';

/** The best by a column first; lines that have no value there last. */
export function sortLines(lines: readonly Line[], columns: readonly Column[], by: string): Line[] {
  const sign = columns.find(({ text }) => text === by)?.metric.better === 'higher' ? -1 : 1;
  const key = ({ values, milliseconds }: Line): number => {
    const value = by === MILLISECONDS ? milliseconds : values[by];
    return Number.isFinite(value) ? sign * value : Number.POSITIVE_INFINITY;
  };
  return [...lines].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

export function csvOf(lines: readonly Line[], columns: readonly Column[]): string {
  const head = ['method', ...columns.map(({ text }) => text), MILLISECONDS, 'evaluations'];
  const rows = lines.map(({ method, values, milliseconds, evaluations }) => [
    method,
    ...columns.map(({ text }) => values[text] ?? ''),
    milliseconds,
    evaluations,
  ]);
  return [head, ...rows].map((cells) => `${cells.join(',')}\n`).join('');
}

/** The number of a line in a column, as it stands beside its map; empty where there is none. */
export const shownAt = (by: string, { values, milliseconds }: Line): string =>
  by === MILLISECONDS ? duration(milliseconds) : (values[by]?.toPrecision(3) ?? '');

export function tableOf(lines: readonly Line[], columns: readonly Column[]): string {
  const arrow = ({ better }: Metric): string => (better === 'higher' ? '↑' : '↓');
  const head = ['method', ...columns.map(({ text, metric }) => `${text} ${arrow(metric)}`), 'time', 'runs'];
  const rows = lines.map((line) => [
    line.method,
    ...columns.map(({ text }) => shownAt(text, line) || '–'),
    duration(line.milliseconds),
    String(line.evaluations),
  ]);
  return table([head, ...rows], head.map((_, k) => k).slice(1));
}
