// report.ts: what the pages of a first result share: the picture, and how they say that they are done.

import { uniform } from '../../data.ts';

declare global {
  interface Window {
    /** Set when the first result is there. */
    first?: { readonly millis: number; readonly logits: readonly number[] };
  }
}

export const pictureFor = (shape: readonly number[]): Float32Array<ArrayBuffer> =>
  uniform(
    13,
    shape.reduce((a, b) => a * b),
    -2,
    2,
  );

/** Milliseconds are counted from the beginning of the navigation. */
export function report(logits: ArrayLike<number>): void {
  window.first = { millis: performance.now(), logits: Array.from(logits) };
}
