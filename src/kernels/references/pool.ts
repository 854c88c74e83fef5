// pool.ts: the meaning of maximum and average over sliding windows, in float64.

import type { CostsOf, ReferencesOf } from '../index.ts';
import type { AverageAttrs } from '../pool.ts';
import { sizeOf } from '../shape.ts';
import type { Cost, NdArray, Shape } from '../types.ts';
import type { Window } from '../window.ts';

/** Visits every tap on the input: `at` counts outputs, `from` inputs, `tap` = r * S + s. Row-major in each window. */
function forEachTap(
  x: Shape,
  y: Shape,
  { kernel: [R, S], strides, pads, dilations }: Window,
  visit: (at: number, from: number, tap: number) => void,
): void {
  const [N, H, W, C] = x;
  const [, P, Q] = y;
  for (let n = 0; n < N; n++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        for (let r = 0; r < R; r++) {
          for (let s = 0; s < S; s++) {
            const h = p * strides[0] - pads[0] + r * dilations[0];
            const w = q * strides[1] - pads[1] + s * dilations[1];
            if (h < 0 || h >= H || w < 0 || w >= W) continue;
            for (let c = 0; c < C; c++) {
              visit(((n * P + p) * Q + q) * C + c, ((n * H + h) * W + w) * C + c, r * S + s);
            }
          }
        }
      }
    }
  }
}

function maxPoolReference(x: NdArray, window: Window, output: Shape): { values: Float64Array; switches: Float64Array } {
  const values = new Float64Array(sizeOf(output)).fill(-Infinity);
  const switches = new Float64Array(sizeOf(output));
  forEachTap(x.shape, output, window, (at, from, tap) => {
    if (x.data[from] > values[at]) {
      values[at] = x.data[from];
      switches[at] = tap;
    }
  });
  return { values, switches };
}

/** What the sum of window (p, q) is divided by. */
function divisor(p: number, q: number, [H, W]: readonly number[], attrs: AverageAttrs): number {
  const { kernel, strides, pads, countIncludePad } = attrs;
  const taps = [p, q].map((at, axis) => {
    const size = axis === 0 ? H : W;
    const start = at * strides[axis] - pads[axis];
    const first = countIncludePad ? start : Math.max(start, 0);
    return Math.min(start + kernel[axis], countIncludePad ? size + pads[axis + 2] : size) - first;
  });
  return taps[0] * taps[1];
}

const divisorAt = (at: number, [, P, Q, C]: Shape, size: readonly number[], attrs: AverageAttrs): number => {
  const pixel = Math.floor(at / C);
  return divisor(Math.floor(pixel / Q) % P, pixel % Q, size, attrs);
};

export const references = {
  maxPool: ([x], attrs, output) => maxPoolReference(x, attrs, output).values,
  maxPoolSwitches: ([x], attrs, output) => maxPoolReference(x, attrs, output).switches,

  maxPoolInput: ([switches, dy], attrs, output) => {
    const dx = new Float64Array(sizeOf(output));
    forEachTap(output, dy.shape, attrs, (at, from, tap) => {
      if (switches.data[at] === tap) dx[from] += dy.data[at];
    });
    return dx;
  },

  maxPoolGather: ([switches, x], attrs, output) => {
    const y = new Float64Array(sizeOf(output));
    forEachTap(x.shape, output, attrs, (at, from, tap) => {
      if (switches.data[at] === tap) y[at] = x.data[from];
    });
    return y;
  },

  averagePool: ([x], attrs, output) => {
    const y = new Float64Array(sizeOf(output));
    forEachTap(x.shape, output, attrs, (at, from) => {
      y[at] += x.data[from];
    });
    return y.map((sum, at) => sum / divisorAt(at, output, x.shape.slice(1, 3), attrs));
  },

  averagePoolInput: ([dy], attrs, output) => {
    const dx = new Float64Array(sizeOf(output));
    const shares = dy.data.map((d, at) => d / divisorAt(at, dy.shape, attrs.inputSize, attrs));
    forEachTap(output, dy.shape, attrs, (at, from) => {
      dx[from] += shares[at];
    });
    return dx;
  },
} satisfies ReferencesOf<
  'maxPool' | 'maxPoolSwitches' | 'maxPoolInput' | 'maxPoolGather' | 'averagePool' | 'averagePoolInput'
>;

const poolCost = (x: Shape, output: Shape, { kernel }: Window, perTap: number): Cost => ({
  flops: sizeOf(output) * kernel[0] * kernel[1] * perTap,
  bytes: 4 * (sizeOf(x) + sizeOf(output)),
  terms: 1,
});

/** Windows that cover one pixel, at most. */
const windowsPerPixel = ({ kernel, strides }: Window): number =>
  Math.ceil(kernel[0] / strides[0]) * Math.ceil(kernel[1] / strides[1]);

const inputCost = (pooled: readonly Shape[], attrs: Window, output: Shape): Cost => ({
  flops: 2 * sizeOf(output) * windowsPerPixel(attrs),
  bytes: 4 * (sizeOf(output) + pooled.reduce((sum, s) => sum + sizeOf(s), 0)),
  terms: windowsPerPixel(attrs),
});

export const costs = {
  maxPool: ([x], attrs, output) => poolCost(x, output, attrs, 1),
  maxPoolSwitches: ([x], attrs, output) => poolCost(x, output, attrs, 2),
  maxPoolInput: inputCost,
  maxPoolGather: (_, __, output) => ({ flops: 0, bytes: 12 * sizeOf(output), terms: 1 }),
  averagePool: ([x], attrs, output) => ({ ...poolCost(x, output, attrs, 1), terms: attrs.kernel[0] * attrs.kernel[1] }),
  averagePoolInput: inputCost,
} satisfies CostsOf<
  'maxPool' | 'maxPoolSwitches' | 'maxPoolInput' | 'maxPoolGather' | 'averagePool' | 'averagePoolInput'
>;
