// convert.ts: traces the nodes of an ONNX graph into a graph of the engine, one converter an operator.
// To support another operator, add a row to one of the tables in ops/.

import { computation, Graph, labelled } from '../../engine/graph.ts';
import { interpret } from '../../engine/interpret.ts';
import { costOfOp } from '../../kernels/references/index.ts';
import { sameShape, sizeOf } from '../../kernels/shape.ts';
import { OpError, type Shape } from '../../kernels/types.ts';
import { ModelError } from '../error.ts';
import { type Converter, NodeContext, nodeTitle, type TraceState } from './context.ts';
import { toPlain } from './layout.ts';
import { shapeProblem } from './limits.ts';
import { Fixed, type Operand, TensorCache, Traced } from './operand.ts';
import { activation } from './ops/activation.ts';
import { blocks } from './ops/blocks.ts';
import { branch } from './ops/branch.ts';
import { products } from './ops/einsum.ts';
import { elementwise } from './ops/elementwise.ts';
import { logic } from './ops/logic.ts';
import { matrix } from './ops/matrix.ts';
import { normalize } from './ops/normalize.ts';
import { pool } from './ops/pool.ts';
import { quantize } from './ops/quantize.ts';
import { reduce } from './ops/reduce.ts';
import { resizing } from './ops/resize.ts';
import { scatter } from './ops/scatter.ts';
import { shape } from './ops/shape.ts';
import { sizes } from './ops/sizes.ts';
import { transposed } from './ops/transposed.ts';
import { window } from './ops/window.ts';
import { inOrder, readBy } from './order.ts';
import { isOwnDomain, type OnnxGraph, type OnnxNode } from './proto.ts';

const converters: Readonly<Record<string, Converter>> = {
  ...activation,
  ...blocks,
  ...branch,
  ...elementwise,
  ...logic,
  ...matrix,
  ...normalize,
  ...pool,
  ...products,
  ...quantize,
  ...reduce,
  ...resizing,
  ...scatter,
  ...shape,
  ...sizes,
  ...transposed,
  ...window,
};

/** Operators of ONNX that can be opened, by name. */
export const supportedOps: readonly string[] = Object.keys(converters).sort();

export const isSupported = (node: OnnxNode): boolean => isOwnDomain(node.domain) && Object.hasOwn(converters, node.op);

/** What one node became. */
export interface TracedNode {
  readonly node: OnnxNode;
  readonly outputs: readonly Operand[];
  /** Nodes of the engine's graph that compute it: from the first id to before the last. */
  readonly ids: readonly [from: number, to: number];
  /** Weights it owns: name in the file and count of numbers. */
  readonly weights: ReadonlyMap<string, number>;
}

export interface Problem {
  readonly node: OnnxNode;
  readonly why: string;
}

/** The nodes that a set of values is computed from, in the order of the file. */
export function neededFor(graph: OnnxGraph, names: readonly string[]): OnnxNode[] {
  const wanted = new Set(names);
  const needed: OnnxNode[] = [];
  // The file lists nodes after what they read, so one walk from the end finds all.
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    needed.push(node);
    for (const name of readBy(node)) if (name) wanted.add(name);
  }
  return needed.reverse();
}

/**
 * Traces nodes in order. `values` holds what is known before (the input, the initializers) and receives the results.
 * `problems`, if given, collects what cannot be traced, and nodes behind it are passed over; else the first one throws.
 */
export function traceNodes(
  nodes: readonly OnnxNode[],
  values: Map<string, Operand>,
  state: TraceState,
  problems?: Problem[],
): TracedNode[] {
  const traced: TracedNode[] = [];
  const blocked = new Set<string>();
  const block = (node: OnnxNode): void => node.outputs.forEach((name) => void blocked.add(name));
  for (const node of nodes) {
    if (readBy(node).some((name) => blocked.has(name))) {
      block(node);
      continue;
    }
    const from = state.graph.nodes.length;
    try {
      const { outputs, weights } = traceNode(node, values, state);
      outputs.forEach((output, i) => void values.set(node.outputs[i], intervened(output, node.outputs[i], state)));
      traced.push({ node, outputs, weights, ids: [from, state.graph.nodes.length] });
    } catch (error) {
      if (!(error instanceof ModelError) && !(error instanceof OpError)) throw error;
      if (!problems) throw new ModelError(`node "${nodeTitle(node)}" (${node.op}): ${ended(error.message)}`);
      problems.push({ node, why: error.message });
      block(node);
    }
  }
  return traced;
}

function intervened(output: Operand, name: string, { intervene }: TraceState): Operand {
  if (!intervene || !(output instanceof Traced)) return output;
  const value = intervene(name, output.value);
  if (sameShape(value.shape, output.value.shape)) return new Traced(value, output.layout);
  throw new ModelError(`is replaced by [${value.shape.join(',')}] where it makes [${output.value.shape.join(',')}]`);
}

const ended = (sentence: string): string => (sentence.endsWith('.') ? sentence : `${sentence}.`);

