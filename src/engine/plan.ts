// plan.ts: decides which buffer each value lives in and in what order the dispatches run. No GPU object appears here.

import { opDef } from '../kernels/definitions.ts';
import { sameShape } from '../kernels/shape.ts';
import type { Shape } from '../kernels/types.ts';
import {
  type Computation,
  type ConstantNode,
  findStatic,
  Graph,
  type Node,
  operandsOf,
  type OpNode,
  type Tensor,
  tensorBytes,
  type Value,
} from './graph.ts';
import { sourceOf, storedBytes } from './storage.ts';

/** Where a value lives. Slots are reused within a run; baked buffers are written once, when the program is built. */
export type Place =
  | { readonly kind: 'slot'; readonly index: number }
  | { readonly kind: 'baked'; readonly index: number }
  | { readonly kind: 'constant'; readonly id: number }
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'state'; readonly name: string };

export interface PlannedStep {
  readonly node: OpNode;
  /** Inputs, then operands of the epilogue. */
  readonly inputs: readonly Place[];
  readonly output: Place;
  /** Position of the input that shares the output's buffer. */
  readonly inPlace?: number;
  /** Set where the result is written into that of a concat, which has no step of its own. */
  readonly slice?: PlannedSlice;
}

export interface PlannedSlice {
  readonly whole: OpNode;
  /** The first of its channels that the step writes. */
  readonly first: number;
}

export interface Plan {
  readonly graph: Graph;
  /** Run once: what depends on constants alone. */
  readonly prologue: readonly PlannedStep[];
  /** Run at every replay, in this order. */
  readonly steps: readonly PlannedStep[];
  readonly slotBytes: readonly number[];
  readonly bakedBytes: readonly number[];
  readonly outputs: ReadonlyMap<string, Place>;
  readonly outputShapes: ReadonlyMap<string, Shape>;
  /** The numbers of its constants, each once. */
  readonly tensors: readonly Tensor[];
  /** What only the prologue reads: not needed once that has run. */
  readonly temporary: { readonly baked: readonly number[]; readonly tensors: readonly Tensor[] };
  readonly memory: PlannedMemory;
}

/** Size of the buffer that holds so many bytes: bindings go by 16 bytes and are never empty. */
export const bufferBytes = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16);

/** Uniforms of different dispatches lie this far apart: WebGPU's alignment for static offsets. */
export const UNIFORM_ALIGNMENT = 256;

/** All in bytes. */
interface PlannedMemory {
  /** Buffers for intermediate values as planned, and as they would be with one each. */
  readonly slots: number;
  readonly unshared: number;
  readonly constants: number;
  readonly states: number;
  readonly inputs: number;
  readonly baked: number;
  readonly uniforms: number;
  /** Of constants and baked, what is freed when the program is built. */
  readonly temporary: number;
  /** All buffers of a program while it is built, on a device that holds none of its weights yet. */
  readonly total: number;
}

export function samePlace(a: Place, b: Place): boolean {
  if (a.kind === 'slot' || a.kind === 'baked') return a.kind === b.kind && a.index === (b as typeof a).index;
  if (a.kind === 'constant') return b.kind === 'constant' && a.id === b.id;
  return a.kind === b.kind && a.name === b.name;
}

const leafPlace = (node: Node): Place =>
  node.kind === 'constant'
    ? { kind: 'constant', id: node.id }
    : { kind: node.kind as 'input' | 'state', name: (node as { name: string }).name };

/** Of each value that is written into a concat's, its place there. */
function findSlices(graph: Graph, nodes: readonly OpNode[]): Map<number, PlannedSlice> {
  const result = new Map<number, PlannedSlice>();
  for (const whole of nodes) {
    if (!whole.inSlices) continue;
    let first = 0;
    for (const id of whole.inputs) {
      const { shape } = graph.nodes[id];
      result.set(id, { whole, first });
      first += shape[shape.length - 1];
    }
  }
  return result;
}

/** Free and used slots; a request takes the free slot that fits best, or grows the largest one. */
class SlotAllocator {
  readonly bytes: number[] = [];
  private readonly free = new Set<number>();

