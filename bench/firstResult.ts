// firstResult.ts: the time from the beginning of a navigation to the first logits of SqueezeNet, each in a browser of its
// own: loading of scripts, reading of weights, compilation, one run.

import type { BenchBrowser } from './browser.ts';
import { Interrupted } from './errors.ts';
import type { EngineName, Outcome, Row } from './report.ts';
import { showMillis } from './session.ts';
import { relativeError, spreadOf } from './statistics.ts';

export const FIRST_RESULT = 'from page load to the first result of SqueezeNet 1.1';

/** Relative, of logits. */
const TOLERANCE = 1e-3;

interface First {
  readonly millis: number;
  readonly logits: readonly number[];
}

export async function measureFirst(
  browser: BenchBrowser,
  engines: readonly EngineName[],
  { rounds, patience }: { readonly rounds: number; readonly patience: number },
  say: (text: string) => void,
): Promise<Row> {
  say(FIRST_RESULT);
  const samples = new Map<EngineName, number[]>();
  const outcomes: Partial<Record<EngineName, Outcome>> = {};
  let expected: readonly number[] | undefined;
  for (let round = 0; round < rounds; round++) {
    for (const engine of engines) {
      if (outcomes[engine]) continue;
      let complaint = '';
      try {
        await browser.open(`first-${engine}.html`, (text) => {
          complaint ||= text;
        });
        const { millis, logits } = await browser.waitFor<First>(patience, 'window.first');
        expected ??= logits;
        const error = relativeError(logits, expected);
        if (error > TOLERANCE) outcomes[engine] = { status: 'wrong', reason: `relative error ${error.toPrecision(2)}` };
        samples.set(engine, [...(samples.get(engine) ?? []), millis]);
        say(`  ${engine.padEnd(6)} ${showMillis(millis)}`);
      } catch (error) {
        if (error instanceof Interrupted) throw error;
        outcomes[engine] = { status: 'failed', reason: complaint || (error as Error).message.split('\n')[0] };
        say(`  ${engine.padEnd(6)} failed: ${complaint || (error as Error).message}`);
      }
    }
  }
  for (const [engine, millis] of samples) outcomes[engine] ??= { status: 'timed', millis: spreadOf(millis) };
  return { name: FIRST_RESULT, outcomes };
}
