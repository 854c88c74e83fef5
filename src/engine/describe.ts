// describe.ts: what a dispatch does, in words for people: its op with what was fused into it, its buffers, its threads.

import { sizeOf } from '../kernels/shape.ts';
import type { ScalarProgram, Shape } from '../kernels/types.ts';
import { epilogueAccess } from '../kernels/elementwise.ts';
import { type Graph, type Lowered, nameOf, type OpNode } from './graph.ts';
import type { Place, Plan, PlannedStep } from './plan.ts';
import type { LoweredOp } from './profile.ts';
import { storedBytes } from './storage.ts';

/** Names of a program's steps in order. What is added or multiplied channel by channel is called `bias` and `scale`. */
function namesOf({ operands, steps }: ScalarProgram, isChannelwise: (operand: number) => boolean): string[] {
  return steps.flatMap((step) => {
    if ('literal' in step) return [];
    const channelwise = step.args.some((arg) => arg < operands && isChannelwise(arg));
    if (channelwise && step.op === 'add') return ['bias'];
    if (channelwise && step.op === 'mul') return ['scale'];
    return [step.op];
  });
}

/** `['conv2d', 'bias', 'relu']`: an op and what is applied to its result before it is stored; the parts of a fused chain. */
export function opsOf(graph: Graph, { op, attrs, epilogue, shape }: OpNode): string[] {
  const own = op === 'fused' ? namesOf((attrs as { program: ScalarProgram }).program, () => false) : [op];
  if (!epilogue) return own;
  // Operand 0 is the op's own result.
  const isChannelwise = (operand: number): boolean =>
    operand > 0 && epilogueAccess(graph.nodes[epilogue.operands[operand - 1]].shape, shape) === 'channel';
  return [...own, ...namesOf(epilogue.program, isChannelwise)];
}

/** Parts named one by one; longer chains are counted. */
const MOST_NAMED = 6;

/** `conv2d + bias + relu`; of a long chain `23 ops: mul x8, add x6, …`. */
export function titleOf(ops: readonly string[]): string {
  if (ops.length <= MOST_NAMED) return ops.join(' + ');
  const counts = new Map<string, number>();
  for (const op of ops) counts.set(op, (counts.get(op) ?? 0) + 1);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  const named = sorted.slice(0, MOST_NAMED).map(([op, count]) => (count > 1 ? `${op} x${count}` : op));
  return `${ops.length} ops: ${named.join(', ')}${sorted.length > named.length ? ', …' : ''}`;
}

/** What a node does, in one line: `conv2d + bias + relu`. */
export const stepTitle = (graph: Graph, node: OpNode): string => titleOf(opsOf(graph, node));

/** What each step is called: by the layer it belongs to, by its op where there is none. */
export const layersOf = ({ steps }: Plan): string[] => steps.map(({ node }) => nameOf(node));

/** Of each step, the op that it is a part of, where a pass made others of that. */
export function loweredOps({ steps }: Plan): (LoweredOp | undefined)[] {
  const groups = new Map<Lowered, number[]>();
  steps.forEach(({ node: { lowered } }, k) => {
    if (lowered) groups.set(lowered, [...(groups.get(lowered) ?? []), k]);
  });
  return steps.map(({ node: { lowered } }) => {
    return lowered && { op: lowered.op, variant: lowered.variant, steps: groups.get(lowered) as number[] };
  });
}

/** A buffer that a dispatch is bound to. */
export interface BufferUse {
  /** Binding number in the shader. */
  readonly binding: number;
  readonly role: 'output' | 'input' | 'epilogue' | 'output and input';
  /** `slot 3`, `weights`, `precomputed 0`, `input "x"`, `state "w"`. */
  readonly place: string;
  readonly shape: Shape;
  /** Of the value; the buffer of a slot may be larger. */
  readonly bytes: number;
}

function placeName(place: Place): string {
  switch (place.kind) {
    case 'slot':
      return `slot ${place.index}`;
    case 'baked':
      return `precomputed ${place.index}`;
    case 'constant':
      return 'weights';
    default:
      return `${place.kind} "${place.name}"`;
  }
}

/** In the order of the bindings: 0 are the uniforms, 1 is the output. */
export function buffersOf(graph: Graph, { node, inputs, output, inPlace, slice }: PlannedStep): BufferUse[] {
  const operands = [...node.inputs, ...(node.epilogue?.operands ?? [])];
  const use = (binding: number, role: BufferUse['role'], place: Place, shape: Shape, bytes: number): BufferUse => ({
    binding,
    role,
    place: placeName(place),
    shape,
    bytes,
  });
  const written = use(
    1,
    inPlace === undefined ? 'output' : 'output and input',
    output,
    node.shape,
    4 * sizeOf(node.shape),
  );
  const uses = [slice ? { ...written, place: `${written.place} from channel ${slice.first}` } : written];
  inputs.forEach((place, k) => {
    if (k === inPlace) return;
    const role = k < node.inputs.length ? 'input' : 'epilogue';
    uses.push(use(uses.length + 1, role, place, graph.nodes[operands[k]].shape, storedBytes(graph, operands[k])));
  });
  return uses;
}

/** The invocations of a workgroup along x, y and z, read off the final text of a shader. */
export function workgroupSize(
  source: string,
  overrides: Readonly<Record<string, number>> = {},
): [x: number, y: number, z: number] {
  const [, list] = /@workgroup_size\(([^)]*)\)/.exec(source) ?? [];
  if (list === undefined) throw new Error('a shader without @workgroup_size is no compute shader.');
  const sizes = list.split(',').flatMap((part) => {
    const text = part.trim();
    return text === '' ? [] : [numberOf(text, source, overrides)];
  });
  return [sizes[0], sizes[1] ?? 1, sizes[2] ?? 1];
}

/** A whole number, the constant of that name, or products and quotients of such, from left to right as in WGSL. */
function numberOf(text: string, source: string, overrides: Readonly<Record<string, number>>): number {
  const [first, ...rest] = text.split(/([*/])/);
  let value = factorOf(first.trim(), source, overrides);
  for (let k = 0; k < rest.length; k += 2) {
    const factor = factorOf(rest[k + 1].trim(), source, overrides);
    value = rest[k] === '*' ? value * factor : Math.trunc(value / factor);
  }
  return value;
}

function factorOf(name: string, source: string, overrides: Readonly<Record<string, number>>): number {
  if (/^\d+[ui]?$/.test(name)) return Number.parseInt(name, 10);
  if (Object.hasOwn(overrides, name)) return overrides[name];
  const declared = /^\w+$/.test(name) && new RegExp(`(?:const|override)\\s+${name}\\b[^=;]*=([^;]*);`).exec(source);
  if (!declared) throw new Error(`@workgroup_size: "${name}" is neither a number nor a constant of the shader.`);
  return numberOf(declared[1], source, overrides);
}
