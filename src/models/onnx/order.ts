// order.ts: nodes brought behind what they read. ONNX asks for that order; some exporters and editors do not keep it.

import { ModelError, quoted } from '../error.ts';
import type { OnnxGraph, OnnxNode } from './proto.ts';

/** All that a node reads. */
export const readBy = ({ inputs, captured = [] }: OnnxNode): readonly string[] => [...inputs, ...captured];

const titleOf = ({ name, outputs, op }: OnnxNode): string => name || outputs.find((each) => each) || op;

/** The graph with its nodes in an order of computation: the file's own where it is one. Throws for one that has none. */
export function inOrder(graph: OnnxGraph): OnnxGraph {
  const { nodes } = graph;
  const makers = makersOf(graph);
  /** Of each node those that read it, and how many it still waits for. */
  const readers = nodes.map((): number[] => []);
  const waits = new Array<number>(nodes.length).fill(0);
  let isSorted = true;
  nodes.forEach((node, reader) => {
    for (const maker of new Set(readBy(node).map((name) => makers.get(name)))) {
      if (maker === undefined) continue; // an input, a weight, or nothing: tracing says what is missing
      readers[maker].push(reader);
      waits[reader]++;
      if (maker >= reader) isSorted = false;
    }
  });
  if (isSorted) return graph;
  const order = nodes.flatMap((_, i) => (waits[i] === 0 ? [i] : []));
  for (let at = 0; at < order.length; at++) {
    for (const reader of readers[order[at]]) if (--waits[reader] === 0) order.push(reader);
  }
  if (order.length < nodes.length) throw circleError(graph, makers, waits);
  return { ...graph, nodes: order.map((i) => nodes[i]) };
}

/** The place of the node that makes each value. */
function makersOf({ nodes, initializers, inputs }: OnnxGraph): Map<string, number> {
  const makers = new Map<string, number>();
  const given = new Set([...initializers.keys(), ...inputs.map(({ name }) => name)]);
  nodes.forEach(({ outputs }, i) => {
    for (const name of outputs) {
      if (!name) continue;
      const other = makers.get(name);
      if (other === undefined && !given.has(name)) {
        makers.set(name, i);
        continue;
      }
      const by = other === undefined ? 'is an input or a weight and' : `is made by "${titleOf(nodes[other])}" and`;
      throw new ModelError(
        `its value "${name}" ${by} made again by "${titleOf(nodes[i])}". Give each a name of its own.`,
      );
    }
  });
  return makers;
}

/** Nodes shown of a circle. */
const SHOWN = 4;

function circleError({ nodes }: OnnxGraph, makers: ReadonlyMap<string, number>, waits: readonly number[]): ModelError {
  const makerOf = (i: number): number =>
    readBy(nodes[i])
      .map((name) => makers.get(name))
      .find((maker) => maker !== undefined && waits[maker] > 0) as number;
  // Each node that still waits reads one that still waits: walking back comes round.
  const places = new Map<number, number>();
  const walk: number[] = [];
  let at = waits.findIndex((count) => count > 0);
  for (; !places.has(at); at = makerOf(at)) {
    places.set(at, walk.length);
    walk.push(at);
  }
  const circle = walk.slice(places.get(at)).map((i) => titleOf(nodes[i]));
  if (circle.length === 1)
    return new ModelError(`its node "${circle[0]}" reads what it makes itself. Export it again.`);
  const more = circle.length > SHOWN ? ` and ${circle.length - SHOWN} more` : '';
  return new ModelError(
    `its nodes ${quoted(circle.slice(0, SHOWN))}${more} read one another in a circle, so none can be computed. Export it again.`,
  );
}
