// reduce.ts: the meaning of sums and maxima over axes, in float64.

import type { CostsOf, ReferencesOf } from '../index.ts';
import type { ReduceAttrs } from '../reduce.ts';
import { forEachIndex, sizeOf, stridesOf } from '../shape.ts';
import type { CostOf, NdArray, Shape } from '../types.ts';

type Fold = { readonly initial: number; readonly step: (acc: number, value: number) => number };

function reduceReference(fold: Fold, x: NdArray, axes: readonly number[], output: Shape): Float64Array {
  const y = new Float64Array(sizeOf(output)).fill(fold.initial);
  const kept = x.shape.map((d, axis) => (axes.includes(axis) ? 1 : d));
  const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  forEachIndex(x.shape, (index, flat) => {
    const at = index.reduce((sum, i, axis) => sum + i * strides[axis], 0);
    y[at] = fold.step(y[at], x.data[flat]);
  });
  return y;
}

export const references = {
  sum: ([x], { axes }, output) => reduceReference({ initial: 0, step: (acc, value) => acc + value }, x, axes, output),
  reduceMax: ([x], { axes }, output) => reduceReference({ initial: -Infinity, step: Math.max }, x, axes, output),
} satisfies ReferencesOf<'sum' | 'reduceMax'>;

const cost: CostOf<ReduceAttrs> = ([x], _, output) => ({
  flops: sizeOf(x),
  bytes: 4 * (sizeOf(x) + sizeOf(output)),
  terms: sizeOf(x) / Math.max(1, sizeOf(output)),
});

export const costs = { sum: cost, reduceMax: cost } satisfies CostsOf<'sum' | 'reduceMax'>;
