// terminal.ts: what is shown: results on standard output, progress on standard error.

import { Presets, SingleBar } from 'cli-progress';

/** Names come from files of others: what would move the cursor or colour the terminal is shown as a mark. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, '\u{fffd}');

/** Columns as wide as their widest cell; those of `right` are flush right. */
export function table(cells: readonly (readonly string[])[], right: readonly number[] = []): string {
  const rows = cells.map((row) => row.map(printable));
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const pad = (cell: string, column: number) =>
    right.includes(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]);
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}

/** 6998552 -> `6,998,552`. */
export const grouped = (count: number): string => Math.round(count).toLocaleString('en-US');

/** 1234567890 -> `1.23 G`. */
export function scaled(count: number): string {
  const [unit, size] = (
    [
      ['G', 1e9],
      ['M', 1e6],
      ['k', 1e3],
    ] as const
  ).find(([, size]) => count >= size) ?? ['', 1];
  return unit ? `${(count / size).toPrecision(3)} ${unit}` : String(Math.round(count));
}

/** In powers of 1024, as limits of a GPU are. */
export function byteCount(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Number((bytes / 1024 ** power).toPrecision(4))} ${units[power]}`;
}

export function duration(millis: number): string {
  return millis < 1000 ? `${millis.toFixed(millis < 10 ? 1 : 0)} ms` : `${(millis / 1000).toFixed(2)} s`;
}

/** Where there is no terminal, progress is a line each so many milliseconds. */
const LINE_MILLIS = 10_000;

/** A bar on a terminal; elsewhere a line now and then. */
export class Progress {
  private readonly bar?: SingleBar;
  private spoke = performance.now();

  constructor(
    private readonly what: string,
    private readonly total: number,
  ) {
    if (!process.stderr.isTTY) return;
    this.bar = new SingleBar(
      {
        format: `${what} {bar} {value}/{total}  {note}`,
        stream: process.stderr,
        hideCursor: true,
        clearOnComplete: true,
      },
      Presets.shades_classic,
    );
    this.bar.start(total, 0, { note: 'preparing' });
  }

  update(done: number, note = ''): void {
    this.bar?.update(done, { note });
    if (this.bar || performance.now() - this.spoke < LINE_MILLIS || done >= this.total) return;
    this.spoke = performance.now();
    process.stderr.write(`${this.what} ${done}/${this.total}${note ? `  ${note}` : ''}\n`);
  }

  stop(): void {
    this.bar?.stop();
  }
}

/** The same for bytes that arrive: how many of how many, and how fast. */
export class ByteProgress {
  private bar?: SingleBar;
  private readonly began = performance.now();
  private spoke = performance.now();

  constructor(private readonly what: string) {}

  /** `total` is absent where nobody knows it; then there is no bar, only the count. */
  update(received: number, total?: number): void {
    const seconds = (performance.now() - this.began) / 1000;
    const speed = seconds > 0.2 ? `, ${byteCount(received / seconds)}/s` : '';
    const note = `${byteCount(received)}${total === undefined ? '' : ` of ${byteCount(total)}`}${speed}`;
    if (process.stderr.isTTY) {
      this.bar ??= this.start(total);
      this.bar.update(Math.min(received, total ?? 0), { note });
      return;
    }
    if (performance.now() - this.spoke < LINE_MILLIS) return;
    this.spoke = performance.now();
    process.stderr.write(`${this.what}  ${note}\n`);
  }

  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
  }

  private start(total?: number): SingleBar {
    const format = total === undefined ? `${this.what}  {note}` : `${this.what} {bar}  {note}`;
    const bar = new SingleBar(
      { format, stream: process.stderr, hideCursor: true, clearOnComplete: true },
      Presets.shades_classic,
    );
    bar.start(total ?? 0, 0, { note: '' });
    return bar;
  }
}
