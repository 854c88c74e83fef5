// fuse.ts: fewer dispatches and less memory traffic. Chains of elementwise ops become one `fused` op; a chain that
// follows a convolution or matmul becomes its epilogue (bias, ReLU, residual add, the mask of a ReLU's gradient).

import { epilogueAccess, isElementwise, singleStep } from '../../kernels/elementwise.ts';
import { opDef } from '../../kernels/definitions.ts';
import { sameShape, sizeOf } from '../../kernels/shape.ts';
import type { ScalarProgram, ScalarStep } from '../../kernels/types.ts';
import {
  type Computation,
  type Graph,
  Graph as NewGraph,
  type Node,
  type OpNode,
  operandsOf,
  rootsOf,
  type Value,
  movedTo,
} from '../graph.ts';
import type { Pass } from '../rewrite.ts';

/** Storage buffers a dispatch may bind on every WebGPU device, the output included. */
const MAX_STORAGE_BUFFERS = 8;

/** A chain under construction: ids of the source graph that it reads, and what it does with them. */
interface Chain {
  readonly operands: number[];
  readonly program: ScalarProgram;
}

const programOf = (node: OpNode): ScalarProgram | undefined => {
  if (node.op === 'fused') return (node.attrs as { program: ScalarProgram }).program;
  return isElementwise(node.op) ? singleStep(node.op) : undefined;
};

/** The program with operand k replaced by what `parts[k]` computes; operands are numbered by first use of their id. */
function join(program: ScalarProgram, parts: readonly (Chain | number | { readonly literal: number })[]): Chain {
  const operands: number[] = [];
  for (const part of parts) {
    const ids = typeof part === 'number' ? [part] : 'operands' in part ? part.operands : [];
    for (const id of ids) if (!operands.includes(id)) operands.push(id);
  }
  const steps: ScalarStep[] = [];
  const emit = (step: ScalarStep): number => operands.length + steps.push(step) - 1;
  const splice = (source: ScalarProgram, names: number[]): number => {
    const known = [...names];
    for (const step of source.steps) {
      known.push(emit('literal' in step ? step : { op: step.op, args: step.args.map((arg) => known[arg]) }));
    }
    return known[known.length - 1];
  };
  const results = parts.map((part) => {
    if (typeof part === 'number') return operands.indexOf(part);
    if ('literal' in part) return emit(part);
    return splice(
      part.program,
      part.operands.map((id) => operands.indexOf(id)),
    );
  });
  splice(program, results);
  return { operands, program: { operands: operands.length, steps } };
}

/** The number of a scalar constant. Infinities and NaN cannot be written in WGSL, so they stay operands. */
function literalOf(node: Node): number | undefined {
  if (node.kind !== 'constant' || sizeOf(node.shape) !== 1) return undefined;
  const [value] = node.tensor.data;
  return Number.isFinite(value) ? value : undefined;
}

/** How often each node is read, outputs and updates counted. */
export function countUses(source: Computation): number[] {
  const uses = new Array<number>(source.graph.nodes.length).fill(0);
  for (const node of source.graph.nodes) for (const id of operandsOf(node)) uses[id]++;
  for (const id of rootsOf(source)) uses[id]++;
  return uses;
}

/** Chains by the id of their last node, and the nodes that were drawn into one. */
function collectChains(
  { graph }: Computation,
  uses: readonly number[],
): { chains: Map<number, Chain>; absorbed: Set<number> } {
  const chains = new Map<number, Chain>();
  const absorbed = new Set<number>();
  for (const node of graph.nodes) {
    const program = node.kind === 'op' && !node.epilogue ? programOf(node) : undefined;
    if (node.kind !== 'op' || !program) continue;
    const parts: (Chain | number | { literal: number })[] = node.inputs.map((id) => {
      const literal = literalOf(graph.nodes[id]);
      return literal === undefined ? id : { literal };
    });
    // Draw in one producer after the other, while the bindings suffice.
    for (const [k, id] of node.inputs.entries()) {
      const producer = chains.get(id);
      if (!producer || uses[id] !== 1 || !sameShape(graph.nodes[id].shape, node.shape)) continue;
      const candidate = parts.with(k, producer);
      if (join(program, candidate).operands.length + 1 > MAX_STORAGE_BUFFERS) continue;
      parts[k] = producer;
      absorbed.add(id);
    }
    const chain = join(program, parts);
    // A program over literals alone has nothing to read; folding removes those, so this keeps the op as it is.
    if (chain.operands.length > 0) chains.set(node.id, chain);
  }
  for (const id of absorbed) chains.delete(id);
  return { chains, absorbed };
}

