// interpret.ts: runs a computation on the float64 references of its ops. This is what the kernels are tested against.

import { evaluateProgram } from '../kernels/references/elementwise.ts';
import { referenceOf } from '../kernels/references/index.ts';
import type { NdArray } from '../kernels/types.ts';
import type { Computation } from './graph.ts';

interface Interpretation {
  readonly outputs: Record<string, NdArray>;
  /** Contents of the updated states, by name. */
  readonly states: Record<string, NdArray>;
}

/** `feeds` gives the contents of inputs, and of states where they differ from the initial ones, by name. */
export function interpret(
  source: Computation,
  feeds: Readonly<Record<string, ArrayLike<number>>> = {},
): Interpretation {
  const results = new Map<number, NdArray>();
  const at = (id: number): NdArray => results.get(id) as NdArray;
  for (const node of source.graph.nodes) {
    const { shape } = node;
    if (node.kind === 'constant') results.set(node.id, { shape, data: Float64Array.from(node.tensor.data) });
    else if (node.kind === 'op') {
      const raw = referenceOf(node.op)(node.inputs.map(at), node.attrs, shape);
      const { epilogue } = node;
      const data = epilogue
        ? evaluateProgram(epilogue.program, [{ shape, data: raw }, ...epilogue.operands.map(at)], shape)
        : raw;
      results.set(node.id, { shape, data });
    } else {
      const data = feeds[node.name] ?? (node.kind === 'state' ? node.initial : undefined);
      if (!data) throw new Error(`interpret: no data for the input "${node.name}".`);
      results.set(node.id, { shape, data: Float64Array.from(data) });
    }
  }
  return {
    outputs: Object.fromEntries(Object.entries(source.outputs).map(([name, value]) => [name, at(value.id)])),
    states: Object.fromEntries(source.updates.map(({ state, value }) => [state.label as string, at(value.id)])),
  };
}
