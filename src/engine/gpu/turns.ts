// turns.ts: work of which only so much is under way at a time; the rest waits for its turn.

/** A queue that can be given up: what has begun ends, what waits never begins. */
export class Turns {
  readonly #most: number;
  readonly #waiting: { readonly begin: () => void; readonly refuse: (why: unknown) => void }[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** What `work` gives, begun as soon as fewer than the most are under way; rejects with what `clear` says. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#most) {
      await new Promise<void>((begin, refuse) => {
        this.#waiting.push({ begin, refuse });
      });
    } else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift(); // takes over the place of this one
      if (next) next.begin();
      else this.#running--;
    }
  }

  /** Nothing that waits now begins any more. */
  clear(why: unknown): void {
    for (const { refuse } of this.#waiting.splice(0)) refuse(why);
  }
}
