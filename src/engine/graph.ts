// graph.ts: the program as data: nodes in the order they were traced, and the values that name them.
// Nothing is computed here. Shape rules run at the call, so an error points at the user's line.

import { opDef } from '../kernels/definitions.ts';
import type { Attrs, OpName } from '../kernels/index.ts';
import { halvesBytes } from '../kernels/half.ts';
import { sameShape, showShape, sizeOf } from '../kernels/shape.ts';
import { OpError, type ScalarProgram, type Shape } from '../kernels/types.ts';

/** Fixed numbers of a graph: weights, matrices, tables. Its identity decides what is uploaded once and shared. */
export interface Tensor {
  readonly shape: Shape;
  readonly data: Float32Array;
  /** All numbers are halves, and the device stores them so: 16 bits each. */
  readonly inHalves?: boolean;
}

/** Bytes that a tensor takes on the device. Of the shape: its numbers may be put in order only when they are asked for. */
export const tensorBytes = ({ shape, inHalves }: Tensor): number =>
  inHalves ? halvesBytes(sizeOf(shape)) : 4 * sizeOf(shape);

/** Written by the caller before a run. */
export interface InputNode {
  readonly kind: 'input';
  readonly id: number;
  readonly shape: Shape;
  readonly name: string;
}
export interface ConstantNode {
  readonly kind: 'constant';
  readonly id: number;
  readonly shape: Shape;
  readonly tensor: Tensor;
}
/** Lives on the device from run to run; `updates` of a computation write it at the end of each. */
export interface StateNode {
  readonly kind: 'state';
  readonly id: number;
  readonly shape: Shape;
  readonly name: string;
  readonly initial: Float32Array;
}
export interface OpNode {
  readonly kind: 'op';
  readonly id: number;
  readonly shape: Shape;
  readonly op: OpName;
  readonly inputs: readonly number[];
  readonly attrs: unknown;
  /** The name of its value. */
  readonly label?: string;
  /** The layer that it belongs to, for whoever lists or times a program: layers.ts. */
  readonly layer?: string;
  /** Set by a pass on what it makes of an op: that op. */
  readonly lowered?: Lowered;
  /** Elementwise program on the result, set by the fusion pass; operand 0 is the result, the others are `operands`. */
  readonly epilogue?: { readonly program: ScalarProgram; readonly operands: readonly number[] };
  /** Set by the slices pass on a concat: its inputs are written straight into their parts of it, and it is no dispatch. */
  readonly inSlices?: boolean;
}

/** An op that became others, as it was before; a variant of it may be one dispatch or several. */
export interface Lowered {
  /** What was made of it. */
  readonly variant: string;
  readonly op: OpName;
  readonly attrs: unknown;
  readonly shape: Shape;
  readonly inputs: readonly Shape[];
  /** Whether each input depends on constants alone. */
  readonly fixed: readonly boolean[];
}

export type Node = InputNode | ConstantNode | StateNode | OpNode;

/** All ids a node reads. */
export const operandsOf = (node: Node): readonly number[] =>
  node.kind !== 'op' ? [] : node.epilogue ? [...node.inputs, ...node.epilogue.operands] : node.inputs;

/** Names one result of a graph. Values carry no data and need no disposal. */
export class Value {
  constructor(
    readonly graph: Graph,
    readonly id: number,
  ) {}

  get node(): Node {
    return this.graph.nodes[this.id];
  }

  get shape(): Shape {
    return this.node.shape;
  }

  get label(): string | undefined {
    const node = this.node;
    return node.kind === 'op' ? node.label : node.kind === 'constant' ? undefined : node.name;
  }
}

type Unnumbered<N> = N extends Node ? Omit<N, 'id'> : never;

export class Graph {
  readonly nodes: Node[] = [];

  /** Appends a node; passes use this, tracing code uses the methods below and `apply`. */
  add(node: Unnumbered<Node>): Value {
    const id = this.nodes.length;
    this.nodes.push({ ...node, id } as Node);
    return new Value(this, id);
  }

