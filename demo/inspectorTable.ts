// inspectorTable.ts: the steps of a profile as a table that is sorted by a click on a column.

import type { Profile, StepProfile } from '../src/index.ts';
import { create, short } from './dom.ts';

export function time(micros: number): string {
  if (micros >= 1e6) return `${short(micros / 1e6)} s`;
  return micros >= 1000 ? `${short(micros / 1000)} ms` : `${short(micros)} µs`;
}

export const percent = (share: number): string => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

/** `64 × 2 of 8 × 8`; a line may only break before "of". */
export const gridOf = ({ workgroups, workgroupSize }: StepProfile): string =>
  [workgroups, workgroupSize].map((sizes) => trim(sizes).join('\u00a0×\u00a0')).join(' of\u00a0');

/** Without ones at the end. */
const trim = (sizes: readonly number[]): readonly number[] =>
  sizes.slice(0, Math.max(1, sizes.findLastIndex((size) => size !== 1) + 1));

interface Column {
  readonly title: string;
  readonly sort: (step: StepProfile) => number | string;
  readonly text: (step: StepProfile, total: number) => string;
  readonly isNumber?: boolean;
  /** Draws a bar of this share behind the text. */
  readonly share?: (step: StepProfile, total: number) => number;
}

const COLUMNS: readonly Column[] = [
  { title: 'Step', sort: (s) => s.index, text: (s) => String(s.index), isNumber: true },
  { title: 'Layer', sort: (s) => s.label, text: (s) => s.label },
  { title: 'Does', sort: (s) => s.title, text: (s) => s.title },
  { title: 'Kernel', sort: (s) => s.variant, text: (s) => s.variant },
  { title: 'Grid', sort: (s) => s.workgroups.reduce((a, b) => a * b, 1), text: gridOf },
  { title: 'Time', sort: (s) => s.micros, text: (s) => time(s.micros), isNumber: true },
  {
    title: 'Of all',
    sort: (s) => s.micros,
    text: (s, total) => percent(s.micros / total),
    isNumber: true,
    share: (s, total) => s.micros / total,
  },
  { title: 'GFLOP/s', sort: (s) => s.gflops, text: (s) => (s.gflops > 0 ? short(s.gflops) : ''), isNumber: true },
  { title: 'GB/s', sort: (s) => s.gbytes, text: (s) => short(s.gbytes), isNumber: true },
  { title: 'Roof', sort: (s) => s.share, text: (s) => percent(s.share), isNumber: true, share: (s) => s.share },
  { title: 'Bound by', sort: (s) => s.bound, text: (s) => s.bound },
];

/** The column that is sorted by at first. */
const TIME = 5;

export class StepTable {
  private found: Profile | undefined;
  private column = TIME;
  private isDescending = true;
  private chosen: number | undefined;

  constructor(
    private readonly table: HTMLTableElement,
    private readonly select: (step: number) => void,
  ) {}

  show(found: Profile): void {
    this.found = found;
    this.chosen = undefined;
    this.fill();
  }

  /** Marks the row of a step. */
  mark(step: number): void {
    this.chosen = step;
    for (const row of this.table.tBodies[0]?.rows ?? []) row.ariaCurrent = String(row.dataset.step === String(step));
  }

  private fill(): void {
    const { steps, stepMicros } = this.found as Profile;
    const { sort } = COLUMNS[this.column];
    const sign = this.isDescending ? -1 : 1;
    const compare = (a: number | string, b: number | string): number => (a < b ? -sign : a > b ? sign : 0);
    const sorted = [...steps].sort((a, b) => compare(sort(a), sort(b)) || a.index - b.index);
    this.table.replaceChildren(
      create('thead', {}, create('tr', {}, ...COLUMNS.map((column, k) => this.header(column, k)))),
      create('tbody', {}, ...sorted.map((step) => this.row(step, stepMicros))),
    );
    if (this.chosen !== undefined) this.mark(this.chosen);
  }

  private header({ title, isNumber }: Column, k: number): HTMLElement {
    const isSorted = k === this.column;
    const button = create('button', { type: 'button', className: 'plain', textContent: title });
    button.addEventListener('click', () => {
      // Numbers from the largest, words from A.
      this.isDescending = isSorted ? !this.isDescending : isNumber === true && k > 0;
      this.column = k;
      this.fill();
      this.table.tHead?.rows[0].cells[k].querySelector('button')?.focus();
    });
    const cell = create('th', { scope: 'col', className: isNumber ? 'number' : '' }, button);
    if (isSorted) cell.ariaSort = this.isDescending ? 'descending' : 'ascending';
    return cell;
  }

  private row(step: StepProfile, total: number): HTMLTableRowElement {
    const cells = COLUMNS.map(({ text, isNumber, share }, k) => {
      const content = text(step, total);
      // The name is a button, for those without a pointer; a click anywhere in the row does the same.
      const inner = k === 1 ? create('button', { type: 'button', className: 'plain', textContent: content }) : content;
      const cell = create('td', { className: isNumber ? 'number' : '' }, inner);
      if (share) {
        cell.classList.add('share');
        cell.style.setProperty('--share', String(Math.min(1, share(step, total))));
      }
      return cell;
    });
    const row = create('tr', {}, ...cells);
    row.dataset.step = String(step.index);
    row.addEventListener('click', () => this.select(step.index));
    return row;
  }
}
