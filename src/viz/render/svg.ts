// svg.ts: what the drawings of a profile share: texts that are safe, a logarithmic axis, colours by op. A page sets colours of
// its own by CSS on the classes `ink`, `soft`, `grid`.

import { schemeTableau10 } from 'd3-scale-chromatic';
import type { StepProfile } from '../../engine/profile.ts';

export const INK = '#1b2030';
export const SOFT = '#5b6377';
export const LINE = '#d5d9e2';
export const GROUND = '#ffffff';

/** Ops with a colour of their own; the rest shares the last. */
const MOST_COLOURS = schemeTableau10.length;

/** Text that is safe within SVG: names come out of files. */
export const safe = (text: string): string =>
  text.replace(/[&<>"'\n]|\p{Cc}/gu, (character) =>
    /[&<>"'\n]/.test(character) ? `&#${character.charCodeAt(0)};` : '\u{fffd}',
  );

export const svgText = (x: number, y: number, content: string, kind = 'soft', anchor = 'start', extra = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" class="${kind}" fill="${kind === 'soft' ? SOFT : INK}" text-anchor="${anchor}"${extra}>${safe(content)}</text>`;

/** What a letter of 12 pixels takes at most, nearly always. */
const LETTER_WIDTH = 7;

/** As much of a text as there is room for. */
export function fitting(content: string, pixels: number): string {
  const most = Math.max(1, Math.floor(pixels / LETTER_WIDTH));
  return content.length > most ? `${content.slice(0, most - 1)}…` : content;
}

/** A logarithmic axis from `low` to `high` over the pixels `from` to `to`. */
export class LogAxis {
  private readonly low: number;
  private readonly high: number;

  constructor(
    low: number,
    high: number,
    private readonly from: number,
    private readonly to: number,
  ) {
    this.low = Math.log10(low);
    this.high = Math.log10(high);
  }

  at(value: number): number {
    const share = (Math.log10(value) - this.low) / (this.high - this.low);
    return this.from + (this.to - this.from) * Math.min(1, Math.max(0, share));
  }

  /** The powers of ten on it. */
  decades(): number[] {
    const first = Math.ceil(this.low - 1e-9);
    return Array.from({ length: Math.floor(this.high + 1e-9) - first + 1 }, (_, k) => 10 ** (first + k));
  }
}

/** Colours by op, the slowest first; '' for the rest. */
export function coloursOf(steps: readonly StepProfile[]): Map<string, string> {
  const micros = new Map<string, number>();
  for (const step of steps) micros.set(step.op, (micros.get(step.op) ?? 0) + step.micros);
  const sorted = [...micros].sort(([, a], [, b]) => b - a).map(([op]) => op);
  const own = sorted.length > MOST_COLOURS ? [...sorted.slice(0, MOST_COLOURS - 1), ''] : sorted;
  return new Map(own.map((op, k) => [op, schemeTableau10[k]]));
}
