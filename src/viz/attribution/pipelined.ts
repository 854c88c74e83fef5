// pipelined.ts: many replays in a row, two of them on the device at a time: it is never idle, and the host learns soon
// enough how far it is, or that it should stop.

export interface Watch {
  readonly signal?: AbortSignal;
  readonly progress?: (done: number, total: number) => void;
}

const IN_FLIGHT = 2;

/** Starts jobs 0..count-1 in order and returns their results; fewer where the signal came. `job` submits before it waits. */
export async function pipelined<T>(count: number, job: (k: number) => Promise<T>, { signal, progress }: Watch = {}) {
  const results: T[] = [];
  const running: Promise<T>[] = [];
  const take = async (): Promise<void> => {
    results.push(await (running.shift() as Promise<T>));
    progress?.(results.length, count);
  };
  try {
    for (let k = 0; k < count && !signal?.aborted; k++) {
      running.push(job(k));
      if (running.length >= IN_FLIGHT) await take();
    }
    while (running.length > 0) await take();
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
