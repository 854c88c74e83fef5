// storage.ts: how the values of a graph are stored on a device: float32, or halves where a pass or a tensor says so.

import { halvesBytes } from '../kernels/half.ts';
import { opDef } from '../kernels/definitions.ts';
import { sizeOf } from '../kernels/shape.ts';
import type { Graph, OpNode } from './graph.ts';

/** The node whose buffer a value shares: reshapes are followed to their source. */
export function sourceOf(graph: Graph, id: number): number {
  const node = graph.nodes[id];
  return node.kind === 'op' && opDef(node.op).alias && !node.epilogue ? sourceOf(graph, node.inputs[0]) : id;
}

/** Whether a value is stored in halves. */
function isInHalves(graph: Graph, id: number): boolean {
  const source = graph.nodes[sourceOf(graph, id)];
  if (source.kind === 'constant') return source.tensor.inHalves ?? false;
  return source.kind === 'op' && (opDef(source.op).inHalves ?? false);
}

/** Inputs of a node that are stored in halves, as its kernels are told. */
export function halvesOf(graph: Graph, { op, inputs, attrs }: OpNode): number[] {
  const halves = inputs.flatMap((id, k) => (isInHalves(graph, id) ? [k] : []));
  if (halves.length === 0) return halves;
  const shapes = inputs.map((id) => graph.nodes[id].shape);
  const readable = opDef(op).readsHalves?.(shapes, attrs) ?? [];
  const other = halves.find((k) => !readable.includes(k));
  if (other !== undefined)
    throw new Error(`${op}: its input ${other} is stored in halves, which its kernels do not read.`);
  return halves;
}

/** Bytes of a value as it is stored. */
export function storedBytes(graph: Graph, id: number): number {
  const count = sizeOf(graph.nodes[id].shape);
  return isInHalves(graph, id) ? halvesBytes(count) : 4 * count;
}
