// masks.ts: masks of ReLUs in front of a concat, joined into one. The gradient of a concat is cut into slices, and each
// slice is masked by the part that the concat joined there. Cutting after masking by the joined value gives the same
// numbers, and the one mask can then be fused into what computes the gradient.

import type { SliceAttrs } from '../../kernels/layout.ts';
import { sameShape } from '../../kernels/shape.ts';
import { type Computation, type Graph, type Node, operandsOf, type OpNode, rootsOf, type Value } from '../graph.ts';
import { type Pass, rewrite } from '../rewrite.ts';
import { removeDead, shareCommon } from './simplify.ts';

const opAt = (graph: Graph, id: number, op: OpNode['op']): OpNode | undefined => {
  const node = graph.nodes[id];
  return node.kind === 'op' && node.op === op && !node.epilogue ? node : undefined;
};

/** The readers of each node; outputs and updates read as -1. */
function findReaders(source: Computation): number[][] {
  const readers: number[][] = source.graph.nodes.map(() => []);
  for (const node of source.graph.nodes) for (const id of operandsOf(node)) readers[id].push(node.id);
  for (const id of rootsOf(source)) readers[id].push(-1);
  return readers;
}

/** True if `slice` cuts out of a value shaped like `joined` what that concat took from its input `part`. */
function cutsPart(graph: Graph, slice: OpNode, joined: OpNode, part: number): boolean {
  const { axis } = joined.attrs as { readonly axis: number };
  const { starts, steps } = slice.attrs as SliceAttrs;
  if (steps.some((step) => step !== 1) || starts.some((start, i) => i !== axis && start !== 0)) return false;
  let start = 0;
  for (const id of joined.inputs) {
    const { shape } = graph.nodes[id];
    if (id === part && start === starts[axis] && sameShape(shape, slice.shape)) return true;
    start += shape[axis];
  }
  return false;
}

/** The concat whose parts mask all that is cut out of `gradient`, if every reader of it is such a slice. */
function findJoined(graph: Graph, gradient: Node, readers: readonly (readonly number[])[]): OpNode | undefined {
  const slices = readers[gradient.id].map((id) => (id < 0 ? undefined : opAt(graph, id, 'slice')));
  const pairs: { slice: OpNode; mask: OpNode }[] = [];
  for (const slice of slices) {
    if (!slice) return undefined;
    for (const id of readers[slice.id]) {
      const mask = id < 0 ? undefined : opAt(graph, id, 'reluMask');
      if (mask?.inputs[0] !== slice.id) return undefined;
      pairs.push({ slice, mask });
    }
  }
  if (pairs.length === 0) return undefined;
  const first = Math.min(...pairs.map(({ mask }) => mask.id));
  return readers[pairs[0].mask.inputs[1]]
    .map((id) => (id < 0 ? undefined : opAt(graph, id, 'concat')))
    .find(
      (joined) =>
        joined !== undefined &&
        joined.id < first &&
        sameShape(joined.shape, gradient.shape) &&
        pairs.every(({ slice, mask }) => cutsPart(graph, slice, joined, mask.inputs[1])),
    );
}

export const joinMasks: Pass = (source) => {
  const { graph } = source;
  const readers = findReaders(source);
  const joinedOf = new Map<number, OpNode>();
  for (const node of graph.nodes) {
    const slice = node.kind === 'op' && node.op === 'reluMask' ? opAt(graph, node.inputs[0], 'slice') : undefined;
    if (!slice || joinedOf.has(slice.inputs[0])) continue;
    const joined = findJoined(graph, graph.nodes[slice.inputs[0]], readers);
    if (joined) joinedOf.set(slice.inputs[0], joined);
  }
  if (joinedOf.size === 0) return source;
  const copies = new Map<number, Value>();
  const rewritten = rewrite(source, (node, inputs, target) => {
    const slice = node.op === 'reluMask' ? opAt(graph, node.inputs[0], 'slice') : undefined;
    const joined = slice && joinedOf.get(slice.inputs[0]);
    let value: Value | undefined;
    if (joined) {
      const cut = inputs[0].node as OpNode;
      const mask = target.add({
        kind: 'op',
        op: 'reluMask',
        inputs: [cut.inputs[0], (copies.get(joined.id) as Value).id],
        attrs: {},
        shape: joined.shape,
      });
      value = target.add({ ...cut, inputs: [mask.id] });
    } else if (node.op === 'concat') {
      value = target.add({ ...node, inputs: inputs.map(({ id }) => id) });
      copies.set(node.id, value);
    }
    return value;
  });
  // Each mask was made once a slice, and the slices before them are left over.
  return shareCommon(removeDead(rewritten));
};
