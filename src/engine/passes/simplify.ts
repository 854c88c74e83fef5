// simplify.ts: removes what need not be computed: dead nodes, repeated nodes, ops on constants, ops that change nothing.

import type { OpName } from '../../kernels/index.ts';
import { references as elementwise } from '../../kernels/references/elementwise.ts';
import { references as layout } from '../../kernels/references/layout.ts';
import { sameShape, sizeOf } from '../../kernels/shape.ts';
import type { Reference } from '../../kernels/types.ts';
import { type Computation, type Graph, type Node, operandsOf, type OpNode, rootsOf, Value } from '../graph.ts';
import { type Pass, type Replace, rewrite } from '../rewrite.ts';
import { absorbTranspose, joinTransposes } from './transposes.ts';

/** Ops on constants up to this many elements are computed here; larger ones run once on the device. */
const FOLD_LIMIT = 4096;

/** What is left of constants by gradients and by readers of files; other ops on constants run once on the device. */
const foldable: Partial<Record<OpName, Reference>> = { ...elementwise, ...layout } as Record<string, Reference>;

/** Drops every node that no output or update needs. */
export const removeDead: Pass = (source) => {
  const alive = new Set<number>(rootsOf(source));
  for (const { state } of source.updates) alive.add(state.id);
  for (let id = source.graph.nodes.length - 1; id >= 0; id--) {
    if (alive.has(id)) for (const input of operandsOf(source.graph.nodes[id])) alive.add(input);
  }
  return rewrite(
    source,
    () => undefined,
    (node) => alive.has(node.id),
  );
};

/** JSON has no infinities and no NaN: it would write all three as null. */
const attrsKey = (attrs: unknown): string =>
  JSON.stringify(attrs, (_, value) => (typeof value === 'number' && !Number.isFinite(value) ? `${value}` : value));

/** One node for equal ops on equal inputs, one for equal scalars, one for the same tensor. */
export const shareCommon: Pass = (source) => {
  const seen = new Map<string, Value>();
  const tensors = new Map<unknown, number>();
  const keyOf = (node: Node, inputs: readonly Value[]): string => {
    if (node.kind === 'op') return `${node.op} ${inputs.map((value) => value.id)} ${attrsKey(node.attrs)}`;
    if (node.kind !== 'constant') return `${node.kind} ${node.name}`;
    if (sizeOf(node.shape) === 1) return `scalar ${node.shape.length} ${node.tensor.data[0]}`;
    if (!tensors.has(node.tensor)) tensors.set(node.tensor, tensors.size);
    return `tensor ${tensors.get(node.tensor)}`;
  };
  return rewriteAll(source, (node, inputs, graph) => {
    const key = keyOf(node, inputs);
    const value = seen.get(key) ?? graph.add(node.kind === 'op' ? { ...node, inputs: inputs.map((v) => v.id) } : node);
    seen.set(key, value);
    return value;
  });
};

/** `rewrite` that also asks about leaves. */
function rewriteAll(
  source: Computation,
  replace: (node: Node, inputs: readonly Value[], graph: Graph) => Value,
): Computation {
  // Leaves are copied by `rewrite` itself; turning them into shared ones needs the copy made here.
  const leaves = new Map<number, Value>();
  return rewrite(source, (node, inputs, graph) => {
    const shared = inputs.map((input) => {
      const leaf = input.node;
      if (leaf.kind === 'op') return input;
      let value = leaves.get(input.id);
      if (!value) {
        value = leaf.kind === 'constant' ? replace(leaf, [], graph) : input;
        leaves.set(input.id, value);
      }
      return value;
    });
    return replace(node, shared, graph);
  });
}

const constantOf = (value: Value) => (value.node.kind === 'constant' ? value.node.tensor : undefined);
const isScalar = (value: Value, number: number): boolean => {
  const tensor = constantOf(value);
  return tensor !== undefined && sizeOf(tensor.shape) === 1 && tensor.data[0] === number;
};
/** True where every element of a constant is `number`; what is not filled so shows it at an early element. */
const isFilled = (value: Value, number: number): boolean => constantOf(value)?.data.every((x) => x === number) ?? false;

/** The input that an op passes through unchanged, if it does. */
function identity(node: OpNode, inputs: readonly Value[]): Value | undefined {
  const [a, b] = inputs;
  const same = (value: Value): Value | undefined => (sameShape(value.shape, node.shape) ? value : undefined);
  switch (node.op) {
    case 'add':
      return (isFilled(b, 0) ? same(a) : undefined) ?? (isFilled(a, 0) ? same(b) : undefined);
    case 'sub':
      return isFilled(b, 0) ? same(a) : undefined;
    case 'mul':
      return (isFilled(b, 1) ? same(a) : undefined) ?? (isFilled(a, 1) ? same(b) : undefined);
    case 'div':
      return isScalar(b, 1) ? same(a) : undefined;
    case 'reshape':
    case 'broadcastTo':
      return same(a);
    default:
      return undefined;
  }
}

/** A reshape of a reshape as one. */
function joinReshapes(node: OpNode, inputs: readonly Value[], graph: Graph): Value | undefined {
  const first = node.op === 'reshape' ? inputs[0].node : undefined;
  if (first?.kind !== 'op' || first.op !== 'reshape') return undefined;
  const source = new Value(graph, first.inputs[0]);
  return sameShape(source.shape, node.shape) ? source : graph.add({ ...node, inputs: [source.id] });
}

/** What is done without being computed: each returns a value to take in place of the node, if it has one. */
const rules: readonly Replace[] = [identity, joinReshapes, joinTransposes, absorbTranspose];

/** Computes small ops on constants, drops ops that change nothing, joins reshapes of reshapes and transposes likewise. */
export const fold: Pass = (source) =>
  rewrite(source, (node, inputs, graph) => {
    for (const rule of rules) {
      const shorter = rule(node, inputs, graph);
      if (shorter) return shorter;
    }
    const tensors = inputs.map(constantOf);
    const small = sizeOf(node.shape) <= FOLD_LIMIT && inputs.every((value) => sizeOf(value.shape) <= FOLD_LIMIT);
    const reference = foldable[node.op];
    if (!small || !reference || node.epilogue || tensors.some((tensor) => !tensor)) return undefined;
    const arrays = tensors.map((tensor) => ({
      shape: tensor?.shape ?? [],
      data: Float64Array.from(tensor?.data ?? []),
    }));
    const data = Float32Array.from(reference(arrays, node.attrs, node.shape));
    return graph.constant({ shape: node.shape, data });
  });

/** Everything of this file, to a fixed point in practice: gradients leave short chains. */
export const simplify: Pass = (source) => removeDead(fold(shareCommon(removeDead(fold(removeDead(source))))));
