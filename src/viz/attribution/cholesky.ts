// cholesky.ts: solves A x = b for symmetric positive definite A, in float64: the normal equations of a fit.

/** A = L Lᵀ, factored once. */
export class Cholesky {
  /** L by rows, [n*n]. */
  private readonly factor: Float64Array;

  /** a: [n*n]. Undefined where A is singular to working precision: the fit is not determined. */
  static of(a: Float64Array, n: number): Cholesky | undefined {
    const factor = a.slice();
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = factor[i * n + j];
        for (let k = 0; k < j; k++) sum -= factor[i * n + k] * factor[j * n + k];
        if (i > j) factor[i * n + j] = sum / factor[j * n + j];
        else if (sum > 1e-13 * a[i * n + i]) factor[i * n + i] = Math.sqrt(sum);
        else return undefined;
      }
    }
    return new Cholesky(factor, n);
  }

  private constructor(
    factor: Float64Array,
    private readonly n: number,
  ) {
    this.factor = factor;
  }

  solve(b: Float64Array): Float64Array {
    const { factor, n } = this;
    const x = b.slice();
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < i; k++) x[i] -= factor[i * n + k] * x[k];
      x[i] /= factor[i * n + i];
    }
    for (let i = n - 1; i >= 0; i--) {
      for (let k = i + 1; k < n; k++) x[i] -= factor[k * n + i] * x[k];
      x[i] /= factor[i * n + i];
    }
    return x;
  }
}

/** Adds weight · v vᵀ to the lower half of A [n*n], which is all that `Cholesky.of` reads. */
export function addOuter(a: Float64Array, v: ArrayLike<number>, weight: number): void {
  const n = v.length;
  for (let i = 0; i < n; i++) {
    const scaled = weight * v[i];
    if (scaled === 0) continue;
    for (let j = 0; j <= i; j++) a[i * n + j] += scaled * v[j];
  }
}
