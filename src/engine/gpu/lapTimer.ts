// lapTimer.ts: how long dispatches take on the device: by timestamps of passes of their own, or by the wall clock where the
// device has none.

import { median } from '../statistics.ts';
import type { Connection } from './connection.ts';
import { Watch } from './scopes.ts';

export type Clock = 'timestamps' | 'wall';

/** What is timed. */
export interface Timed {
  /** Encodes it once. */
  encode(pass: GPUComputePassEncoder): void;
  /** Encodes what has to happen before and after the repetitions, and is not timed. */
  before?(encoder: GPUCommandEncoder): void;
  after?(encoder: GPUCommandEncoder): void;
}

/** So many repetitions of a work, and the time they are expected to take in all, if it is known. */
export interface Lap {
  readonly work: Timed;
  readonly repeats: number;
  readonly expectedMicros?: number;
}

/** Work submitted at once is to last about this long: others wait for the device meanwhile. */
const SUBMIT_MICROS = 30_000;
const MOST_LAPS = 256;

const BYTES_PER_STAMP = 8;
const NANOS_PER_MICRO = 1000;

/** Empty submits from which the cost of waiting is taken. */
const EMPTY_SUBMITS = 9;

export class LapTimer {
  readonly clock: Clock;
  /**
   * Differences of the clock below this may be its grain alone: browsers round timestamps to 0.1 ms, Dawn to 0.07 ms, and
   * a wait for the device has its own jitter.
   */
  readonly grainMicros: number;
  private readonly watch: Watch;
  private stamps: { readonly queries: GPUQuerySet; readonly buffer: GPUBuffer } | undefined;
  /** What a submit takes that does nothing, by the wall clock. */
  private emptyMicros: number | undefined;

  /** By timestamps where the device offers them; `open` also looks whether they tell anything. */
  constructor(
    private readonly connection: Connection,
    clock?: Clock,
  ) {
    const { gpu } = connection;
    this.watch = new Watch(gpu);
    this.clock = clock ?? (gpu.features.has('timestamp-query') ? 'timestamps' : 'wall');
    this.grainMicros = this.clock === 'timestamps' ? 100 : 500;
    if (this.clock === 'wall') return;
    const count = 2 * MOST_LAPS;
    this.stamps = {
      queries: gpu.createQuerySet({ label: 'lap timer', type: 'timestamp', count }),
      buffer: connection.createBuffer(
        'lap timer',
        BYTES_PER_STAMP * count,
        GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
      ),
    };
  }

  /** Without a clock named, the better one of those the device has. */
  static async open(connection: Connection, clock?: Clock): Promise<LapTimer> {
    const timer = new LapTimer(connection, clock);
    if (clock || timer.clock === 'wall') return timer;
    let isTelling = false;
    try {
      const stamps = await timer.stampsOf([{ work: { encode: () => undefined }, repeats: 1 }]);
      isTelling = stamps.some((stamp) => stamp !== 0n);
    } finally {
      if (!isTelling) timer.dispose();
    }
    // Some drivers have the feature and leave zeros.
    return isTelling ? timer : new LapTimer(connection, 'wall');
  }

  /**
   * Runs the laps one after the other, each in a pass of its own, and gives the microseconds of each, all repetitions together.
   * Waits for the device every few milliseconds; throws the signal's reason when it aborts.
   */
  async time(laps: readonly Lap[], signal?: AbortSignal): Promise<number[]> {
    const micros: number[] = [];
    while (micros.length < laps.length) {
      signal?.throwIfAborted();
      const group = this.nextGroup(laps, micros.length);
      micros.push(...(this.stamps ? await this.timeByStamps(group) : [await this.timeByWall(group[0])]));
    }
    return micros;
  }

  /** Laps that go into one submit. */
  private nextGroup(laps: readonly Lap[], from: number): readonly Lap[] {
    if (this.clock === 'wall') return laps.slice(from, from + 1);
    let [end, micros] = [from, 0];
    do {
      micros += laps[end].expectedMicros ?? SUBMIT_MICROS;
      end++;
    } while (end < laps.length && end - from < MOST_LAPS && micros < SUBMIT_MICROS);
    return laps.slice(from, end);
  }

