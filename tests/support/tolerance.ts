// tolerance.ts: how far a device's result may be from the float64 reference: roundings, counted, never tuned.

import type { Computation } from '../../src/engine/graph.ts';
import { costOfOp } from '../../src/kernels/references/index.ts';

/** One rounding in float32. */
const EPSILON = 2 ** -24;
/** Roundings that any kernel may spend beside its summation: loading constants, scaling, the last store. */
const BASE_ROUNDINGS = 8;

/** Relative to the largest value: roundings along the longest chain of additions, plus `ulps` that WGSL grants functions. */
export function toleranceOf({ graph }: Computation, ulps = 0): number {
  const terms = graph.nodes.reduce((sum, node) => {
    if (node.kind !== 'op') return sum;
    const shapes = node.inputs.map((id) => graph.nodes[id].shape);
    return sum + costOfOp(node.op)(shapes, node.attrs, node.shape).terms;
  }, 0);
  return EPSILON * (terms + BASE_ROUNDINGS + ulps);
}
