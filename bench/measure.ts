// measure.ts: times several works against each other in one run: interleaved, so that a slow minute hits all of them,
// and by medians.

import type { Device } from '../src/index.ts';

export interface Work {
  readonly name: string;
  readonly flops: number;
  readonly bytes: number;
  /** Submits the work once; does not wait. */
  run(): void;
  dispose(): void;
}

export interface Timing {
  readonly name: string;
  /** Milliseconds of one run: the median, and the quartiles around it. */
  readonly millis: number;
  readonly low: number;
  readonly high: number;
  readonly gflops: number;
  readonly gbytes: number;
}

/** A measurement is repeated within one submit chain until it lasts about this long, so that the clock resolves it. */
const LEAST_MILLIS = 20;
const ROUNDS = 7;

async function timeOnce(device: Device, work: Work, repeats: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < repeats; i++) work.run();
  await device.idle();
  return (performance.now() - start) / repeats;
}

const quantile = (sorted: readonly number[], q: number): number => sorted[Math.round(q * (sorted.length - 1))];

/** Warm-up, then rounds in which every work is timed once. Calls `report` when a round is done. */
export async function measure(
  device: Device,
  works: readonly Work[],
  report: (round: number, rounds: number) => void,
): Promise<Timing[]> {
  const repeats: number[] = [];
  for (const work of works) {
    await timeOnce(device, work, 1);
    const millis = await timeOnce(device, work, 1);
    repeats.push(Math.max(1, Math.ceil(LEAST_MILLIS / Math.max(millis, 0.01))));
  }
  const samples: number[][] = works.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [k, work] of works.entries()) samples[k].push(await timeOnce(device, work, repeats[k]));
    report(round + 1, ROUNDS);
  }
  return works.map(({ name, flops, bytes }, k) => {
    const sorted = samples[k].sort((a, b) => a - b);
    const millis = quantile(sorted, 0.5);
    return {
      name,
      millis,
      low: quantile(sorted, 0.25),
      high: quantile(sorted, 0.75),
      gflops: flops / millis / 1e6,
      gbytes: bytes / millis / 1e6,
    };
  });
}
