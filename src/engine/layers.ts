// layers.ts: which layer each node belongs to, for whoever lists or times a program.

import { isElementwise } from '../kernels/elementwise.ts';
import { opDef } from '../kernels/definitions.ts';
import { sameShape } from '../kernels/shape.ts';
import { findStatic, Graph, operandsOf, type OpNode, Value, movedTo } from './graph.ts';
import type { Pass } from './rewrite.ts';

const NO_UPDATES: ReadonlyMap<number, string> = new Map();

/**
 * Layers by id, of the nodes before `end`. A layer ends with the node that bears its name: what only contributes to it belongs to
 * it. What is done to the result of a convolution or an elementwise op alone (bias, normalization, activation) makes one layer
 * with it, which bears the last of their names. An update is named after its state. What several layers need belongs to none.
 */
export function layerNames(graph: Graph, updates = NO_UPDATES, end = graph.nodes.length): (string | undefined)[] {
  const nodes = graph.nodes.slice(0, end);
  const fixed = findStatic(graph);
  const varies = (id: number): boolean => nodes[id].kind === 'op' && !fixed.has(id);
  // A gradient reads what is computed forward, which says nothing about the layer of that.
  const readers: Set<OpNode>[] = nodes.map(() => new Set());
  for (const node of nodes) {
    if (node.kind === 'op' && node.layer === undefined) for (const id of operandsOf(node)) readers[id].add(node);
  }

  /** The one reader, where all it does is to change this node's result value by value. */
  const continuationOf = (node: OpNode): OpNode | undefined => {
    const [next, ...others] = readers[node.id];
    const canGoOn = isElementwise(node.op) || opDef(node.op).epilogue === true;
    if (!next || others.length > 0 || !canGoOn || updates.has(node.id) || node.layer !== undefined) return undefined;
    const isAlone = operandsOf(next).every((id) => id === node.id || !varies(id));
    return isAlone && isElementwise(next.op) && sameShape(next.shape, node.shape) ? next : undefined;
  };

  const continuations = nodes.map((node) => (node.kind === 'op' ? continuationOf(node)?.id : undefined));
  // The last name from each node on, then from the first node of its layer on.
  const labels = nodes.map((node) => (node.kind === 'op' ? node.label : undefined));
  for (let id = end - 1; id >= 0; id--) labels[id] = labels[continuations[id] ?? id] ?? labels[id];
  for (const [id, next] of continuations.entries()) if (next !== undefined) labels[next] = labels[id];

  const names: (string | undefined)[] = nodes.map(() => undefined);
  for (let id = end - 1; id >= 0; id--) {
    const node = nodes[id];
    if (node.kind !== 'op') continue;
    const [name, ...others] = new Set([...readers[id]].map((reader) => names[reader.id]));
    names[id] = node.layer ?? labels[id] ?? updates.get(id) ?? (others.length === 0 ? name : undefined);
  }
  return names;
}

/** Writes its layer into each node: what later passes make of it inherits that. Comes first. */
export const nameLayers: Pass = (source) => {
  const { graph, updates } = source;
  const names = layerNames(graph, new Map(updates.map(({ state, value }) => [value.id, `update ${state.label}`])));
  const named = new Graph();
  named.nodes.push(...graph.nodes.map((node) => (node.kind === 'op' ? { ...node, layer: names[node.id] } : node)));
  return movedTo(named, source, ({ id }) => new Value(named, id));
};
