// moments.ts: means of independent samples and how sure they are, in one pass (Welford 1962).

export class Moments {
  count = 0;
  private readonly mean: Float64Array;
  /** Σ (x - mean)² */
  private readonly spread: Float64Array;

  constructor(length: number) {
    this.mean = new Float64Array(length);
    this.spread = new Float64Array(length);
  }

  add(sample: Float64Array): void {
    this.count++;
    for (let i = 0; i < sample.length; i++) {
      const off = sample[i] - this.mean[i];
      this.mean[i] += off / this.count;
      this.spread[i] += off * (sample[i] - this.mean[i]);
    }
  }

  means(): Float64Array {
    return this.mean.slice();
  }

  /** Of the means; unknown from fewer than two samples. */
  standardErrors(): Float64Array | undefined {
    const { count } = this;
    return count < 2 ? undefined : this.spread.map((sum) => Math.sqrt(sum / (count - 1) / count));
  }
}
