// table.ts: a report of `facet bench --kernels` as Markdown: a table a family, its works as rows and their kernels as columns.

import type { AdapterDescription, Bound, Roofline } from '../src/index.ts';
import type { FormTime } from './measure.ts';

export interface WorkReport {
  readonly family: string;
  readonly name: string;
  /** Of the definition. */
  readonly flops: number;
  readonly bytes: number;
  /** The form that programs take, and all there are, naive first. */
  readonly taken: string;
  readonly forms: readonly FormTime[];
  /** Of the form that is taken. */
  readonly share?: number;
  readonly bound?: Bound;
}

export interface BenchReport {
  readonly adapter: AdapterDescription;
  readonly date: string;
  /** All of it took. */
  readonly seconds: number;
  readonly command: string;
  /** `3 of 60 works`, where it ended early. */
  readonly stopped?: string;
  /** Ops in the tuning in force, and those of them measured with other shaders, which count for nothing. */
  readonly tuning?: { readonly ops: number; readonly outdated: number };
  readonly limits?: Roofline;
  readonly works: readonly WorkReport[];
}

/** Three digits, without a point behind them. */
const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

const MICRO = 0.001;

const showMillis = (millis: number): string => (millis < MICRO ? '<0.001' : digits(millis));

/** What rounds to nothing is left out. */
const rate = (amount: number, millis: number | undefined): string => {
  const perSecond = millis ? amount / millis / 1e6 : 0;
  return perSecond >= 0.01 ? digits(perSecond) : '';
};

const showShare = (share: number): string => `${(100 * share).toFixed(share < 0.01 ? 1 : 0)} %`;

const columnsOf = (works: readonly WorkReport[]): string[] => {
  const names = new Set(works.flatMap(({ forms }) => forms.map(({ variant }) => variant)));
  // The naive one is the first where there is any.
  return [...names].sort((a, b) => Number(b === 'naive') - Number(a === 'naive'));
};

function cell({ taken }: WorkReport, form: FormTime | undefined): string {
  if (!form) return '';
  if (form.millis === undefined) return '-';
  const text = showMillis(form.millis);
  return form.variant === taken ? `**${text}**` : text;
}

function rowOf(work: WorkReport, columns: readonly string[]): string[] {
  const find = (name: string) => work.forms.find(({ variant }) => variant === name);
  const taken = find(work.taken)?.millis;
  const [first] = work.forms;
  const gain = taken && first.millis && first.variant !== work.taken ? first.millis / taken : undefined;
  return [
    work.name,
    ...columns.map((name) => cell(work, find(name))),
    rate(work.flops, taken),
    rate(work.bytes, taken),
    work.share === undefined ? '' : showShare(work.share),
    work.bound ?? '',
    gain === undefined ? '' : `${digits(gain)}x`,
  ];
}

/** Columns as wide as their widest cell. */
function tableText(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, k) => Math.max(3, ...rows.map((row) => row[k].length)));
  const line = (row: readonly string[]) => `| ${row.map((text, k) => text.padEnd(widths[k])).join(' | ')} |`;
  const [head, ...rest] = rows;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rest.map(line)].join('\n');
}

/** The table of one family. */
export function familyTable(works: readonly WorkReport[]): string {
  const columns = columnsOf(works);
  const head = ['ms', ...columns, 'GFLOP/s', 'GB/s', 'of the roof', 'bound', 'gain'];
  const table = tableText([head, ...works.map((work) => rowOf(work, columns))]);
  const notes = works.flatMap(({ name, forms }) =>
    forms.flatMap(({ variant, note }) => (note === undefined ? [] : [`- ${name}, ${variant}: ${note}`])),
  );
  return notes.length > 0 ? `${table}\n\n${notes.join('\n')}` : table;
}

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

function tuningText({ tuning }: BenchReport): string {
  if (!tuning) return 'No tuning was in force: the heuristics choose.';
  const { ops, outdated } = tuning;
  const old =
    outdated === 0
      ? ''
      : `, of which ${outdated} ${outdated === 1 ? 'was' : 'were'} measured with other shaders and ${outdated === 1 ? 'counts' : 'count'} for nothing`;
  return `The tuning kept for this device was in force: ${plural(ops, 'op')}${old}.`;
}

function limitsText({ limits }: BenchReport): string {
  if (!limits) return '';
  const { flopsPerSecond, loopFlopsPerSecond, bytesPerSecond, copyBytesPerSecond, dispatchMicros } = limits;
  return (
    `Limits: ${digits(flopsPerSecond / 1e9)} GFLOP/s (multiply-adds that load nothing; ${digits(loopFlopsPerSecond / 1e9)} in a plain loop), ` +
    `${digits(bytesPerSecond / 1e9)} GB/s (copy by a kernel, read and written; ${digits(copyBytesPerSecond / 1e9)} by the device itself), ${digits(dispatchMicros)} µs a dispatch that does nothing.`
  );
}

const LEGEND =
  'Milliseconds of one run, the median of the rounds (quartiles and counts in the JSON beside); **bold** is the form that programs take, ' +
  '`-` one that cannot run here. GFLOP/s and GB/s are of the bold one and of the definition, with a multiply-add as two: Winograd’s ' +
  'are effective, and may be beyond the roof. Gain: the first form’s time over the bold one’s.';

export function markdownOf(report: BenchReport): string {
  const { adapter, date, seconds, command, works, stopped } = report;
  const names = [...new Set(works.map(({ family }) => family))];
  return [
    `# ${adapter.name}`,
    `${date.slice(0, 10)}, \`${command}\`, ${seconds.toFixed(0)} s.${stopped ? ` Stopped: ${stopped}.` : ''} ${tuningText(report)}`,
    limitsText(report),
    LEGEND,
    ...names.flatMap((name) => [`## ${name}`, familyTable(works.filter(({ family }) => family === name))]),
    'Other engines on the same adapter: `facet bench`.',
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}