  take(bytes: number): number {
    let best = -1;
    for (const slot of this.free) {
      const fits = this.bytes[slot] >= bytes;
      const bestFits = best >= 0 && this.bytes[best] >= bytes;
      const better =
        fits === bestFits ? (fits ? this.bytes[slot] < this.bytes[best] : this.bytes[slot] > this.bytes[best]) : fits;
      if (best < 0 || better) best = slot;
    }
    if (best < 0) return this.bytes.push(bytes) - 1;
    this.free.delete(best);
    this.bytes[best] = Math.max(this.bytes[best], bytes);
    return best;
  }

  release(slot: number): void {
    this.free.add(slot);
  }
}

/** Which updates can be written straight over their state: by state name, the id of the writing node. */
function findInPlace(source: Computation, order: readonly OpNode[]): Map<number, { state: string; input: number }> {
  const { graph } = source;
  const position = new Map(order.map((node, k) => [node.id, k]));
  const result = new Map<number, { state: string; input: number }>();
  const readers = new Map<number, OpNode[]>();
  for (const node of order) {
    for (const id of new Set(operandsOf(node).map((operand) => sourceOf(graph, operand)))) {
      readers.set(id, [...(readers.get(id) ?? []), node]);
    }
  }
  for (const { state, value } of source.updates) {
    const node = graph.nodes[value.id];
    if (node.kind !== 'op' || !opDef(node.op).inPlace || node.epilogue || result.has(node.id)) continue;
    const uses = operandsOf(node).flatMap((id, k) => (sourceOf(graph, id) === state.id ? [k] : []));
    const exact = uses.length === 1 && sameShape(graph.nodes[node.inputs[uses[0]]].shape, node.shape);
    const at = position.get(node.id) as number;
    const readLater = (readers.get(state.id) ?? []).some((reader) => (position.get(reader.id) as number) > at);
    if (exact && !readLater) {
      result.set(node.id, { state: state.label as string, input: uses[0] });
    }
  }
  return result;
}

/**
 * Puts a copy before an update whose value is not computed by an op of its own (a leaf, an alias, or a shared value), and
 * behind an output that is an updated state: it shows what the run began with.
 */
function materialize(source: Computation): Computation {
  const { graph } = source;
  const copyOf = ({ id, shape }: Value): Value =>
    graph.add({ kind: 'op', op: 'broadcastTo', inputs: [id], attrs: { shape }, shape });
  const updated = new Set(source.updates.map(({ state }) => state.id));
  const outputs = Object.entries(source.outputs).map(
    ([name, value]) => [name, updated.has(sourceOf(graph, value.id)) ? copyOf(value) : value] as const,
  );
  const taken = new Set<number>();
  const updates = source.updates.map(({ state, value }) => {
    const node = graph.nodes[value.id];
    const plain = node.kind === 'op' && sourceOf(graph, value.id) === value.id && !taken.has(value.id);
    taken.add(value.id);
    return { state, value: plain ? value : copyOf(value) };
  });
  return { graph, outputs: Object.fromEntries(outputs), updates };
}

/** Constants and baked buffers that neither a step nor a reader of outputs asks for. */
function findTemporary(
  graph: Graph,
  tensors: readonly Tensor[],
  baked: readonly number[],
  kept: readonly Place[],
): Plan['temporary'] {
  const keptBaked = new Set(kept.map((place) => (place.kind === 'baked' ? place.index : -1)));
  const keptTensors = new Set(
    kept.map((place) => (place.kind === 'constant' ? (graph.nodes[place.id] as ConstantNode).tensor : undefined)),
  );
  return {
    baked: [...baked.keys()].filter((k) => !keptBaked.has(k)),
    tensors: tensors.filter((tensor) => !keptTensors.has(tensor)),
  };
}