  /** Programs find inputs and states by their names. */
  #checkName(name: string): void {
    const known = this.nodes.find((node) => (node.kind === 'input' || node.kind === 'state') && node.name === name);
    if (known)
      throw new OpError(
        `graph: there is a${known.kind === 'input' ? 'n' : ''} ${known.kind} "${name}" already. Choose another name.`,
      );
  }

  input(name: string, shape: Shape): Value {
    this.#checkName(name);
    return this.add({ kind: 'input', name, shape });
  }

  /** A tensor, or a number as a scalar. */
  constant(value: Tensor | number): Value {
    const tensor = typeof value === 'number' ? { shape: [], data: Float32Array.of(value) } : value;
    if (tensor.data.length !== sizeOf(tensor.shape)) {
      throw new OpError(`constant: ${tensor.data.length} numbers do not fill the shape ${showShape(tensor.shape)}.`);
    }
    return this.add({ kind: 'constant', shape: tensor.shape, tensor });
  }

  /** The state of this name, if there is one. */
  findState(name: string): Value | undefined {
    const node = this.nodes.find((node) => node.kind === 'state' && node.name === name);
    return node && new Value(this, node.id);
  }

  state(name: string, tensor: Tensor): Value {
    this.#checkName(name);
    if (tensor.data.length !== sizeOf(tensor.shape)) {
      throw new OpError(`state "${name}": ${tensor.data.length} numbers do not fill ${showShape(tensor.shape)}.`);
    }
    return this.add({ kind: 'state', name, shape: tensor.shape, initial: tensor.data });
  }
}

/** Traces one op: runs its shape rule and appends it to the graph of its inputs. */
export function apply<K extends OpName>(op: K, inputs: readonly Value[], attrs: Attrs<K>, label?: string): Value {
  const graph = inputs[0].graph;
  if (inputs.some((value) => value.graph !== graph)) {
    throw new OpError(`${op}: its inputs belong to different graphs. Trace the whole computation in one.`);
  }
  const shape = opDef(op).shape(
    inputs.map((value) => value.shape),
    attrs,
  );
  return graph.add({ kind: 'op', op, inputs: inputs.map((value) => value.id), attrs, shape, label });
}

/** Names a value that has no name yet, and with it the layer that ends there. */
export function labelled(value: Value, label: string): Value {
  const { node, graph, id } = value;
  if (node.kind === 'op' && !node.label) graph.nodes[id] = { ...node, label };
  return value;
}

/** Ids of nodes that depend on constants alone. */
export function findStatic({ nodes }: Graph): Set<number> {
  const result = new Set<number>();
  for (const node of nodes) {
    const isFixed = node.kind === 'op' && operandsOf(node).every((id) => result.has(id));
    if (isFixed || node.kind === 'constant') result.add(node.id);
  }
  return result;
}

/** What ops accept where a scalar will do. */
export type Operand = Value | number;

/** Operands as values of one graph; numbers become scalar constants. */
export function lift(operands: readonly Operand[]): Value[] {
  const value = operands.find((operand) => operand instanceof Value);
  if (!value) throw new OpError('an op needs at least one Value among its operands; two plain numbers need no graph.');
  return operands.map((operand) => (operand instanceof Value ? operand : (value as Value).graph.constant(operand)));
}

/** A graph with what is wanted of it: named results, and new contents for states after each run. */
export interface Computation {
  readonly graph: Graph;
  readonly outputs: Readonly<Record<string, Value>>;
  readonly updates: readonly Update[];
}
export interface Update {
  readonly state: Value;
  readonly value: Value;
}

export function computation(outputs: Readonly<Record<string, Value>>, updates: readonly Update[] = []): Computation {
  const graph = Object.values(outputs)[0]?.graph ?? updates[0]?.value.graph;
  if (!graph) throw new OpError('computation: ask for at least one output or update.');
  const values = [...Object.values(outputs), ...updates.flatMap(({ state, value }) => [state, value])];
  if (values.some((value) => value.graph !== graph)) {
    throw new OpError('computation: its outputs and updates belong to different graphs. Trace them in one.');
  }
  const updated = new Set<number>();
  for (const { state, value } of updates) {
    if (updated.has(state.id))
      throw new OpError(`computation: state "${state.label}" has two updates. Join them in one.`);
    updated.add(state.id);
    if (state.node.kind !== 'state') throw new OpError('computation: only a state can be updated.');
    if (!sameShape(state.shape, value.shape)) {
      throw new OpError(
        `computation: state "${state.label}" has shape ${showShape(state.shape)}, its update ${showShape(value.shape)}.`,
      );
    }
  }
  return { graph, outputs, updates };
}

/** The same outputs and updates of another graph, in which `move` finds a value. */
export const movedTo = (
  graph: Graph,
  { outputs, updates }: Computation,
  move: (value: Value) => Value,
): Computation => ({
  graph,
  outputs: Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, move(value)])),
  updates: updates.map(({ state, value }) => ({ state: move(state), value: move(value) })),
});

/** What people call a node: by its layer, where it belongs to one; else by its op. */
export const nameOf = ({ layer, label, op }: OpNode): string => layer ?? label ?? op;

/** Ids that outputs and updates ask for. */
export const rootsOf = ({ outputs, updates }: Computation): number[] => [
  ...Object.values(outputs).map((value) => value.id),
  ...updates.map((update) => update.value.id),
];
