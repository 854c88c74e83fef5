// transposes.ts: transposes that follow one another, with reshapes between them, come to at most one. Channel shuffles,
// pixel shuffles and the tokens of a transformer are written that way, and so are their gradients.

import type { Attrs } from '../../kernels/index.ts';
import type { Shape } from '../../kernels/types.ts';
import { type Graph, type OpNode, Value } from '../graph.ts';
import { reshape, transpose } from '../ops/index.ts';

const opOf = (value: Value, op: OpNode['op']): OpNode | undefined =>
  value.node.kind === 'op' && value.node.op === op ? value.node : undefined;

const permutationOf = (node: OpNode): readonly number[] => (node.attrs as Attrs<'transpose'>).permutation;

/** Finest common axes of two shapes of as many elements: their sizes, and which of them make up each axis of either. */
interface Factors {
  readonly sizes: readonly number[];
  readonly left: readonly (readonly number[])[];
  readonly right: readonly (readonly number[])[];
}

/** [6,4] and [2,12] have the common axes [2,3,4]; [2,3] and [3,2] have none, so undefined. */
export function commonFactors(left: Shape, right: Shape): Factors | undefined {
  const sizes: number[] = [];
  const parts = [left, right].map((shape) => shape.map((): number[] => []));
  const rest = [[...left], [...right]];
  for (let i = 0, k = 0; ; ) {
    while (rest[0][i] === 1) i++;
    while (rest[1][k] === 1) k++;
    if (i >= left.length || k >= right.length) break;
    const size = Math.min(rest[0][i], rest[1][k]);
    if (rest[0][i] % size !== 0 || rest[1][k] % size !== 0) return undefined;
    parts[0][i].push(sizes.length);
    parts[1][k].push(sizes.length);
    sizes.push(size);
    rest[0][i] /= size;
    rest[1][k] /= size;
  }
  return { sizes, left: parts[0], right: parts[1] };
}

/** transpose(reshape(transpose(x))), with or without the reshape, as reshape(transpose(reshape(x))) or less. */
export function joinTransposes(node: OpNode, inputs: readonly Value[], graph: Graph): Value | undefined {
  if (node.op !== 'transpose') return undefined;
  const between = opOf(inputs[0], 'reshape');
  const inner = between ? new Value(graph, between.inputs[0]) : inputs[0];
  const first = opOf(inner, 'transpose');
  const factors = first && commonFactors(inner.shape, inputs[0].shape);
  if (!first || !factors) return undefined;
  const x = new Value(graph, first.inputs[0]);
  const moved = permutationOf(first);
  const before = x.shape.flatMap((_, axis) => factors.left[moved.indexOf(axis)]);
  const after = permutationOf(node).flatMap((axis) => factors.right[axis]);
  // Factors that stay side by side are one axis.
  const runs: number[][] = [];
  for (const factor of after) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run && last !== undefined && before.indexOf(last) + 1 === before.indexOf(factor)) run.push(factor);
    else runs.push([factor]);
  }
  const place = (run: readonly number[]): number => before.indexOf(run[0]);
  const ordered = [...runs].sort((a, b) => place(a) - place(b));
  const sizes = ordered.map((run) => run.reduce((product, factor) => product * factors.sizes[factor], 1));
  const apart = reshape(x, sizes);
  const turned = transpose(
    apart,
    runs.map((run) => ordered.indexOf(run)),
    node.label,
  );
  return reshape(turned, node.shape);
}

/** matmul(a, transpose(b)) with the last two axes of b swapped, as a product that reads b the other way round. */
export function absorbTranspose(node: OpNode, inputs: readonly Value[], graph: Graph): Value | undefined {
  if (node.op !== 'matmul') return undefined;
  const turned = opOf(inputs[1], 'transpose');
  if (!turned) return undefined;
  const rank = turned.shape.length;
  const isSwap = permutationOf(turned).every((from, axis) => from === (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  if (!isSwap) return undefined;
  const attrs = node.attrs as Attrs<'matmul'>;
  const swapped = { ...attrs, transposeB: !attrs.transposeB };
  return graph.add({ ...node, inputs: [inputs[0].id, turned.inputs[0]], attrs: swapped });
}
