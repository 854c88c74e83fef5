// session.ts: the engines of one page, and how a work is measured on all of them: made ready, checked, then timed in turn.
// A page in which an engine hangs is replaced by another.

import type { MultiplyAddForm } from '../src/engine/gpu/roofline.ts';
import { type BenchBrowser, TimeoutError } from './browser.ts';
import { Interrupted } from './errors.ts';
import type { Timeable } from './page.ts';
import type { NamedWork } from './peerWorks.ts';
import {
  type ArithmeticLimits,
  type EngineName,
  leastRatio,
  type Outcome,
  type Row,
  shareOf,
  showRatio,
  showShare,
} from './report.ts';
import { spreadOf } from './statistics.ts';

export interface Timing {
  readonly rounds: number;
  /** For the rounds of one engine at one work: a slow one gets fewer rounds, at least one. */
  readonly seconds: number;
  /** Seconds after which a call counts as hanging. */
  readonly patience: number;
}

/** A measurement is repeated within one chain of submits until it lasts about this long, so that the clock resolves it. */
const LEAST_MILLIS = 100;
const MOST_REPEATS = 50;

const repeatsFor = (millis: number): number =>
  Math.min(MOST_REPEATS, Math.max(1, Math.ceil(LEAST_MILLIS / Math.max(millis, 0.01))));

class EngineHangs extends Error {
  constructor(readonly engine: EngineName) {
    super(`${engine} hangs`);
  }
}

/** What is told of an engine that throws. One that hangs takes its page with it, and Ctrl-C everything. */
function failure(error: unknown): Outcome {
  if (error instanceof EngineHangs || error instanceof Interrupted) throw error;
  const [message] = (error as Error).message.replace(/^page\.evaluate: (Error: )?/, '').split('\n');
  return { status: 'failed', reason: message.slice(0, 160) };
}

type Timed = Extract<Outcome, { status: 'timed' }>;
interface Contender {
  readonly engine: EngineName;
  readonly known: Pick<Timed, 'error' | 'firstMillis'>;
  readonly samples: number[];
  repeats: number;
}

/** A limit of arithmetic, while it is timed. */
interface LimitTimes {
  readonly form: MultiplyAddForm;
  readonly flops: number;
  readonly repeats: number;
  readonly samples: number[];
}

export const showMillis = (millis: number): string =>
  millis < 10
    ? `${millis.toFixed(2)} ms`
    : millis < 1000
      ? `${millis.toFixed(0)} ms`
      : `${(millis / 1000).toFixed(1)} s`;

export class Session {
  readonly versions: Partial<Record<EngineName, string>> = {};

  constructor(
    private readonly browser: BenchBrowser,
    private readonly engines: readonly EngineName[],
    private readonly timing: Timing,
    private readonly say: (text: string) => void,
  ) {}

  async open(): Promise<void> {
    const { browser, timing, say } = this;
    await browser.open('peers.html', (text) => say(`  the page: ${text}`));
    await browser.waitFor(timing.patience, 'window.bench !== undefined');
    for (const engine of this.engines) {
      this.versions[engine] = await browser.call(timing.patience, (bench, engine) => bench.open(engine), engine);
    }
  }

  /** Times a work on all engines that do it right. */
  async measure(named: NamedWork): Promise<Row> {
    this.say(named.name);
    const outcomes: Partial<Record<EngineName, Outcome>> = {};
    let limits: ArithmeticLimits | undefined;
    for (;;) {
      try {
        limits = await this.attempt(named, outcomes);
        break;
      } catch (error) {
        if (!(error instanceof EngineHangs)) throw error;
        const { engine } = error;
        outcomes[engine] = { status: 'failed', reason: `took longer than ${this.timing.patience} s` };
        this.say(`  ${engine.padEnd(6)} hangs; once more without it`);
        await this.open();
      }
    }
    const { name, flops } = named;
    const row: Row = { name, ...(flops === undefined ? {} : { flops }), outcomes, ...(limits ? { limits } : {}) };
    const [ofPeak, ofLoop] = [shareOf(row, 'peak'), shareOf(row, 'loop')];
    if (ofPeak !== undefined && ofLoop !== undefined) {
      this.say(
        `  facet reaches ${showShare(ofPeak)} of bare multiply-adds, ${showShare(ofLoop)} of a plain loop of them`,
      );
    }
    const least = leastRatio(row);
    if (least !== undefined) this.say(`  the fastest peer that is right takes ${showRatio(least)} as long`);
    return row;
  }

