// elementwise.ts: straight-line programs of the ops in elementwise_table.ts, as ops: one for each row, and `fused` for several.

import { elementwiseTable, type Row } from './elementwise_table.ts';
import { broadcastShapes, sameShape, sizeOf } from './shape.ts';
import { defineOp, type OpDef, OpError, type ScalarProgram, type Shape } from './types.ts';

export type ElementwiseName = keyof typeof elementwiseTable;
export const table: Record<string, Row> = elementwiseTable;

export const isElementwise = (op: string): op is ElementwiseName => Object.hasOwn(elementwiseTable, op);

/** The program of a single elementwise op. */
export const singleStep = (op: ElementwiseName): ScalarProgram => ({
  operands: table[op].arity,
  steps: [{ op, args: Array.from({ length: table[op].arity }, (_, i) => i) }],
});

/** How an epilogue reads an operand: with the result, once for all, or one value a channel. */
type EpilogueAccess = 'same' | 'scalar' | 'channel';

export function epilogueAccess(operand: Shape, output: Shape): EpilogueAccess | undefined {
  if (sizeOf(operand) === sizeOf(output) && sameShape(operand, output.slice(output.length - operand.length)))
    return 'same';
  if (sizeOf(operand) === 1) return 'scalar';
  const last = operand.length - 1;
  const perChannel = operand[last] === output[output.length - 1] && operand.every((d, i) => i === last || d === 1);
  return perChannel ? 'channel' : undefined;
}

const elementwiseOp = (op: ElementwiseName): OpDef<Record<string, never>> => {
  const program = singleStep(op);
  return defineOp({
    inPlace: true,
    shape: (inputs) => {
      if (inputs.length !== program.operands) {
        throw new OpError(`${op}: takes ${program.operands} values, got ${inputs.length}.`);
      }
      return broadcastShapes(op, inputs);
    },
  });
};

export const elementwiseOps = Object.fromEntries(
  Object.keys(elementwiseTable).map((op) => [op, elementwiseOp(op as ElementwiseName)]),
) as { [K in ElementwiseName]: OpDef<Record<string, never>> };

/** Several elementwise ops in one dispatch; made by the fusion pass, never by hand. */
export const fused = defineOp<{ readonly program: ScalarProgram }>({
  inPlace: true,
  shape: (inputs) => broadcastShapes('fused', inputs),
});
