// report.ts: what a run found, and the table of it: milliseconds, and how many times longer the peers take.

import type { MultiplyAddForm } from '../src/engine/gpu/roofline.ts';
import { multipleOf, type NamedWork } from './peerWorks.ts';
import { geometricMean, type Spread } from './statistics.ts';

export const ENGINES = ['facet', 'tfjs', 'jax', 'ort'] as const;
export type EngineName = (typeof ENGINES)[number];

export const titles: Readonly<Record<EngineName, string>> = {
  facet: 'Facet',
  tfjs: 'tfjs-webgpu',
  jax: 'jax-js',
  ort: 'onnxruntime-web',
};

/** How an engine did at a work. */
export type Outcome =
  | {
      readonly status: 'timed';
      readonly millis: Spread;
      /** Relative, against the reference. */
      readonly error?: number;
      /** From the first call to the first result: compilation, upload, one run. */
      readonly firstMillis?: number;
      /** Not measured: so many times the time of an item, named here. */
      readonly estimatedFrom?: string;
    }
  /** `reason` says what it answered, threw, or lacks. */
  | { readonly status: 'wrong' | 'failed' | 'none'; readonly reason: string };

/** At most, and in a plain loop. */
export type ArithmeticLimits = Readonly<Record<MultiplyAddForm, number>>;

export interface Row {
  readonly name: string;
  readonly flops?: number;
  /** Operations a second of nothing but multiply-adds in the same rounds, where the work is one op. */
  readonly limits?: ArithmeticLimits;
  readonly outcomes: Readonly<Partial<Record<EngineName, Outcome>>>;
  /** The earlier run it is of; absent where it is of the report's own. */
  readonly run?: Run;
}

/** When and how something was measured. */
interface Run {
  readonly date: string;
  readonly command: string;
  readonly rounds: number;
}

export interface Bundle {
  readonly name: string;
  readonly engine: EngineName;
  readonly bytes: number;
  readonly gzipBytes: number;
}

/** Date, command and rounds are those of the last run. */
export interface PeerReport extends Run {
  readonly adapter: string;
  readonly browser: string;
  /** How much of it is measured, where the run has not come to its end. */
  readonly stopped?: string;
  readonly versions: Readonly<Partial<Record<EngineName, string>>>;
  readonly rows: readonly Row[];
  readonly bundles: readonly Bundle[];
}

/** Relative errors above it are shown. */
const NOTABLE_ERROR = 1e-5;

const digits = (millis: number): string =>
  millis < 10 ? millis.toFixed(2) : millis < 100 ? millis.toFixed(1) : millis.toFixed(0);

/** How many times as long as this engine a peer takes. */
export function ratioOf({ outcomes }: Row, engine: EngineName): number | undefined {
  const [own, other] = [outcomes.facet, outcomes[engine]];
  if (own?.status !== 'timed' || other?.status !== 'timed') return undefined;
  return other.millis.median / own.millis.median;
}

/** The least of the ratios: what the fastest peer that is right takes. */
export function leastRatio(row: Row): number | undefined {
  const ratios = ENGINES.filter((engine) => engine !== 'facet').flatMap((engine) => ratioOf(row, engine) ?? []);
  return ratios.length > 0 ? Math.min(...ratios) : undefined;
}

/** Names of the works that this engine did wrong or not at all in the last run. */
export const ownFaults = ({ rows }: PeerReport): string[] =>
  rows
    .filter(({ run, outcomes: { facet } }) => !run && (facet?.status === 'wrong' || facet?.status === 'failed'))
    .map(({ name }) => name);

const FORMS = ['peak', 'loop'] as const satisfies readonly MultiplyAddForm[];

/** Operations a second of this engine at a work that is one op. */
export function rateOf({ flops, outcomes: { facet } }: Row): number | undefined {
  return flops !== undefined && facet?.status === 'timed' ? (1000 * flops) / facet.millis.median : undefined;
}

/** What this engine reaches of a limit that was measured in the same rounds. */
export function shareOf(row: Row, form: MultiplyAddForm): number | undefined {
  const rate = rateOf(row);
  return rate === undefined || !row.limits ? undefined : rate / row.limits[form];
}

/** Engines that do a work only item after item: so many times the time of an item, if that is among `rows`. */
export function estimated(row: Row, { work }: NamedWork, rows: readonly Row[]): Row {
  const multiple = multipleOf(work);
  const item = multiple && rows.find(({ name }) => name === multiple.name);
  if (!multiple || !item) return row;
  const outcomes: Partial<Record<EngineName, Outcome>> = { ...row.outcomes };
  for (const engine of ENGINES) {
    const one = item.outcomes[engine];
    if (outcomes[engine]?.status !== 'none' || one?.status !== 'timed') continue;
    const { median, low, high, count } = one.millis;
    const times = (millis: number) => millis * multiple.count;
    outcomes[engine] = {
      status: 'timed',
      millis: { median: times(median), low: times(low), high: times(high), count },
      estimatedFrom: `${multiple.count} times "${multiple.name}"`,
    };
  }
  return { ...row, outcomes };
}

