// variants.ts: what the other kernels of a step would take: the tuner's timing, for one step of a program.

import { type Computation, computation, Graph, type OpNode } from '../graph.ts';
import type { Device } from './device.ts';
import { type TimedOp, type TuneOptions, tune } from './tune.ts';

/** A step's op by itself, at its shapes and with its weights, without what is fused behind it. */
export function stepAlone(source: Graph, { op, attrs, shape, inputs, label }: OpNode): Computation {
  const graph = new Graph();
  const copies = new Map<number, number>();
  const copy = (id: number): number => {
    const known = copies.get(id);
    if (known !== undefined) return known;
    const node = source.nodes[id];
    const value = node.kind === 'constant' ? graph.constant(node.tensor) : graph.input(`input ${id}`, node.shape);
    copies.set(id, value.id);
    return value.id;
  };
  return computation({ y: graph.add({ kind: 'op', op, attrs, shape, label, inputs: inputs.map(copy) }) });
}

/** Every variant of a step's op on the device, those that are several dispatches among them; undefined where there is only one. */
export async function timeVariants(
  device: Device,
  source: Graph,
  node: OpNode,
  options: TuneOptions = {},
): Promise<TimedOp | undefined> {
  const { ops } = await tune(device, [stepAlone(source, node)], options);
  return ops[0];
}
