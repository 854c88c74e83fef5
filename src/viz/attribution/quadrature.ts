// quadrature.ts: points and weights for ∫ f over [0, 1].

export const quadratureRules = [
  'gausslegendre',
  'trapezoid',
  'riemann-left',
  'riemann-middle',
  'riemann-right',
] as const;
export type QuadratureRule = (typeof quadratureRules)[number];

export interface Quadrature {
  readonly points: Float64Array;
  /** Their sum is 1: constants are integrated exactly by every rule. */
  readonly weights: Float64Array;
}

export function quadrature(rule: QuadratureRule, n: number): Quadrature {
  const each = (f: (i: number) => number) => Float64Array.from({ length: n }, (_, i) => f(i));
  const equal = each(() => 1 / n);
  switch (rule) {
    case 'gausslegendre':
      return gaussLegendre(n);
    case 'trapezoid': {
      if (n === 1) return { points: Float64Array.of(0.5), weights: equal };
      return { points: each((i) => i / (n - 1)), weights: each((i) => (i % (n - 1) === 0 ? 0.5 : 1) / (n - 1)) };
    }
    case 'riemann-left':
      return { points: each((i) => i / n), weights: equal };
    case 'riemann-middle':
      return { points: each((i) => (i + 0.5) / n), weights: equal };
    case 'riemann-right':
      return { points: each((i) => (i + 1) / n), weights: equal };
    default:
      return rule satisfies never;
  }
}

/**
 * Roots of the Legendre polynomial P_n by Newton's method from Tricomi's estimate, weights 2/((1-x²) P_n'(x)²), moved from
 * [-1, 1] to [0, 1] (W. H. Press et al., Numerical Recipes, section 4.6).
 */
function gaussLegendre(n: number): Quadrature {
  const points = new Float64Array(n);
  const weights = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 0;
    for (let round = 0; round < 100; round++) {
      let [before, value] = [1, x];
      for (let k = 2; k <= n; k++) [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
      slope = (n * (x * value - before)) / (x * x - 1);
      const step = value / slope;
      x -= step;
      if (Math.abs(step) < 1e-15) break;
    }
    points[n - 1 - i] = (1 + x) / 2;
    weights[n - 1 - i] = 1 / ((1 - x * x) * slope * slope);
  }
  return { points, weights };
}