  private async timeByStamps(laps: readonly Lap[]): Promise<number[]> {
    const stamps = await this.stampsOf(laps);
    // A clock that was set back in between gives a negative number; it counts as no time, and the median passes over it.
    return laps.map((_, k) => Math.max(0, Number(stamps[2 * k + 1] - stamps[2 * k]) / NANOS_PER_MICRO));
  }

  /** Begin and end of each lap, in nanoseconds. */
  private async stampsOf(laps: readonly Lap[]): Promise<BigInt64Array> {
    const { queries, buffer } = this.stamps as NonNullable<typeof this.stamps>;
    const count = 2 * laps.length;
    this.submit((encoder) => {
      laps.forEach((lap, k) => {
        encodeLap(encoder, lap, {
          querySet: queries,
          beginningOfPassWriteIndex: 2 * k,
          endOfPassWriteIndex: 2 * k + 1,
        });
      });
      encoder.resolveQuerySet(queries, 0, count, buffer, 0);
    });
    const [[read]] = await Promise.all([
      this.connection.read([{ buffer, bytes: BYTES_PER_STAMP * count }], 'lap timer'),
      this.connection.settle(this.watch),
    ]);
    return new BigInt64Array(read.buffer);
  }

  private async timeByWall({ work, repeats }: Lap): Promise<number> {
    this.emptyMicros ??= await this.timeEmpty();
    // What comes before and after the repetitions goes into submits of its own, to be outside of the time.
    if (work.before) this.submit((encoder) => work.before?.(encoder));
    await this.done();
    const start = performance.now();
    this.submit((encoder) => encodeLap(encoder, { work: { encode: (pass) => work.encode(pass) }, repeats }));
    await this.done();
    const micros = 1000 * (performance.now() - start) - this.emptyMicros;
    if (work.after) this.submit((encoder) => work.after?.(encoder));
    await this.connection.settle(this.watch);
    return Math.max(0, micros);
  }

  private async timeEmpty(): Promise<number> {
    const samples: number[] = [];
    for (let k = 0; k < EMPTY_SUBMITS; k++) {
      const start = performance.now();
      this.submit((encoder) => encoder.beginComputePass().end());
      await this.done();
      samples.push(1000 * (performance.now() - start));
    }
    return median(samples);
  }

  private done(): Promise<unknown> {
    return this.connection.gpu.queue.onSubmittedWorkDone();
  }

  private submit(encode: (encoder: GPUCommandEncoder) => void): void {
    const { gpu } = this.connection;
    this.watch.during(
      () => 'Timing',
      () => {
        const encoder = gpu.createCommandEncoder({ label: 'lap timer' });
        encode(encoder);
        gpu.queue.submit([encoder.finish()]);
      },
    );
  }

  dispose(): void {
    if (!this.stamps) return;
    this.stamps.queries.destroy();
    this.connection.destroyBuffer(this.stamps.buffer);
    this.stamps = undefined;
  }
}

function encodeLap(
  encoder: GPUCommandEncoder,
  { work, repeats }: Lap,
  timestampWrites?: GPUComputePassTimestampWrites,
): void {
  work.before?.(encoder);
  const pass = encoder.beginComputePass({ timestampWrites });
  for (let n = 0; n < repeats; n++) work.encode(pass);
  pass.end();
  work.after?.(encoder);
}

/** How much more often a work of unknown length is repeated at once while its length is found out. */
const GROWTH = 16;
const MOST_REPEATS = 4096;

/**
 * How often to repeat next so that it lasts `spanMicros`, after so many repetitions took `micros` in all. Where that was
 * within the grain of the clock, it only grows.
 */
export function repeatsFor(spanMicros: number, repeats: number, micros: number, grainMicros: number): number {
  const grown = micros < 2 * grainMicros ? repeats * GROWTH : Number.POSITIVE_INFINITY;
  const fitting = Math.ceil((spanMicros * repeats) / Math.max(micros, 1e-3));
  return Math.max(1, Math.min(MOST_REPEATS, grown, fitting));
}
