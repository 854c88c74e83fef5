// elementwise.ts: the meaning of straight-line programs, in float64.

import { type ElementwiseName, singleStep, table } from '../elementwise.ts';
import { elementwiseTable } from '../elementwise_table.ts';
import type { CostsOf, ReferencesOf } from '../index.ts';
import { broadcastStrides, sizeOf, stridesOf } from '../shape.ts';
import type { Cost, NdArray, ScalarProgram, Shape } from '../types.ts';

/** Result of the program for one element, in float64. `values` holds the operands and is extended in place. */
function evaluate(program: ScalarProgram, values: number[]): number {
  for (const step of program.steps) {
    if ('literal' in step) values.push(step.literal);
    else {
      const [a, b, c] = step.args;
      values.push(table[step.op].f(values[a], values[b], values[c]));
    }
  }
  return values[values.length - 1];
}

/** The program over whole arrays of broadcastable shapes, in float64. */
export function evaluateProgram(program: ScalarProgram, inputs: readonly NdArray[], output: Shape): Float64Array {
  const y = new Float64Array(sizeOf(output));
  const strides = inputs.map((x) => broadcastStrides(x.shape, output));
  const positions = stridesOf(output);
  for (let i = 0; i < y.length; i++) {
    const values = inputs.map((x, k) => {
      let at = 0;
      for (let axis = 0; axis < output.length; axis++) {
        at += (Math.floor(i / positions[axis]) % output[axis]) * strides[k][axis];
      }
      return x.data[at];
    });
    y[i] = evaluate(program, values);
  }
  return y;
}

const single = Object.fromEntries(
  Object.keys(elementwiseTable).map((op) => {
    const program = singleStep(op as ElementwiseName);
    return [op, (inputs: readonly NdArray[], _: unknown, output: Shape) => evaluateProgram(program, inputs, output)];
  }),
) as ReferencesOf<ElementwiseName>;

export const references = {
  ...single,
  fused: (inputs, { program }, output) => evaluateProgram(program, inputs, output),
} satisfies ReferencesOf<ElementwiseName | 'fused'>;

export const programFlops = (program: ScalarProgram): number =>
  program.steps.reduce((sum, step) => sum + ('literal' in step ? 0 : table[step.op].flops), 0);

const programCost = (program: ScalarProgram, inputs: readonly Shape[], output: Shape): Cost => ({
  flops: sizeOf(output) * programFlops(program),
  bytes: 4 * (sizeOf(output) + inputs.reduce((sum, s) => sum + sizeOf(s), 0)),
  terms: programFlops(program),
});

const singleCosts = Object.fromEntries(
  Object.keys(elementwiseTable).map((op) => {
    const program = singleStep(op as ElementwiseName);
    return [op, (inputs: readonly Shape[], _: unknown, output: Shape) => programCost(program, inputs, output)];
  }),
) as CostsOf<ElementwiseName>;

export const costs = {
  ...singleCosts,
  fused: (inputs, { program }, output) => programCost(program, inputs, output),
} satisfies CostsOf<ElementwiseName | 'fused'>;
