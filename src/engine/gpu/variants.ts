// variants.ts: what the other kernels of a step would take: the tuner's timing, for one step of a program.

import { sizeOf } from '../../kernels/shape.ts';
import { type Computation, computation, findStatic, Graph, type Lowered, type OpNode } from '../graph.ts';
import { kernelsFor, opKey } from '../tuning.ts';
import type { Device } from './device.ts';
import { type TimedOp, type TuneOptions, tune } from './tune.ts';

/** What was timed instead of a step; both are undefined where there is nothing to choose. */
export interface StepVariants {
  /** The kernels of its op and, unless it is a part of another, what its op can be lowered to, all dispatches together. */
  readonly own?: TimedOp;
  /** Where a pass made it of another op, as a part of Winograd's algorithm: all variants of that op, each as a whole. */
  readonly whole?: TimedOp;
}

type Op = Omit<Lowered, 'variant'>;

/** A step's op by itself, at its shapes, without what is fused behind it. */
function opOf({ nodes }: Graph, { op, attrs, shape, inputs }: OpNode, fixed: ReadonlySet<number>): Op {
  return {
    op,
    attrs,
    shape,
    inputs: inputs.map((id) => nodes[id].shape),
    fixed: inputs.map((id) => nodes[id].kind === 'constant' || fixed.has(id)),
  };
}

/** What is fixed is a constant here too: filters may be transformed once. The tuner fills in numbers of its own. */
function alone({ op, attrs, shape, inputs, fixed }: Op): Computation {
  const graph = new Graph();
  const values = inputs.map((shape, k) =>
    fixed[k] ? graph.constant({ shape, data: new Float32Array(sizeOf(shape)) }) : graph.input(`x${k}`, shape),
  );
  return computation({ y: graph.add({ kind: 'op', op, attrs, shape, inputs: values.map(({ id }) => id) }) });
}

/** Times every variant of a step's op on the device, those that are several dispatches among them. */
export async function timeVariants(
  device: Device,
  source: Graph,
  node: OpNode,
  options: TuneOptions = {},
): Promise<StepVariants> {
  const { lowered } = node;
  const own = opOf(source, node, findStatic(source));
  const { ops } = await tune(device, [own, ...(lowered ? [lowered] : [])].map(alone), options);
  const find = (wanted: Op): TimedOp | undefined =>
    ops.find((found) => opKey(found, found.inputs) === opKey(wanted, wanted.inputs));
  const found = find(own);
  if (!lowered) return { own: found };
  // No pass looks at what another one made.
  const names = kernelsFor(node, own.inputs, device.traits).map(({ variant }) => variant);
  const timings = found?.timings.filter(({ variant }) => names.includes(variant)) ?? [];
  return { own: found && timings.length > 1 ? { ...found, timings } : undefined, whole: find(lowered) };
}
