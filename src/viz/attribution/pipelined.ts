// pipelined.ts: many replays in a row, two of them on the device at a time: it is never idle, and the host learns soon
// enough how far it is, or that it should stop.

export interface Watch {
  readonly signal?: AbortSignal;
  readonly progress?: (done: number, total: number) => void;
}

const IN_FLIGHT = 2;

/**
 * Starts jobs 0..count-1 in order and returns their results; fewer where the signal came. `job` submits before it waits.
 * `take` is given each result in order, and ends the work by returning false.
 */
export async function pipelined<T>(
  count: number,
  job: (k: number) => Promise<T>,
  { signal, progress }: Watch = {},
  take?: (result: T, k: number) => unknown,
): Promise<T[]> {
  const results: T[] = [];
  const running: Promise<T>[] = [];
  let isEnough = false;
  const receive = async (): Promise<void> => {
    const result = await (running.shift() as Promise<T>);
    results.push(result);
    if (take?.(result, results.length - 1) === false) isEnough = true;
    progress?.(results.length, count);
  };
  try {
    for (let k = 0; k < count && !isEnough && !signal?.aborted; k++) {
      running.push(job(k));
      if (running.length >= IN_FLIGHT) await receive();
    }
    while (running.length > 0) await receive();
  } finally {
    await Promise.allSettled(running); // after an error nobody else waits for them
  }
  return results;
}

/** Numbers of all replays one after another, without those that only filled up the last. */
export function joined(parts: readonly Float32Array[], batch: number, count: number): Float32Array {
  const all = new Float32Array(Math.min(count, parts.length * batch));
  for (const [k, part] of parts.entries()) all.set(part.subarray(0, all.length - k * batch), k * batch);
  return all;
}
