// layout.ts: the meaning of renaming, stretching, permuting, cutting and surrounding axes, in float64.

import type { CostsOf, ReferencesOf } from '../index.ts';
import { forEachIndex, sizeOf, stridesOf } from '../shape.ts';
import type { ScalarProgram } from '../types.ts';
import { evaluateProgram } from './elementwise.ts';

const copyProgram: ScalarProgram = { operands: 1, steps: [] };

export const references = {
  reshape: ([x]) => x.data,
  broadcastTo: ([x], _, output) => evaluateProgram(copyProgram, [x], output),

  transpose: ([x], { permutation }, output) => {
    const y = new Float64Array(sizeOf(output));
    const strides = stridesOf(x.shape);
    forEachIndex(output, (index, flat) => {
      y[flat] = x.data[index.reduce((at, i, axis) => at + i * strides[permutation[axis]], 0)];
    });
    return y;
  },

  slice: ([x], { starts, steps }, output) => {
    const y = new Float64Array(sizeOf(output));
    const strides = stridesOf(x.shape);
    forEachIndex(output, (index, flat) => {
      y[flat] = x.data[index.reduce((at, i, axis) => at + (starts[axis] + i * steps[axis]) * strides[axis], 0)];
    });
    return y;
  },

  pad: ([x], { before, dilation, value }, output) => {
    const y = new Float64Array(sizeOf(output)).fill(value);
    const strides = stridesOf(output);
    forEachIndex(x.shape, (index, flat) => {
      y[index.reduce((at, i, axis) => at + (before[axis] + i * dilation[axis]) * strides[axis], 0)] = x.data[flat];
    });
    return y;
  },
} satisfies ReferencesOf<'reshape' | 'broadcastTo' | 'transpose' | 'slice' | 'pad'>;

export const costs = {
  reshape: () => ({ flops: 0, bytes: 0, terms: 1 }),
  broadcastTo: ([x], _, output) => ({ flops: 0, bytes: 4 * (sizeOf(x) + sizeOf(output)), terms: 1 }),
  transpose: ([x]) => ({ flops: 0, bytes: 8 * sizeOf(x), terms: 1 }),
  slice: (_, __, output) => ({ flops: 0, bytes: 8 * sizeOf(output), terms: 1 }),
  pad: ([x], _, output) => ({ flops: 0, bytes: 4 * (sizeOf(x) + sizeOf(output)), terms: 1 }),
} satisfies CostsOf<'reshape' | 'broadcastTo' | 'transpose' | 'slice' | 'pad'>;