function traceNode(node: OnnxNode, values: ReadonlyMap<string, Operand>, state: TraceState) {
  if (!isSupported(node)) throw new ModelError('is no operator that Facet knows');
  const inputs = node.inputs.map((name) => {
    if (name === '') return undefined;
    const operand = values.get(name);
    if (!operand) throw new ModelError(`reads "${name}", which nothing before it makes, or which Facet leaves out`);
    return operand;
  });
  const known = inputs.filter((input) => input instanceof Fixed);
  // What a branch reads is not among the inputs.
  const isKnown =
    inputs.length > 0 && !node.captured && known.length === inputs.filter((input) => input !== undefined).length;
  const context = new NodeContext(isKnown ? scratch(state) : state, node, inputs, (graph) =>
    traceBranch(graph, node, values, state),
  );
  const from = context.state.graph.nodes.length;
  const result = converters[node.op](context);
  const outputs = (Array.isArray(result) ? result : [result]) as Operand[];
  checkShapes(outputs, context.state.graph, from);
  if (isKnown) {
    spend(context.state, outputs);
    const constants = outputs.map((output, i) => folded(output, node.outputs[i], inputs[0], known));
    for (const constant of constants) deepen(constant, known);
    return { outputs: constants, weights: new Map<string, number>() };
  }
  outputs.forEach((output, i) => {
    // Plans and profiles speak the file's language.
    if (output instanceof Traced) labelled(output.value, node.outputs[i]);
  });
  return { outputs: outputs.map((output) => withKind(output, inputs[0])), weights: context.weights };
}

/** The outputs of a graph inside a node, which reads what lies around the node, and the weights of its nodes. */
function traceBranch(
  graph: OnnxGraph,
  node: OnnxNode,
  values: ReadonlyMap<string, Operand>,
  state: TraceState,
): { outputs: Operand[]; weights: ReadonlyMap<string, number> } {
  const { outputs, initializers } = graph;
  const inner = new Map(values);
  for (const [name, tensor] of initializers) {
    tensor.check();
    const own = `${node.outputs[0]}/${name}`; // as what is made of it is kept by name
    inner.set(name, new Fixed(own, tensor.shape, tensor.isInteger, true, () => tensor.data, tensor.type));
  }
  const names = outputs.map(({ name }) => name);
  const traced = traceNodes(neededFor(inOrder(graph), names), inner, state);
  return {
    outputs: names.map((name) => inner.get(name) ?? refuse(`has a branch that does not make its output "${name}"`)),
    weights: new Map(traced.flatMap(({ weights }) => [...weights])),
  };
}

const refuse = (why: string): never => {
  throw new ModelError(why);
};

/** Throws where a node makes what no value can be: sizes that are not whole, or beyond every memory. */
function checkShapes(outputs: readonly Operand[], { nodes }: Graph, from: number): void {
  const check = (shape: Shape, least: number): void => {
    const problem = shapeProblem(shape, least);
    if (problem) throw new ModelError(`makes a value that ${problem}`);
  };
  for (let id = from; id < nodes.length; id++) check(nodes[id].shape, 1);
  for (const output of outputs) check(output.shape, output instanceof Fixed ? 0 : 1);
}

/** Takes what the results of known operands alone will cost out of the budget. */
function spend({ budget, graph }: TraceState, outputs: readonly Operand[]): void {
  for (const output of outputs) if (output instanceof Fixed) budget.spend(output.size);
  for (const node of graph.nodes) {
    if (node.kind !== 'op') continue;
    const shapes = node.inputs.map((id) => graph.nodes[id].shape);
    budget.spend(sizeOf(node.shape), costOfOp(node.op)(shapes, node.attrs, node.shape).flops);
  }
}

/** Constants are computed when first asked for, each asking those before it. So many may wait on one another. */
const MAX_DEPTH = 100;

function deepen(constant: Fixed, inputs: readonly Fixed[]): void {
  if (inputs.includes(constant)) return;
  constant.depth = 1 + Math.max(...inputs.map(({ depth }) => depth));
  if (constant.depth < MAX_DEPTH) return;
  void constant.data; // computed now, and kept
  constant.depth = 0;
}

/** A state for nodes of known operands alone: they are traced by the same converters, and computed at once. */
const scratch = (state: TraceState): TraceState => ({
  ...state,
  graph: new Graph(),
  tensors: new TensorCache(),
  constants: new Map(),
  parameters: new Map(),
  trainable: false,
});

/** Operators keep the kind of number of their first input, unless a converter says otherwise. */
const withKind = (output: Operand, first: Operand | undefined): Operand =>
  output instanceof Traced && output.isInteger === undefined && first?.isInteger
    ? new Traced(output.value, output.layout, true)
    : output;

function folded(output: Operand, name: string, first: Operand | undefined, inputs: readonly Fixed[]): Fixed {
  if (output instanceof Fixed) return output;
  const isInteger = output.isInteger ?? first?.isInteger ?? false;
  const isStable = inputs.every((input) => input.isStable);
  const value = toPlain(output.value, output.layout);
  const type = first instanceof Fixed && first.isInteger === isInteger ? first.type : undefined;
  const read = () => {
    const { data } = interpret(computation({ value })).outputs.value;
    return isInteger ? data.map(Math.trunc) : Float32Array.from(data); // integer means cut off
  };
  return new Fixed(name, value.shape, isInteger, isStable, read, type);
}
