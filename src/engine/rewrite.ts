// rewrite.ts: how a pass turns one computation into another: copy node by node, replacing as it goes.

import { type Computation, Graph, type Node, type OpNode, type Value, movedTo } from './graph.ts';
import type { Target } from './target.ts';

/** `target` is the device it will run on; without one, what is made runs well anywhere. */
export type Pass = (computation: Computation, target?: Target) => Computation;

/**
 * Asked for each op node with its inputs already copied, and the operands of its epilogue named as in the new graph; a Value
 * replaces it, undefined copies it.
 */
export type Replace = (node: OpNode, inputs: readonly Value[], graph: Graph) => Value | undefined;

/** What an op becomes before it is planned; undefined leaves it as it is. */
export type Lowering = (node: OpNode, inputs: readonly Value[]) => Value | undefined;

/** What takes the place of a node belongs to the same layer, and to the same op that was lowered. */
function inherit({ nodes }: Graph, from: number, { layer, lowered }: OpNode): void {
  if (layer === undefined && lowered === undefined) return;
  for (let id = from; id < nodes.length; id++) {
    const node = nodes[id];
    if (node.kind === 'op') nodes[id] = { ...node, layer: node.layer ?? layer, lowered: node.lowered ?? lowered };
  }
}

/**
 * Copies the nodes `keep` admits into a new graph, in order. `replace` may return another value of the new graph, or
 * append nodes of its own.
 */
export function rewrite(
  source: Computation,
  replace: Replace,
  keep: (node: Node) => boolean = () => true,
): Computation {
  const graph = new Graph();
  const copies = new Map<number, Value>();
  const copy = (id: number): Value => {
    const value = copies.get(id);
    if (!value) throw new Error(`rewrite: node ${id} is used but was not copied.`);
    return value;
  };
  for (const node of source.graph.nodes) {
    if (!keep(node)) continue;
    if (node.kind !== 'op') {
      copies.set(node.id, graph.add(node));
      continue;
    }
    const inputs = node.inputs.map(copy);
    const epilogue = node.epilogue && { ...node.epilogue, operands: node.epilogue.operands.map((id) => copy(id).id) };
    const from = graph.nodes.length;
    const replaced = replace(epilogue ? { ...node, epilogue } : node, inputs, graph);
    inherit(graph, from, node);
    copies.set(node.id, replaced ?? graph.add({ ...node, inputs: inputs.map((value) => value.id), epilogue }));
  }
  // A state that nothing reads still has to exist for its update.
  for (const { state } of source.updates) if (!copies.has(state.id)) copies.set(state.id, graph.add(state.node));
  return movedTo(graph, source, ({ id }) => copy(id));
}
