// quadrature.test.ts: what rules for integrals over [0, 1] promise.

import * as assert from 'uvu/assert';
import { type Quadrature, quadrature, quadratureRules } from '../../src/viz/attribution/quadrature.ts';
import { suite } from '../support/suite.ts';

const test = suite('quadrature');

const SIZES = [1, 2, 3, 5, 20, 50, 333];

const integrate = ({ points, weights }: Quadrature, f: (x: number) => number): number =>
  points.reduce((sum, x, i) => sum + weights[i] * f(x), 0);

for (const rule of quadratureRules) {
  test(`${rule}: points rise within [0, 1], weights are positive and sum to 1`, () => {
    for (const n of SIZES) {
      const { points, weights } = quadrature(rule, n);
      assert.is(points.length, n);
      assert.is(weights.length, n);
      assert.ok(points.every((x, i) => x >= 0 && x <= 1 && (i === 0 || x > points[i - 1])));
      assert.ok(weights.every((w) => w > 0));
      assert.ok(Math.abs(integrate({ points, weights }, () => 1) - 1) < 1e-13, `${n} points`);
    }
  });
}

test('n points of Gauss and Legendre are exact for polynomials of degree 2n - 1, and not beyond', () => {
  for (const n of [1, 2, 3, 4, 8, 20]) {
    const rule = quadrature('gausslegendre', n);
    for (let degree = 0; degree < 2 * n; degree++) {
      const found = integrate(rule, (x) => x ** degree);
      assert.ok(Math.abs(found - 1 / (degree + 1)) < 1e-14, `${n} points, degree ${degree}: ${found}`);
    }
    if (n > 4) continue; // what is missed falls below the digits of a double
    // The error for x^2n is (n!)^4 / ((2n + 1) ((2n)!)^2), Abramowitz and Stegun 25.4.29.
    const factorial = (k: number): number => (k < 2 ? 1 : k * factorial(k - 1));
    const missed = 1 / (2 * n + 1) - integrate(rule, (x) => x ** (2 * n));
    const expected = factorial(n) ** 4 / ((2 * n + 1) * factorial(2 * n) ** 2);
    assert.ok(Math.abs(missed / expected - 1) < 1e-6, `${n} points miss ${missed}, expected ${expected}`);
  }
});

test('two and three points of Gauss and Legendre are those of the tables', () => {
  const two = quadrature('gausslegendre', 2);
  assert.ok(Math.abs(two.points[1] - (1 + Math.sqrt(1 / 3)) / 2) < 1e-15);
  const three = quadrature('gausslegendre', 3);
  assert.ok(Math.abs(three.points[0] - (1 - Math.sqrt(3 / 5)) / 2) < 1e-15);
  assert.ok(Math.abs(three.weights[1] - 4 / 9) < 1e-15);
});

test('trapezoids and mid-points are exact for straight lines; left and right miss half a step', () => {
  for (const n of SIZES) {
    assert.ok(Math.abs(integrate(quadrature('trapezoid', n), (x) => x) - 0.5) < 1e-14);
    assert.ok(Math.abs(integrate(quadrature('riemann-middle', n), (x) => x) - 0.5) < 1e-14);
    assert.ok(Math.abs(integrate(quadrature('riemann-left', n), (x) => x) - (0.5 - 0.5 / n)) < 1e-14);
    assert.ok(Math.abs(integrate(quadrature('riemann-right', n), (x) => x) - (0.5 + 0.5 / n)) < 1e-14);
  }
});
