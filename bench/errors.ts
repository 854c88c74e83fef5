// errors.ts: what ends a run beside peers before its end: a reason that a user can do something about, or Ctrl-C.

/** The message names the thing and the remedy. */
export class BenchError extends Error {
  override name = 'BenchError';
}

/** Ctrl-C came. */
export class Interrupted extends Error {
  override name = 'Interrupted';
}

/** The same as `work`, but throws at once when the signal aborts, whatever becomes of `work`. */
export async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new Interrupted('stopped'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