  /** Returns the limits of arithmetic in the same rounds, where the work is one op. */
  private async attempt(
    named: NamedWork,
    outcomes: Partial<Record<EngineName, Outcome>>,
  ): Promise<ArithmeticLimits | undefined> {
    const { rounds, seconds, patience } = this.timing;
    // Naive kernels and float64 take longer than any engine.
    await this.browser.call(3 * patience, (bench, named) => bench.makeReference(named), named);
    const contenders: Contender[] = [];
    for (const engine of this.engines) {
      if (outcomes[engine]?.status === 'failed' || (named.isOwn && engine !== 'facet')) continue;
      const answer = await this.prepare(engine, named);
      if ('status' in answer) {
        outcomes[engine] = answer;
        this.say(`  ${engine.padEnd(6)} ${answer.status}: ${answer.status === 'timed' ? '' : answer.reason}`);
      } else contenders.push({ engine, known: answer, samples: [], repeats: 1 });
    }
    /** An engine that throws while it is timed is out; the others go on. */
    const attended = async (engine: EngineName, timing: () => Promise<void>): Promise<void> => {
      if (outcomes[engine]) return;
      try {
        await timing();
      } catch (error) {
        outcomes[engine] = failure(error);
      }
    };
    for (const each of contenders) {
      await attended(each.engine, async () => {
        const millis = await this.time(each.engine, 1);
        each.repeats = repeatsFor(millis);
      });
    }
    const limits = named.flops === undefined ? [] : [await this.openLimit('peak'), await this.openLimit('loop')];
    for (let round = 0; round < rounds; round++) {
      for (const { form, repeats, samples } of limits) samples.push(await this.time(form, repeats));
      for (const { engine, repeats, samples } of contenders) {
        const spent = samples.reduce((sum, millis) => sum + millis * repeats, 0);
        if (round > 0 && spent >= 1000 * seconds) continue;
        await attended(engine, async () => {
          samples.push(await this.time(engine, repeats));
        });
      }
    }
    for (const { engine, known, samples } of contenders) {
      const lost = outcomes[engine];
      if (lost && lost.status !== 'timed') {
        this.say(`  ${engine.padEnd(6)} ${lost.status}: ${lost.reason}`);
        continue;
      }
      const parts = engine === 'facet' ? 1 : (named.peerParts ?? 1);
      const millis = spreadOf(samples.map((sample) => parts * sample));
      const estimatedFrom = parts > 1 ? { estimatedFrom: `${parts} times a part` } : {};
      outcomes[engine] = { status: 'timed', millis, ...known, ...estimatedFrom };
      const error = known.error === undefined ? '' : `, relative error ${known.error.toExponential(1)}`;
      this.say(
        `  ${engine.padEnd(6)} ${showMillis(millis.median)}  (first ${showMillis(known.firstMillis ?? 0)}${error})`,
      );
      await this.guarded(engine, (bench, engine) => bench.release(engine), engine);
    }
    for (const { form } of limits) await this.guarded('facet', (bench, form) => bench.release(form), form);
    const [peak, loop] = limits.map(({ flops, samples }) => (1000 * flops) / spreadOf(samples).median);
    return peak === undefined ? undefined : { peak: Math.max(peak, loop), loop };
  }

  /** Ready to be timed like an engine. */
  private async openLimit(form: MultiplyAddForm): Promise<LimitTimes> {
    const flops = await this.guarded('facet', (bench, form) => bench.prepareLimit(form), form);
    await this.time(form, 1); // compiled by then
    return { form, flops, repeats: repeatsFor(await this.time(form, 1)), samples: [] };
  }

  private async prepare(engine: EngineName, named: NamedWork): Promise<Contender['known'] | Outcome> {
    try {
      const answer = await this.guarded(engine, (bench, [engine, named]) => bench.prepare(engine, named), [
        engine,
        named,
      ] as const);
      if ('unsupported' in answer) return { status: 'none', reason: answer.unsupported };
      const error = answer.error ?? 0;
      if (error <= named.tolerance) return answer;
      await this.guarded(engine, (bench, engine) => bench.release(engine), engine);
      return { status: 'wrong', reason: `relative error ${error.toPrecision(2)}` };
    } catch (error) {
      return failure(error);
    }
  }

  private time(engine: Timeable, repeats: number): Promise<number> {
    const owner = engine === 'peak' || engine === 'loop' ? 'facet' : engine; // which hangs, if it does
    return this.guarded(owner, (bench, [engine, repeats]) => bench.time(engine, repeats), [engine, repeats] as const);
  }

  private async guarded<A, R>(
    engine: EngineName,
    f: Parameters<typeof this.browser.call<A, R>>[1],
    argument: A,
  ): Promise<R> {
    try {
      return await this.browser.call(this.timing.patience, f, argument);
    } catch (error) {
      throw error instanceof TimeoutError ? new EngineHangs(engine) : error;
    }
  }
}
