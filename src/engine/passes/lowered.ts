// lowered.ts: rewriting ops into others that compute the same, where a measurement or a guess says that they are faster there:
// what is made remembers the op it was made of, so that all its variants can be timed again.

import type { Computation, Lowered, OpNode, Value } from '../graph.ts';
import { rewrite } from '../rewrite.ts';

/** What takes the place of an op, and the name of that variant; undefined leaves it as it is. */
type Choose = (
  node: OpNode,
  inputs: readonly Value[],
) => { readonly variant: string; readonly value: Value } | undefined;

/** `fixed` are the nodes that depend on constants alone, those among them. */
export const rewriteLowered = (source: Computation, fixed: ReadonlySet<number>, choose: Choose): Computation =>
  rewrite(source, (node, inputs, { nodes }) => {
    const from = nodes.length;
    const made = choose(node, inputs);
    if (!made) return undefined;
    // What is made of a part belongs to the whole.
    const lowered: Lowered = node.lowered ?? {
      variant: made.variant,
      op: node.op,
      attrs: node.attrs,
      shape: node.shape,
      inputs: inputs.map(({ shape }) => shape),
      fixed: node.inputs.map((id) => fixed.has(id)),
    };
    for (let id = from; id < nodes.length; id++) {
      const each = nodes[id];
      if (each.kind === 'op') nodes[id] = { ...each, lowered };
    }
    return made.value;
  });
