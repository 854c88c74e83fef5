// print.ts: readable forms of each stage: computation and plan.

import { showShape } from '../kernels/shape.ts';
import type { ScalarProgram } from '../kernels/types.ts';
import { type Computation, type Node, operandsOf } from './graph.ts';
import type { Place, Plan, PlannedStep } from './plan.ts';

/** `add(%0, 0.5)` and so on, one line for the whole program. */
function printProgram({ operands, steps }: ScalarProgram): string {
  const texts = Array.from({ length: operands }, (_, i) => `$${i}`);
  for (const step of steps) {
    texts.push('literal' in step ? String(step.literal) : `${step.op}(${step.args.map((i) => texts[i]).join(', ')})`);
  }
  return texts[texts.length - 1];
}

function printAttrs(attrs: unknown): string {
  if (!attrs || Object.keys(attrs).length === 0) return '';
  if ('program' in (attrs as object)) return ` {${printProgram((attrs as { program: ScalarProgram }).program)}}`;
  return ` ${JSON.stringify(attrs).replaceAll('"', '')}`;
}

function printNode(node: Node): string {
  if (node.kind === 'constant') {
    const value = node.tensor.data.length === 1 ? ` ${node.tensor.data[0]}` : '';
    return `%${node.id} = constant ${showShape(node.shape)}${value}`;
  }
  if (node.kind !== 'op') return `%${node.id} = ${node.kind} "${node.name}" ${showShape(node.shape)}`;
  const epilogue = node.epilogue ? ` then ${printProgram(node.epilogue.program)}` : '';
  const label = node.label ? `  "${node.label}"` : '';
  const operands = operandsOf(node).map((id) => `%${id}`);
  return `%${node.id} = ${node.op}(${operands.join(', ')}) ${showShape(node.shape)}${printAttrs(node.attrs)}${epilogue}${node.inSlices ? ' in slices' : ''}${label}`;
}

export function printComputation({ graph, outputs, updates }: Computation): string {
  return [
    ...graph.nodes.map(printNode),
    ...Object.entries(outputs).map(([name, value]) => `output "${name}" = %${value.id}`),
    ...updates.map(({ state, value }) => `update "${state.label}" = %${value.id}`),
  ].join('\n');
}

const printPlace = (place: Place): string =>
  place.kind === 'constant'
    ? `constant%${place.id}`
    : 'name' in place
      ? `${place.kind} "${place.name}"`
      : `${place.kind}${place.index}`;

const printStep = ({ node, inputs, output, inPlace, slice }: PlannedStep): string =>
  `${printPlace(output)}${slice ? ` from channel ${slice.first}` : ''} <- ${node.op}(${inputs.map(printPlace).join(', ')}) ${showShape(node.shape)}` +
  `${inPlace === undefined ? '' : ' in place'}${node.layer ? `  "${node.layer}"` : ''}`;

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;

export function printPlan(plan: Plan): string {
  const { memory } = plan;
  return [
    ...plan.prologue.map((step) => `once ${printStep(step)}`),
    ...plan.steps.map(printStep),
    `intermediate values: ${mebibytes(memory.slots)} in ${plan.slotBytes.length} buffers; one buffer each would take ${mebibytes(memory.unshared)}`,
    `weights ${mebibytes(memory.constants)}, precomputed ${mebibytes(memory.baked)}, states ${mebibytes(memory.states)}, inputs ${mebibytes(memory.inputs)}`,
    `all buffers ${mebibytes(memory.total)}, ${mebibytes(memory.temporary)} of them only while the program is built`,
  ].join('\n');
}

/** A program as far as its steps are shown. */
interface Steps {
  readonly plan: Plan;
  readonly steps: readonly {
    readonly op: string;
    readonly variant: string;
    readonly workgroups: readonly number[];
    readonly label: string;
  }[];
}

/** The dispatches of a program with the variants that run, then its plan. */
export function printSteps({ plan, steps }: Steps): string {
  const lines = steps.map(({ op, variant, workgroups, label }, k) => `${k} ${op} ${variant} [${workgroups}] ${label}`);
  return [...lines, printPlan(plan)].join('\n');
}
