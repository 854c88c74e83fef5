// erf.ts: the error function, 2/sqrt(pi) times the integral of exp(-t²) from 0 to x, which WGSL does not have.
// Formulas by their number in Abramowitz and Stegun, Handbook of Mathematical Functions, chapter 7.

const TWO_BY_ROOT_PI = 2 / Math.sqrt(Math.PI);

/** Beyond this |x|, erf is 1 in float64. */
const SATURATION = 6;

/** In float64: 7.1.6, whose terms are all of one sign. */
export function erf(x: number): number {
  if (Number.isNaN(x) || Math.abs(x) > SATURATION) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return TWO_BY_ROOT_PI * Math.exp(-x * x) * sum;
}

/** Nested products of a polynomial, lowest coefficient first. */
const polynomial = (x: string, coefficients: readonly number[]): string =>
  coefficients.reduceRight((rest, c) => {
    const text = `T(${c.toPrecision(10)})`;
    return rest === '' ? text : `(${text} + ${x} * ${rest})`;
  }, '');

/** First terms of 7.1.5, in powers of x²: off by less than 2e-9 up to |x| = 1/2. */
const NEAR = [1, -1 / 3, 1 / 10, -1 / 42, 1 / 216, -1 / 1320, 1 / 9360].map((c) => c * TWO_BY_ROOT_PI);
/** 7.1.26, in powers of t = 1 / (1 + 0.3275911 |x|): off by less than 1.5e-7, a good last digit where erf is above 1/2. */
const FAR = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429];

/** As WGSL: a series near 0, where the approximation that holds everywhere has no relative accuracy. */
export function erfText(x: string): string {
  const near = `${x} * ${polynomial(`(${x} * ${x})`, NEAR)}`;
  const t = `(T(1.0) / (T(1.0) + T(0.3275911) * abs(${x})))`;
  const far = `sign(${x}) * (T(1.0) - ${t} * ${polynomial(t, FAR)} * exp(-${x} * ${x}))`;
  return `select(${far}, ${near}, abs(${x}) < T(0.5))`;
}
