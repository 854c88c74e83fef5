// memory.ts: the budget of bytes: what a program will need is known from its plan, so what cannot fit is refused before
// anything is made, and a batch can be cut until it fits.

import { showShape, sizeOf } from '../../kernels/shape.ts';
import { type Computation, tensorBytes } from '../graph.ts';
import { optimize } from '../optimize.ts';
import { bufferBytes, makePlan, type Plan } from '../plan.ts';
import { mebibytes } from '../print.ts';
import { storedBytes } from '../storage.ts';
import type { Device } from './device.ts';
import { OutOfMemoryError } from './errors.ts';

/** Where the memory of the machine is unknown, it is taken for this: what a small laptop or a phone has. */
const ASSUMED_HOST_BYTES = 4 * 2 ** 30;

/** A GPU is trusted with so many buffers of the largest size it allows. */
const LARGEST_BUFFERS = 4;

interface MemoryFacts {
  readonly software: boolean;
  readonly maxBufferSize: number;
  /** Memory of the machine, where it is known. */
  readonly hostBytes?: number;
}

/**
 * The budget nobody chose. WebGPU does not tell how much memory a GPU has, and an allocation too large may stall the whole
 * machine before it fails. A software adapter lives in the memory of the machine, an integrated GPU shares it, and machines
 * with a large graphics card seldom have less themselves: so half of the machine's memory, and on a GPU no more than a few
 * of the largest buffers it allows.
 */
export function defaultBudget({ software, maxBufferSize, hostBytes = ASSUMED_HOST_BYTES }: MemoryFacts): number {
  const half = Math.floor(hostBytes / 2);
  return software ? half : Math.min(half, LARGEST_BUFFERS * maxBufferSize);
}

/** Bytes that a program of this plan adds to what the device holds: weights already there and shared states cost nothing. */
export function bytesToAdd(device: Device, plan: Plan, isShared: (state: string) => boolean = () => false): number {
  const there = plan.tensors.filter((tensor) => device.holds(tensor));
  const saved = there.reduce((sum, tensor) => sum + bufferBytes(tensorBytes(tensor)), 0);
  const shared = plan.graph.nodes.reduce(
    (sum, node) => sum + (node.kind === 'state' && isShared(node.name) ? bufferBytes(node.initial.byteLength) : 0),
    0,
  );
  return plan.memory.total - saved - shared;
}

const LESS = 'Use a smaller picture or batch';

/** Throws an `OutOfMemoryError` that says what a program of this plan needs where that does not fit. Makes nothing. */
export function checkFits(device: Device, plan: Plan, label: string, isShared?: (state: string) => boolean): void {
  const most = device.maxBufferBytes;
  for (const { what, bytes } of largeBuffers(plan)) {
    if (bytes <= most) continue;
    throw new OutOfMemoryError(
      `${label}: ${what} needs a buffer of ${mebibytes(bytes)}; this device allows ${mebibytes(most)}. ${LESS}.`,
    );
  }
  const needed = bytesToAdd(device, plan, isShared);
  const { bytes } = device.memory;
  if (bytes + needed <= device.budgetBytes) return;
  throw new OutOfMemoryError(
    `${label} needs ${mebibytes(needed)} of GPU memory; of the budget of ${mebibytes(device.budgetBytes)}, ` +
      `${mebibytes(bytes)} are in use. ${LESS}, or raise the budget (--memory).`,
  );
}

/** Values with a buffer of their own, and what they are called. */
function* largeBuffers(plan: Plan): Generator<{ what: string; bytes: number }> {
  for (const { node, slice } of [...plan.prologue, ...plan.steps]) {
    const { label, op, shape } = slice?.whole ?? node;
    yield { what: `the result of "${label ?? op}"`, bytes: 4 * sizeOf(shape) };
  }
  for (const node of plan.graph.nodes) {
    if (node.kind === 'op') continue;
    const what = node.kind === 'constant' ? `a constant ${showShape(node.shape)}` : `${node.kind} "${node.name}"`;
    yield { what, bytes: storedBytes(plan.graph, node.id) };
  }
}

/**
 * The largest batch, at most `wanted`, whose program fits into what is left of the device's budget. Nothing is made on the
 * device; `computationOf(batch)` is traced and planned for `wanted`, then for a half, a quarter, … (rounded up, so that the
 * parts of what is wanted are of about one size). With a `share` below 1 a batch above 1 takes no more than that of what is
 * left, for programs that are yet to come. Throws the `OutOfMemoryError` of a batch of 1 where not even that fits.
 *
 * A method that evaluates a network on many inputs asks this once, compiles that batch and runs it as often as needed,
 * filling up the last one:
 *
 *     const batch = largestBatch(device, samples, (n) => trace(n), 'smoothgrad');
 *     const program = await compile(device, trace(batch), { label: 'smoothgrad' });
 *     for (let first = 0; first < samples; first += batch) { … await program.evaluate({ x: part }) … }
 */
export function largestBatch(
  device: Device,
  wanted: number,
  computationOf: (batch: number) => Computation,
  label = 'program',
  share = 1,
): number {
  for (let parts = 1; ; parts *= 2) {
    const batch = Math.ceil(wanted / parts);
    try {
      const plan = makePlan(optimize(computationOf(batch), device.target));
      checkFits(device, plan, label);
      const left = device.budgetBytes - device.memory.bytes;
      if (batch <= 1 || bytesToAdd(device, plan) <= share * left) return batch;
    } catch (error) {
      if (!(error instanceof OutOfMemoryError) || batch <= 1) throw error;
    }
  }
}