/** The operand of a chain that can apply the rest of it as its epilogue: the latest computed one. */
function findAnchor(
  node: OpNode,
  chain: Chain,
  graph: Graph,
  uses: readonly number[],
  taken: ReadonlySet<number>,
): number | undefined {
  const candidates = chain.operands.filter((id) => {
    const anchor = graph.nodes[id];
    if (anchor.kind !== 'op' || !opDef(anchor.op).epilogue || anchor.epilogue || taken.has(id)) return false;
    if (uses[id] !== countReads(node, chain, id, graph) || !sameShape(anchor.shape, node.shape)) return false;
    if (anchor.inputs.length + chain.operands.length > MAX_STORAGE_BUFFERS) return false;
    return chain.operands.every((other) => other === id || epilogueAccess(graph.nodes[other].shape, node.shape));
  });
  return candidates.length > 0 ? Math.max(...candidates) : undefined;
}

/** Reads of `id` inside the chain ending at `node`: with these its only ones, nobody else needs the plain result. */
function countReads(node: OpNode, chain: Chain, id: number, graph: Graph): number {
  if (!chain.operands.includes(id)) return 0;
  const visit = (at: OpNode): number =>
    at.inputs.reduce((sum, input) => {
      if (input === id) return sum + 1;
      const producer = graph.nodes[input];
      const inside = producer.kind === 'op' && programOf(producer) && !chain.operands.includes(input);
      return inside ? sum + visit(producer as OpNode) : sum;
    }, 0);
  return visit(node);
}

export const fuse: Pass = (source) => {
  const uses = countUses(source);
  const { chains, absorbed } = collectChains(source, uses);
  const anchors = new Map<number, number>();
  const taken = new Set<number>();
  for (const [id, chain] of chains) {
    const anchor = findAnchor(source.graph.nodes[id] as OpNode, chain, source.graph, uses, taken);
    if (anchor === undefined) continue;
    anchors.set(id, anchor);
    taken.add(anchor);
  }

  const graph = new NewGraph();
  const copies = new Map<number, Value>();
  const idsOf = (ids: readonly number[]): number[] => ids.map((id) => (copies.get(id) as Value).id);
  for (const node of source.graph.nodes) {
    if (absorbed.has(node.id) || taken.has(node.id)) continue;
    const chain = chains.get(node.id);
    const anchorId = anchors.get(node.id);
    if (node.kind !== 'op' || !chain) {
      copies.set(
        node.id,
        node.kind === 'op'
          ? graph.add({
              ...node,
              inputs: idsOf(node.inputs),
              epilogue: node.epilogue && { ...node.epilogue, operands: idsOf(node.epilogue.operands) },
            })
          : graph.add(node),
      );
    } else if (anchorId === undefined) {
      const { operands, program } = chain;
      const alone = programOf(node) === undefined || operands.length !== node.inputs.length || program.steps.length > 1;
      const what = alone ? { op: 'fused' as const, attrs: { program } } : { op: node.op, attrs: node.attrs };
      copies.set(node.id, graph.add({ ...node, ...what, inputs: idsOf(alone ? operands : node.inputs) }));
    } else {
      // Operand 0 of an epilogue is the anchor's own result.
      const anchor = source.graph.nodes[anchorId] as OpNode;
      const order = [anchorId, ...chain.operands.filter((id) => id !== anchorId)];
      const program = reorder(chain, order);
      copies.set(
        node.id,
        graph.add({
          ...anchor,
          label: node.label ?? anchor.label,
          inputs: idsOf(anchor.inputs),
          epilogue: { program, operands: idsOf(order.slice(1)) },
        }),
      );
    }
  }
  return movedTo(graph, source, ({ id }) => copies.get(id) as Value);
};

/** The chain's program with its operands renumbered to `order`. */
function reorder(chain: Chain, order: readonly number[]): ScalarProgram {
  const position = chain.operands.map((id) => order.indexOf(id));
  const rename = (arg: number): number => (arg < position.length ? position[arg] : arg);
  return {
    operands: order.length,
    steps: chain.program.steps.map((step) => ('literal' in step ? step : { op: step.op, args: step.args.map(rename) })),
  };
}
