// latest.ts: one task at a time, and of those that wait only the newest: what was wished in between is out of date.

export class Latest {
  private isRunning = false;
  private waiting: (() => Promise<void>) | undefined;

  /** Runs the task when the one before it has ended. Tasks handle their own errors. */
  async push(task: () => Promise<void>): Promise<void> {
    this.waiting = task;
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      while (this.waiting) {
        const next = this.waiting;
        this.waiting = undefined;
        await next();
      }
    } finally {
      this.isRunning = false;
    }
  }

  /** For what nobody wished, such as drawing anew: runs only where no task waits, whose place it would take. */
  async offer(task: () => Promise<void>): Promise<void> {
    if (!this.waiting) await this.push(task);
  }
}