export function makePlan(computation: Computation): Plan {
  const copy = new Graph();
  copy.nodes.push(...computation.graph.nodes);
  const source = materialize({ ...computation, graph: copy });
  // Values still point at the graph they were traced in; ids are the same in the copy.
  const graph = copy;
  const bytesOf = ({ id }: Node): number => storedBytes(graph, id);
  const fixed = findStatic(graph);
  const isStep = (node: Node): node is OpNode => node.kind === 'op' && sourceOf(graph, node.id) === node.id;
  const order = graph.nodes.filter(isStep);
  const slices = findSlices(graph, order);
  const replayed = order.filter((node) => !fixed.has(node.id) && !node.inSlices);
  const inPlace = findInPlace(source, replayed);

  const lastUse = new Map<number, number>();
  replayed.forEach((node, k) => {
    for (const id of operandsOf(node)) lastUse.set(sourceOf(graph, id), k);
  });
  const kept = [...Object.values(source.outputs), ...source.updates.map((update) => update.value)];
  for (const value of kept) lastUse.set(sourceOf(graph, value.id), Number.POSITIVE_INFINITY);

  const slots = new SlotAllocator();
  const bakedBytes: number[] = [];
  const places = new Map<number, Place>();
  const placeOf = (id: number): Place => {
    const at = sourceOf(graph, id);
    return places.get(at) ?? leafPlace(graph.nodes[at]);
  };
  const plan = (node: OpNode, output: Place, shared?: number): PlannedStep => {
    const inputs = operandsOf(node).map(placeOf);
    const slice = slices.get(node.id);
    places.set(slice?.whole.id ?? node.id, output);
    return { node, inputs, output, inPlace: shared, slice };
  };
  // The first part of a concat takes the slot for all.
  const slotFor = (node: OpNode): Place => {
    const whole = slices.get(node.id)?.whole ?? node;
    return places.get(whole.id) ?? { kind: 'slot', index: slots.take(bytesOf(whole)) };
  };
  const prologue = order
    .filter((node) => fixed.has(node.id))
    .map((node) => plan(node, { kind: 'baked', index: bakedBytes.push(bytesOf(node)) - 1 }));

  let unshared = 0;
  const steps = replayed.map((node, k) => {
    const shared = inPlace.get(node.id);
    if (!shared) unshared += bytesOf(node);
    const step = shared ? plan(node, { kind: 'state', name: shared.state }, shared.input) : plan(node, slotFor(node));
    const dying = new Set([node.id, ...operandsOf(node).map((id) => sourceOf(graph, id))]);
    for (const id of dying) {
      const place = places.get(id);
      if (place?.kind === 'slot' && (lastUse.get(id) ?? k) <= k) slots.release(place.index);
    }
    return step;
  });
  // Updates that could not be written in place are copied over their states once nobody reads the old ones any more.
  for (const { state, value } of source.updates) {
    const from = placeOf(value.id);
    const to: Place = { kind: 'state', name: state.label as string };
    if (samePlace(from, to)) continue;
    const node = {
      kind: 'op',
      id: -1,
      op: 'broadcastTo',
      inputs: [value.id],
      attrs: { shape: value.shape },
      shape: value.shape,
    } as const;
    steps.push({ node: { ...node, label: `update ${state.label}` }, inputs: [from], output: to });
  }

  const sumOf = (list: readonly number[]): number => list.reduce((sum, bytes) => sum + bytes, 0);
  const bytesOfAll = (kind: Node['kind']): number[] => graph.nodes.filter((node) => node.kind === kind).map(bytesOf);
  const [states, inputs] = [bytesOfAll('state'), bytesOfAll('input')];
  const tensors = [...new Set(graph.nodes.flatMap((node) => (node.kind === 'constant' ? [node.tensor] : [])))];
  const constants = tensors.map(tensorBytes);
  const outputs = new Map(Object.entries(source.outputs).map(([name, value]) => [name, placeOf(value.id)]));
  const temporary = findTemporary(graph, tensors, bakedBytes, [
    ...outputs.values(),
    ...steps.flatMap((step) => step.inputs),
  ]);
  const temporaryBytes = [...temporary.tensors.map(tensorBytes), ...temporary.baked.map((k) => bakedBytes[k])];
  const uniforms = UNIFORM_ALIGNMENT * Math.max(1, prologue.length + steps.length);
  const buffers = [slots.bytes, bakedBytes, states, inputs, constants].flat().map(bufferBytes);
  return {
    graph,
    prologue,
    steps,
    slotBytes: slots.bytes,
    bakedBytes,
    outputs,
    outputShapes: new Map(Object.entries(source.outputs).map(([name, value]) => [name, value.shape])),
    tensors,
    temporary,
    memory: {
      slots: sumOf(slots.bytes),
      unshared,
      constants: sumOf(constants),
      states: sumOf(states),
      inputs: sumOf(inputs),
      baked: sumOf(bakedBytes),
      uniforms,
      temporary: sumOf(temporaryBytes.map(bufferBytes)),
      total: sumOf(buffers) + uniforms,
    },
  };
}
