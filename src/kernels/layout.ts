// layout.ts: ops that rename or stretch axes without arithmetic.

import { showShape, sizeOf } from './shape.ts';
import { evaluateProgram, programKernel } from './elementwise.ts';
import { defineOp, OpError, type ScalarProgram, type Shape } from './types.ts';

/** Same elements in the same order under other axes. */
export const reshape = defineOp<{ readonly shape: Shape }>({
  alias: true,
  shape: ([x], { shape }) => {
    if (sizeOf(x) !== sizeOf(shape)) {
      throw new OpError(`reshape: ${showShape(x)} has ${sizeOf(x)} elements, ${showShape(shape)} has ${sizeOf(shape)}.`);
    }
    return shape;
  },
  reference: ([x]) => x.data,
  cost: () => ({ flops: 0, bytes: 0, terms: 1 }),
  kernels: () => [],
});

const copyProgram: ScalarProgram = { operands: 1, steps: [] };

/** Stretches axes of size 1 (and missing leading axes) to `shape`. Also serves as a copy. */
export const broadcastTo = defineOp<{ readonly shape: Shape }>({
  shape: ([x], { shape }) => {
    const lead = shape.length - x.length;
    const fits = lead >= 0 && x.every((d, axis) => d === 1 || d === shape[axis + lead]);
    if (!fits) throw new OpError(`broadcastTo: ${showShape(x)} does not stretch to ${showShape(shape)}.`);
    return shape;
  },
  reference: ([x], _, output) => evaluateProgram(copyProgram, [x], output),
  cost: ([x], _, output) => ({ flops: 0, bytes: 4 * (sizeOf(x) + sizeOf(output)), terms: 1 }),
  kernels: (context) => [programKernel(copyProgram, context)],
});