export const gigaflops = (perSecond: number): string => (perSecond / 1e9).toFixed(1);

export const showShare = (share: number): string => `${(100 * share).toFixed(0)} %`;

export const showRatio = (ratio: number): string => `${ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0)}x`;

function cell(row: Row, engine: EngineName): string {
  const outcome = row.outcomes[engine];
  if (!outcome) return '';
  if (outcome.status === 'none') return `none: ${outcome.reason}`;
  if (outcome.status !== 'timed') return `**${outcome.status}**: ${outcome.reason}`;
  const { median, low, high } = outcome.millis;
  const ratio = engine === 'facet' ? undefined : ratioOf(row, engine);
  const range = outcome.estimatedFrom ? 'estimated' : `${digits(low)}–${digits(high)}`;
  const error = outcome.error && outcome.error > NOTABLE_ERROR ? `, error ${outcome.error.toExponential(0)}` : '';
  return `${digits(median)} (${range}${error})${ratio === undefined ? '' : ` **${showRatio(ratio)}**`}`;
}

const line = (cells: readonly string[]): string =>
  `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;

const enginesOf = ({ versions }: PeerReport): EngineName[] =>
  ENGINES.filter((engine) => versions[engine] !== undefined);

/** Rows of earlier runs carry the number of their run, and a note a run says which it was. */
export function earlierRuns({ rows }: PeerReport): { mark(row: Row): string; readonly notes: readonly string[] } {
  const keyOf = ({ date, command, rounds }: Run): string =>
    `${date.slice(0, 10)}, \`${command}\`, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`;
  const runs = [...new Set(rows.flatMap(({ run }) => (run ? [keyOf(run)] : [])))];
  return {
    mark: ({ run }) => (run ? ` [${runs.indexOf(keyOf(run)) + 1}]` : ''),
    notes: runs.map((key, k) => `[${k + 1}] of an earlier run: ${key}.`),
  };
}

/** What the last columns of the table are. */
export const LIMIT =
  'GFLOP/s are those of Facet by the definition of the op. The limits, timed in the same rounds, are multiply-adds that load ' +
  'nothing: at most, and in a plain loop that carries 32 sums and adds four terms to each a round. A convolution that gets by ' +
  'with fewer multiplications (Winograd) may be beyond them.';

/** The whole report as a Markdown text. */
export function markdownOf(report: PeerReport): string {
  const earlier = earlierRuns(report);
  const engines = enginesOf(report);
  const head = [
    'work, ms',
    ...engines.map((engine) => titles[engine]),
    'fastest peer',
    'GFLOP/s',
    'limit',
    'share',
    'loop',
    'share',
  ];
  const rows = report.rows.map((row) => {
    const least = leastRatio(row);
    const rate = rateOf(row);
    return [
      row.name + earlier.mark(row),
      ...engines.map((engine) => cell(row, engine)),
      least ? `**${showRatio(least)}**` : '',
      rate === undefined ? '' : gigaflops(rate),
      ...FORMS.flatMap((form) => {
        const share = shareOf(row, form);
        return row.limits && share !== undefined ? [gigaflops(row.limits[form]), showShare(share)] : ['', ''];
      }),
    ];
  });
  const least = report.rows.flatMap((row) => leastRatio(row) ?? []);
  const kib = (bytes: number) => `${(bytes / 1024).toFixed(0)} KiB`;
  return [
    `# Facet beside its peers: ${report.adapter}`,
    '',
    `${report.date.slice(0, 10)}, ${report.browser}, \`${report.command}\`.${report.stopped ? ` Stopped: ${report.stopped}.` : ''} Medians and quartiles of ${report.rounds} interleaved rounds in ` +
      'one page, in milliseconds; in bold how many times as long a peer takes as Facet. Results were compared with ' +
      'float64 before they were timed.',
    '',
    ...engines.map((engine) => `- ${titles[engine]}: ${report.versions[engine]}`),
    '',
    ...(report.rows.some(({ limits }) => limits) ? [LIMIT, ''] : []),
    line(head),
    line(head.map(() => '---')),
    ...rows.map(line),
    '',
    ...earlier.notes.flatMap((note) => [note, '']),
    ...(least.length > 0
      ? [
          `Against the fastest peer that is right: ${showRatio(Math.min(...least))} at least, ` +
            `${showRatio(geometricMean(least))} in the geometric mean of ${least.length} works.`,
          '',
        ]
      : []),
    ...(report.bundles.length > 0
      ? [
          line(['bundle, minified', 'size', 'gzip']),
          line(['---', '---', '---']),
          ...report.bundles.map(({ name, bytes, gzipBytes }) => line([name, kib(bytes), kib(gzipBytes)])),
          '',
        ]
      : []),
  ].join('\n');
}
