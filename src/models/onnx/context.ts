// context.ts: what a converter sees of the node it converts: operands, attributes, and the ways to turn operands into
// values of the graph. One `TraceState` serves a whole trace, one `NodeContext` a node.

import type { Graph, Tensor, Value } from '../../engine/graph.ts';
import { reshape } from '../../engine/ops/index.ts';
import type { Shape } from '../../kernels/types.ts';
import { ModelError } from '../error.ts';
import type { Budget } from './limits.ts';
import { permute, permuteData, permuteShape, TO_NHWC, toPlain } from './layout.ts';
import { Fixed, type Operand, TensorCache, Traced } from './operand.ts';
import type { OnnxGraph, OnnxNode } from './proto.ts';

/** A converter traces one node. More than one result where the node has several outputs. */
export type Converter = (context: NodeContext) => Operand | readonly Operand[];

export interface TraceState {
  readonly graph: Graph;
  readonly opset: number;
  readonly tensors: TensorCache;
  /** Batch that the file fixes, if it does, and the one that is traced. */
  readonly fileBatch?: number;
  readonly batch: number;
  /** What constants may still take. */
  readonly budget: Budget;
  /** Weights become states, which a training run updates, in place of constants. */
  readonly trainable: boolean;
  /** Constants of this graph, one for each tensor. */
  readonly constants: Map<Tensor, Value>;
  /** Weights of this graph, by their name in the file. */
  readonly parameters: Map<string, Parameter>;
  /** Puts another value of the same shape in the place of what a node made, for all that reads it. */
  readonly intervene?: (name: string, value: Value) => Value;
}

/** A weight in the graph: a constant, or a state of the same name while training. */
export interface Parameter {
  readonly value: Value;
  /** Name of the tensor in the file. */
  readonly source: string;
  /** How its numbers lie against the file's. */
  readonly form: string;
}

/** `node "conv1:Conv"`, or by what it makes where the file gives no name. */
export const nodeTitle = (node: OnnxNode): string => node.name || node.outputs.find((name) => name) || node.op;

export class NodeContext {
  /** Weights that the node owns: name and count of numbers. */
  readonly weights = new Map<string, number>();

  constructor(
    readonly state: TraceState,
    readonly node: OnnxNode,
    readonly inputs: readonly (Operand | undefined)[],
    private readonly traceGraph: (graph: OnnxGraph) => {
      outputs: readonly Operand[];
      weights: ReadonlyMap<string, number>;
    },
  ) {}

  /** Traces a graph that the node holds, in the place of the node. */
  inside(attribute: string): readonly Operand[] {
    const graph = this.node.attributes.get(attribute)?.g ?? this.refuse(`lacks its ${attribute}`);
    const { outputs, weights } = this.traceGraph(graph);
    for (const [name, size] of weights) this.weights.set(name, size);
    return outputs;
  }

  /** The node's output of this number has a name, so somebody may read it. */
  wants(output: number): boolean {
    return !!this.node.outputs[output];
  }

  get opset(): number {
    return this.state.opset;
  }

  // --- attributes ---

  int(name: string, fallback: number): number {
    return this.node.attributes.get(name)?.i ?? fallback;
  }

  float(name: string, fallback: number): number {
    return this.node.attributes.get(name)?.f ?? fallback;
  }

  text(name: string, fallback: string): string {
    return this.node.attributes.get(name)?.s ?? fallback;
  }

  /** A list of integers, undefined where the node has none of that name. */
  ints(name: string): readonly number[] | undefined {
    return this.node.attributes.get(name)?.ints;
  }

  // --- operands ---

  has(index: number): boolean {
    return this.inputs[index] !== undefined;
  }

  operand(index: number): Operand {
    return this.inputs[index] ?? this.refuse(`lacks its input ${index}`);
  }

  /** An input that must be known while tracing. */
  fixed(index: number, what: string): Fixed {
    const operand = this.operand(index);
    return operand instanceof Fixed ? operand : this.refuse(`computes its ${what} from the picture`);
  }

  /** Integers that newer operator sets take as an input and older ones as an attribute; undefined where left out. */
  integers(index: number, attribute: string): readonly number[] | undefined {
    return this.has(index) ? Array.from(this.fixed(index, attribute).data) : this.ints(attribute);
  }

