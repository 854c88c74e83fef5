// variants.ts: what the other kernels of a step would take: the tuner's timing, for one step of a program.

import { type Computation, computation, Graph, type Node, type OpNode, type Value } from '../graph.ts';
import { findStatic } from '../plan.ts';
import type { Device } from './device.ts';
import { type TimedOp, type TuneOptions, tune } from './tune.ts';

/**
 * A step's op by itself, at its shapes, without what is fused behind it. What depends on constants alone comes along: filters
 * that are fixed may be transformed once.
 */
function stepAlone(source: Graph, { op, attrs, shape, inputs, label }: OpNode): Computation {
  const graph = new Graph();
  const fixed = findStatic(source);
  const copies = new Map<number, number>();
  const copy = (id: number): number => {
    const known = copies.get(id) ?? copyNode(source.nodes[id]).id;
    copies.set(id, known);
    return known;
  };
  const copyNode = (node: Node): Value => {
    if (node.kind === 'constant') return graph.constant(node.tensor);
    if (node.kind !== 'op' || !fixed.has(node.id)) return graph.input(`input ${node.id}`, node.shape);
    const epilogue = node.epilogue && { ...node.epilogue, operands: node.epilogue.operands.map(copy) };
    return graph.add({ ...node, inputs: node.inputs.map(copy), epilogue });
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
