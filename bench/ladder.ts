// ladder.ts: all ways to run a work on a device: the kernels of its op, naive first, and what the passes can make of it
// (Winograd, rotated filters, partial sums, Fourier stages), with the one that is taken.

import type { Choose } from '../src/engine/gpu/build.ts';
import { costOf } from '../src/engine/cost.ts';
import { checkFits } from '../src/engine/gpu/memory.ts';
import type { OpNode } from '../src/engine/graph.ts';
import { passes } from '../src/engine/optimize.ts';
import { slices } from '../src/engine/passes/slices.ts';
import type { Target } from '../src/engine/target.ts';
import { answerFor, DIRECT, kernelsFor, loweredVariantsFor, opKey } from '../src/engine/tuning.ts';
import {
  type Computation,
  computation,
  type Device,
  Graph,
  makePlan,
  optimize,
  printComputation,
  type Value,
} from '../src/index.ts';
import { sizeOf } from '../src/kernels/shape.ts';

/** One way to run a work: a computation that goes to the planner as it is. */
export interface Form {
  readonly name: string;
  readonly computation: Computation;
  /** Among the kernels of its ops; by default what the device takes. */
  readonly choose?: Choose;
}

/** Numbers of an input of so many. */
type Numbers = (count: number) => Float32Array;

export interface Ladder {
  readonly name: string;
  readonly forms: readonly Form[];
  /** The name of the form that a program takes. */
  readonly taken: string;
  /** Of the definition, however few a form gets by with. */
  readonly flops: number;
  /** Each operand read once, the result written once. */
  readonly bytes: number;
  readonly data?: Readonly<Record<string, Numbers>>;
}

/** What is measured, before there is a device. */
export interface OpWork {
  readonly name: string;
  trace(graph: Graph): Value;
  /** Where the cost of the definition says nothing: a Fourier transform is defined by sums that nobody computes. */
  readonly flops?: number;
  /** Of inputs that must not be just any numbers. */
  readonly data?: Readonly<Record<string, Numbers>>;
  /** Of works that are several ops: what is compared. By default all kernels of the one op. */
  readonly compare?: Comparison;
  /** Part of a quick run too. */
  readonly isQuick?: boolean;
}

/** What the last form has before the first: `fusion` of ops, writing `in place`, Fourier `stages`. */
type Comparison = 'fusion' | 'in place' | 'stages';

/** The names of the two forms. */
const COMPARED: Readonly<Record<Comparison, readonly [string, string]>> = {
  fusion: ['one by one', 'fused'],
  'in place': ['copied', 'in place'],
  stages: ['naive', 'stages'],
};

/** What the first pass calls what it makes of an op. */
const loweredName = ({ op }: OpNode): string => (op.includes('fft') ? 'stages' : 'blocks');

const firstKernel: Choose = ([first]) => first;

const kernelNamed =
  (name: string): Choose =>
  (kernels) =>
    kernels.find(({ variant }) => variant === name) ?? kernels[0];

const opsOf = (source: Computation): string =>
  makePlan(source)
    .steps.map(({ node }) => node.op)
    .join(' ');

/** Bytes of what goes in and what comes out. */
function endsOf({ graph, outputs }: Computation): number {
  const inputs = graph.nodes.filter(({ kind }) => kind !== 'op');
  return 4 * [...inputs, ...Object.values(outputs)].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

function costOfSteps(source: Computation): { flops: number; bytes: number } {
  const { graph, steps } = makePlan(source);
  const costs = steps.map(({ node }) => costOf(graph, node));
  return {
    flops: costs.reduce((sum, { flops }) => sum + flops, 0),
    bytes: costs.length === 1 ? costs[0].bytes : endsOf(source),
  };
}

/** The ladder of a work on a device. Throws an `OutOfMemoryError` where what is taken does not fit. */
export function ladderOf(device: Device, work: OpWork): Ladder {
  const source = computation({ y: work.trace(new Graph()) });
  const { target } = device;
  const { forms, taken } = work.compare ? compared(source, target, work.compare) : ofOneOp(source, target);
  const { flops, bytes } = costOfSteps(source);
  const ladder = { name: work.name, forms, taken, flops: work.flops ?? flops, bytes, data: work.data };
  checkLadder(device, ladder);
  return ladder;
}

/** A network, naive and as it is used: nothing fused and first kernels against everything the passes do. */
export function networkLadder(device: Device, name: string, source: Computation): Ladder {
  const forms: Form[] = [
    { name: 'naive', computation: source, choose: firstKernel },
    { name: 'taken', computation: optimize(source, device.target) },
  ];
  const ladder = { name, forms, taken: 'taken', ...costOfSteps(source), bytes: endsOf(source) };
  checkLadder(device, ladder);
  return ladder;
}

function checkLadder(device: Device, { name, forms, taken }: Ladder): void {
  const form = forms.find((each) => each.name === taken);
  if (form) checkFits(device, makePlan(form.computation), `bench, ${name}`);
}

function compared(source: Computation, target: Target, what: Comparison): Pick<Ladder, 'forms' | 'taken'> {
  const [before, after] = COMPARED[what];
  const withoutSlices = () =>
    passes.filter((pass) => pass !== slices).reduce((current, pass) => pass(current, target), source);
  const first: Form =
    what === 'in place'
      ? { name: before, computation: withoutSlices() }
      : { name: before, computation: source, choose: what === 'stages' ? firstKernel : undefined };
  return { forms: [first, { name: after, computation: optimize(source, target) }], taken: after };
}

function ofOneOp(source: Computation, target: Target): Pick<Ladder, 'forms' | 'taken'> {
  const { traits } = target;
  const { graph } = source;
  const root = graph.nodes[source.outputs.y.id] as OpNode;
  const shapes = root.inputs.map((id) => graph.nodes[id].shape);
  const key = opKey(root, shapes);
  const kernels = kernelsFor(root, shapes, traits);
  const forms: Form[] = kernels.map(({ variant }) => ({
    name: variant,
    computation: source,
    choose: kernelNamed(variant),
  }));
  const texts = new Map<string, string>();
  const add = (name: string, made: Computation): void => {
    const text = printComputation(made);
    if (texts.has(text)) return;
    texts.set(text, name);
    forms.push({ name, computation: made });
  };

  const direct = optimize(source, { traits, measured: () => DIRECT });
  const isLowered = opsOf(direct) !== root.op;
  if (isLowered) add(loweredName(root), direct);
  else texts.set(printComputation(direct), '');
  for (const name of loweredVariantsFor(traits)) {
    const made = isLowered
      ? optimize(source, { traits, measured: () => name })
      : optimize(source, { traits, measured: answerFor(key, name) });
    add(isLowered ? `${loweredName(root)}, ${name}` : name, made);
  }
  const usual = optimize(source, target);
  add('lowered', usual);
  const lowered = texts.get(printComputation(usual));
  if (lowered) return { forms, taken: lowered };
  const measured = target.measured?.(root, shapes);
  const names = kernels.map(({ variant }) => variant);
  return { forms, taken: measured && names.includes(measured) ? measured : (names.at(-1) as string) };
}
