// cost.ts: what a dispatch computes and moves: the op's own cost, and that of what was fused behind it.

import { programFlops } from '../kernels/references/elementwise.ts';
import { costOfOp } from '../kernels/references/index.ts';
import { sizeOf } from '../kernels/shape.ts';
import type { Cost } from '../kernels/types.ts';
import type { Graph, OpNode } from './graph.ts';
import { halvesOf } from './storage.ts';

/** Each operand counts as read once, whatever the kernel does: what must be moved at least, not what is. */
export function costOf(graph: Graph, node: OpNode): Cost {
  const shapeOf = (id: number) => graph.nodes[id].shape;
  const ofFloats = costOfOp(node.op)(node.inputs.map(shapeOf), node.attrs, node.shape);
  const saved = halvesOf(graph, node).reduce((sum, k) => sum + 2 * sizeOf(shapeOf(node.inputs[k])), 0);
  const cost = { ...ofFloats, bytes: ofFloats.bytes - saved };
  if (!node.epilogue) return cost;
  const { program, operands } = node.epilogue;
  const read = operands.reduce((sum, id) => sum + sizeOf(shapeOf(id)), 0);
  return {
    flops: cost.flops + sizeOf(node.shape) * programFlops(program),
    bytes: cost.bytes + 4 * read,
    terms: cost.terms + program.steps.length,
  };
}
