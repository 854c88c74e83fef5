// measure.ts: times several works against each other in one run: interleaved, so that a slow minute hits all of them,
// and by medians.

import type { Device } from '../src/index.ts';
import { spreadOf } from './statistics.ts';

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

async function timeOnce(device: Device, work: Work, repeats: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < repeats; i++) work.run();
  await device.idle();
  return (performance.now() - start) / repeats;
}

/** Warm-up, then rounds in which every work is timed once. Calls `report` when a round is done. */
export async function measure(
  device: Device,
  works: readonly Work[],
  rounds: number,
  report: (round: number) => void,
): Promise<Timing[]> {
  const repeats: number[] = [];
  for (const work of works) {
    await timeOnce(device, work, 1);
    const millis = await timeOnce(device, work, 1);
    repeats.push(Math.max(1, Math.ceil(LEAST_MILLIS / Math.max(millis, 0.01))));
  }
  const samples: number[][] = works.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [k, work] of works.entries()) samples[k].push(await timeOnce(device, work, repeats[k]));
    report(round + 1);
  }
  return works.map(({ name, flops, bytes }, k) => {
    const { median: millis, low, high } = spreadOf(samples[k]);
    return {
      name,
      millis,
      low,
      high,
      gflops: flops / millis / 1e6,
      gbytes: bytes / millis / 1e6,
    };
  });
}
