// slices.ts: concats along channels that need no dispatch, because what they join is written straight into its part of them.

import { opDef } from '../../kernels/definitions.ts';
import { findStatic, type Graph, type OpNode } from '../graph.ts';
import { type Pass, rewrite } from '../rewrite.ts';
import { countUses } from './fuse.ts';

/** Kernels that store four channels at a time can only begin at a multiple of four. */
const VECTOR = 4;

/** Whether an input of a concat can be written into it, if the concat is its only reader. */
function writesSlices({ nodes }: Graph, id: number): boolean {
  const node = nodes[id];
  if (node.kind !== 'op' || node.shape[node.shape.length - 1] % VECTOR !== 0) return false;
  const shapes = node.inputs.map((input) => nodes[input].shape);
  return opDef(node.op).writesSlices?.(shapes, node.attrs) ?? false;
}

/**
 * Marks the concats that all inputs can be written into. A dispatch that writes one part never reads another: nobody reads a
 * part but the concat. What is computed once, before the first run, stays apart.
 */
export const slices: Pass = (source) => {
  const { graph } = source;
  const uses = countUses(source);
  const fixed = findStatic(graph);
  const canSlice = ({ op, attrs, inputs, shape }: OpNode): boolean =>
    op === 'concat' &&
    (attrs as { readonly axis: number }).axis === shape.length - 1 &&
    inputs.every((id) => uses[id] === 1 && !fixed.has(id) && writesSlices(graph, id));
  return rewrite(source, (node, inputs, target) =>
    canSlice(node) ? target.add({ ...node, inputs: inputs.map(({ id }) => id), inSlices: true }) : undefined,
  );
};