  /** A number that is an input or an attribute; undefined where left out. */
  scalar(index: number, attribute: string): number | undefined {
    return this.has(index) ? this.fixed(index, attribute).data[0] : this.node.attributes.get(attribute)?.f;
  }

  // --- values ---

  /** In the file's order. */
  plain(operand: Operand): Value {
    if (operand instanceof Traced) return toPlain(operand.value, operand.layout);
    return this.derived([operand], 'plain', operand.shape, () => toFloat32(operand.data));
  }

  /** Channels last; of fewer than four axes, missing leading ones count as 1. */
  nhwc(operand: Operand): Value {
    if (operand.shape.length > 4) this.refuse(`takes [${operand.shape.join(',')}] where at most 4 axes are understood`);
    if (operand instanceof Traced && operand.layout === 'nhwc') return operand.value;
    const shape = [...new Array<number>(4 - operand.shape.length).fill(1), ...operand.shape];
    if (operand instanceof Traced) return permute(reshape(this.plain(operand), shape), TO_NHWC);
    return this.derived([operand], 'nhwc', permuteShape(shape, TO_NHWC), () =>
      permuteData(operand.data, shape, TO_NHWC),
    );
  }

  /** Constants made of known operands; `form` says how. */
  derived(sources: readonly Fixed[], form: string, shape: Shape, make: () => Float32Array): Value {
    return this.constant(this.tensor(sources, form, shape, make));
  }

  /** A weight of the network in the engine's layout: a constant, or a state of the file's name while training. */
  parameter(source: Fixed, form: string, shape: Shape, make: () => Float32Array): Value {
    const { parameters, trainable, graph } = this.state;
    this.owns(source);
    const tensor = this.tensor([source], form, shape, make);
    // Two nodes may share a weight; where they want it in different forms, the second form gets a name of its own.
    const first = parameters.get(source.name);
    const name = !first || first.form === form ? source.name : `${source.name} (${form})`;
    const known = parameters.get(name);
    if (known) return known.value;
    // A graph that holds the network twice holds its states once.
    const value = trainable ? (graph.findState(name) ?? graph.state(name, tensor)) : this.constant(tensor);
    parameters.set(name, { value, source: source.name, form });
    return value;
  }

  /** A weight that broadcasts against a value of this layout. Known ones lose their leading axes of size 1. */
  weightAgainst(layout: 'plain' | 'nhwc', source: Operand): Value {
    if (!(source instanceof Fixed)) return layout === 'nhwc' ? this.nhwc(source) : this.plain(source);
    if (layout === 'plain') return this.parameter(source, 'plain', source.shape, () => toFloat32(source.data));
    if (source.shape.length > 4) this.refuse(`has a weight [${source.shape.join(',')}] of more than 4 axes`);
    const shape = [...new Array<number>(4 - source.shape.length).fill(1), ...source.shape];
    const moved = permuteShape(shape, TO_NHWC);
    const from = moved.findIndex((d) => d !== 1);
    return this.parameter(source, 'against nhwc', from < 0 ? [] : moved.slice(from), () =>
      permuteData(source.data, shape, TO_NHWC),
    );
  }

  /** Counts a tensor among the weights of this node. */
  owns(source: Fixed): void {
    this.weights.set(source.name, source.size);
  }

  private tensor(sources: readonly Fixed[], form: string, shape: Shape, make: () => Float32Array): Tensor {
    const key = `${sources.map(({ name }) => name).join('|')}|${form}`;
    const cache = sources.every(({ isStable }) => isStable) ? this.state.tensors : new TensorCache();
    return cache.get(key, shape, make);
  }

  private constant(tensor: Tensor): Value {
    const { constants, graph } = this.state;
    const known = constants.get(tensor);
    if (known) return known;
    // Not graph.constant(): it counts the numbers, which would make them before anything is computed.
    const value = graph.add({ kind: 'constant', shape: tensor.shape, tensor });
    constants.set(tensor, value);
    return value;
  }

  /** Says what this node has that cannot be traced. */
  refuse(why: string): never {
    throw new ModelError(why);
  }
}

/** A known operand as the floats that constants hold; float32 of the file stays where it is. */
export const toFloat32 = (data: Float32Array | Float64Array): Float32Array =>
  data instanceof Float32Array ? data : Float32Array.from(data);
