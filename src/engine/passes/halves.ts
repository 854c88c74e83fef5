// halves.ts: stores filters and matrices in 16 bits, where they do not change and all kernels of the op that reads them can
// unpack them. Comes last: what other passes made of a filter is what is stored.
//
// Each number becomes the nearest half: it is off by at most 2^-11 of itself, or of 2^-14 where it is smaller than that.

import '../shared.ts';
import { LARGEST_HALF, roundToHalf, SMALLEST_NORMAL_HALF } from '../../kernels/half_values.ts';
import { opDef } from '../../kernels/definitions.ts';
import type { WinogradFilterAttrs } from '../../kernels/winograd.ts';
import { winogradTransforms } from '../../kernels/winograd_transforms.ts';
import { apply, findStatic, type Graph, type Tensor, Value } from '../graph.ts';
import { type Pass, rewrite } from '../rewrite.ts';
import { removeDead } from './simplify.ts';

const largest = new WeakMap<Tensor, number>();

/** The largest absolute value; NaN where there is one. */
function largestOf(tensor: Tensor): number {
  let known = largest.get(tensor);
  if (known === undefined) {
    known = 0;
    for (const value of tensor.data) known = Math.max(known, Math.abs(value));
    largest.set(tensor, known);
  }
  return known;
}

/** What no value is larger than, as far as that is known without computing it. */
function boundOf(graph: Graph, id: number): number {
  const node = graph.nodes[id];
  if (node.kind === 'constant') return largestOf(node.tensor);
  if (node.kind !== 'op' || node.epilogue) return Number.POSITIVE_INFINITY;
  const bounds = node.inputs.map((input) => boundOf(graph, input));
  switch (node.op) {
    case 'reshape':
    case 'transpose':
    case 'slice':
    case 'pad':
      return bounds[0];
    case 'mul':
      return bounds[0] * bounds[1];
    case 'winogradFilter': {
      // Of G w Gᵀ: the largest sum along a row of G, once for each side.
      const { filter } = winogradTransforms[(node.attrs as WinogradFilterAttrs).tile];
      const sums = filter.map((row) => row.reduce((sum, factor) => sum + Math.abs(factor), 0));
      return bounds[0] * Math.max(...sums) ** 2;
    }
    default:
      return Number.POSITIVE_INFINITY;
  }
}

/** Beyond the largest half there is none, and of numbers that are all tiny little would be left: both stay as they are. */
const fits = (bound: number): boolean => bound <= LARGEST_HALF && bound >= SMALLEST_NORMAL_HALF;

/** One for each tensor: programs of one network share what is uploaded. */
const rounded = new WeakMap<Tensor, Tensor>();

function inHalves(tensor: Tensor): Tensor {
  let known = rounded.get(tensor);
  if (!known) {
    known = { shape: tensor.shape, data: roundToHalf(tensor.data), inHalves: true };
    rounded.set(tensor, known);
  }
  return known;
}

/** A value that depends on constants alone, in halves; undefined where it stays as it is. */
function stored({ graph, id, node }: Value): Value | undefined {
  if (node.kind === 'constant') return fits(boundOf(graph, id)) ? graph.constant(inHalves(node.tensor)) : undefined;
  if (node.kind === 'op' && opDef(node.op).alias) {
    const source = stored(new Value(graph, node.inputs[0]));
    return source && graph.add({ ...node, inputs: [source.id] });
  }
  return fits(boundOf(graph, id)) ? apply('toHalf', [new Value(graph, id)], {}) : undefined;
}

export const halves: Pass = (source) => {
  const fixed = findStatic(source.graph);
  const known = new Map<number, Value | undefined>();
  const storedOnce = (value: Value): Value => {
    if (!known.has(value.id)) known.set(value.id, stored(value));
    return known.get(value.id) ?? value;
  };
  const rewritten = rewrite(source, (node, inputs, graph) => {
    const readable = opDef(node.op).readsHalves?.(
      inputs.map(({ shape }) => shape),
      node.attrs,
    );
    const places = readable?.filter((k) => fixed.has(node.inputs[k])) ?? [];
    if (places.length === 0) return undefined;
    const chosen = inputs.map((value, k) => (places.includes(k) ? storedOnce(value) : value).id);
    return graph.add({ ...node, inputs: chosen });
  });
  return removeDead(rewritten);
};
