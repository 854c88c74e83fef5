// interrupt.ts: Ctrl-C. A command that can stop in order asks for the signal; otherwise, and the second time, it ends here.

const controller = new AbortController();
let isHeeded = false;

/** Aborts at Ctrl-C. Whoever calls this promises to look at it within a step and to keep what is finished. */
export function heedInterrupt(): AbortSignal {
  isHeeded = true;
  return controller.signal;
}

/** The same for as long as `work` lasts: afterwards Ctrl-C does what it did before. */
export async function whileHeeded<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const before = isHeeded;
  isHeeded = true;
  try {
    return await work(controller.signal);
  } finally {
    isHeeded = before;
  }
}

export function listenForInterrupt(): void {
  const stop = () => {
    if (isHeeded && !controller.signal.aborted) {
      controller.abort();
      return;
    }
    process.stderr.write('\nfacet: stopped. Nothing more is written.\n');
    process.exit(1);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}
