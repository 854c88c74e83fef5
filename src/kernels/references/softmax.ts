// softmax.ts: the meaning of softmax and its logarithm, in float64.

import type { CostsOf, ReferencesOf } from '../index.ts';
import { sizeOf } from '../shape.ts';
import type { SoftmaxAttrs } from '../softmax.ts';
import type { CostOf, NdArray, Shape } from '../types.ts';

/** Visits every row along the axis: its first element, the distance between its elements, and their number. */
function forEachRow(shape: Shape, axis: number, visit: (start: number, stride: number, length: number) => void): void {
  const length = shape[axis];
  const stride = sizeOf(shape.slice(axis + 1));
  for (let outer = 0; outer < sizeOf(shape); outer += length * stride) {
    for (let inner = 0; inner < stride; inner++) visit(outer + inner, stride, length);
  }
}

function softmaxReference(log: boolean, x: NdArray, axis: number): Float64Array {
  const y = new Float64Array(x.data.length);
  forEachRow(x.shape, axis, (start, stride, length) => {
    let largest = -Infinity;
    for (let i = 0; i < length; i++) largest = Math.max(largest, x.data[start + i * stride]);
    let sum = 0;
    for (let i = 0; i < length; i++) sum += Math.exp(x.data[start + i * stride] - largest);
    for (let i = 0; i < length; i++) {
      const shifted = x.data[start + i * stride] - largest;
      y[start + i * stride] = log ? shifted - Math.log(sum) : Math.exp(shifted) / sum;
    }
  });
  return y;
}

export const references = {
  softmax: ([x], { axis }) => softmaxReference(false, x, axis),
  logSoftmax: ([x], { axis }) => softmaxReference(true, x, axis),
} satisfies ReferencesOf<'softmax' | 'logSoftmax'>;

/** Flops of an exponential. */
const EXP = 15;

const cost: CostOf<SoftmaxAttrs> = ([x], { axis }) => ({
  flops: sizeOf(x) * (2 * EXP + 4),
  bytes: 8 * sizeOf(x),
  terms: x[axis],
});

export const costs = { softmax: cost, logSoftmax: cost } satisfies CostsOf<'softmax' | 'logSoftmax'>;
