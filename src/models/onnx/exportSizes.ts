// exportSizes.ts: which axes of an exported network may stay open. A graph is traced at fixed sizes; here its shapes are
// worked out once more for another batch and picture. Axes that change are open ones; an op that cannot follow fixes them.

import type { Computation, Node, OpNode } from '../../engine/graph.ts';
import { opDef } from '../../kernels/definitions.ts';
import type { Attrs } from '../../kernels/index.ts';
import { sameShape } from '../../kernels/shape.ts';
import { OpError, type Shape } from '../../kernels/types.ts';

/** Shapes of the values by id: as traced, and for inputs of other sizes. */
export class Sizes {
  constructor(
    private readonly traced: readonly Node[],
    private readonly others: ReadonlyMap<number, Shape>,
  ) {}

  traceOf(id: number): Shape {
    return this.traced[id].shape;
  }

  otherOf(id: number): Shape {
    return this.others.get(id) ?? this.traceOf(id);
  }
}

/** What stands in the way of open sizes. */
export interface Obstacle {
  readonly id: number;
  readonly why: string;
}

export interface Open {
  readonly batch: boolean;
  /** Height and width. */
  readonly picture: boolean;
}

/** Large enough for windows to fit, and different ones, so that no two axes are taken for each other. */
const MORE = { batch: 1, height: 64, width: 96 } as const;

/** The shape of an input of the graph at the other sizes. Only pictures [N,H,W,C] have sizes that may stay open. */
function otherInput(shape: Shape, { batch, picture }: Open): Shape {
  if (shape.length !== 4) return batch && shape.length > 0 ? [shape[0] + MORE.batch, ...shape.slice(1)] : shape;
  const [N, H, W, C] = shape;
  return [batch ? N + MORE.batch : N, picture ? H + MORE.height : H, picture ? W + MORE.width : W, C];
}

/** Sizes with these axes of the inputs open, or the first op of `needed` that fixes them. */
export function sizesOf({ graph }: Computation, needed: ReadonlySet<number>, open: Open): Sizes | Obstacle {
  const others = new Map<number, Shape>();
  const at = (id: number): Shape => others.get(id) ?? graph.nodes[id].shape;
  const first = graph.nodes.find((node) => node.kind === 'input' && needed.has(node.id) && node.shape.length > 0);
  const batch = open.batch ? first?.shape[0] : undefined;
  for (const node of graph.nodes) {
    if (!needed.has(node.id)) continue;
    if (node.kind === 'input') others.set(node.id, otherInput(node.shape, open));
    if (node.kind !== 'op') continue;
    const inputs = node.inputs.map(at);
    const isSame = node.inputs.every((id, i) => sameShape(inputs[i], graph.nodes[id].shape));
    if (isSame) continue;
    try {
      const traced = node.inputs.map((id) => graph.nodes[id].shape);
      others.set(node.id, opDef(node.op).shape(inputs, attributesAt(node, inputs, traced, batch)));
    } catch (error) {
      if (error instanceof OpError) return { id: node.id, why: error.message };
      throw error;
    }
  }
  return new Sizes(graph.nodes, others);
}

/** The attributes of a node at the other sizes: those that hold sizes of their result follow those of their input. */
function attributesAt(
  { op, attrs, shape }: OpNode,
  [x]: readonly Shape[],
  [was]: readonly Shape[],
  batch: number | undefined,
): unknown {
  switch (op) {
    case 'reshape':
      return { shape: reshapedAt(was, x, shape, batch) };
    case 'broadcastTo': {
      const lead = shape.length - x.length;
      return { shape: shape.map((d, axis) => (axis >= lead && was[axis - lead] === d ? x[axis - lead] : d)) };
    }
    case 'slice': {
      const { starts, sizes, steps } = attrs as Attrs<'slice'>;
      const isWhole = (axis: number) => sizes[axis] === was[axis] && Math.abs(steps[axis]) === 1;
      const changed = was.findIndex((d, axis) => d !== x[axis] && !isWhole(axis));
      if (changed >= 0) throw new OpError(`a part of axis ${changed} is cut out, which its size decides`);
      const first = (axis: number) => (isWhole(axis) && steps[axis] < 0 ? x[axis] - 1 : starts[axis]);
      return {
        starts: starts.map((_, axis) => first(axis)),
        sizes: sizes.map((d, axis) => (isWhole(axis) ? x[axis] : d)),
        steps,
      };
    }
    case 'take': {
      const { axis } = attrs as Attrs<'take'>;
      if (was[axis] !== x[axis]) throw new OpError(`it takes elements by index from axis ${axis}`);
      return attrs;
    }
    case 'conv2dInput': {
      const own = attrs as Attrs<'conv2dInput'>;
      const grown = [0, 1].map((i) => own.inputSize[i] + own.strides[i] * (x[i + 1] - was[i + 1]));
      return { ...own, inputSize: grown };
    }
    default:
      return attrs;
  }
}

/**
 * The target of a reshape at the other sizes: axes follow those that they are made of, part by part. Of pictures joined
 * into one axis, the batch comes apart again as the first axis: for one picture, sizes alone would not tell.
 */
function reshapedAt(was: Shape, x: Shape, target: Shape, batch: number | undefined): Shape {
  if (batch !== undefined && was[0] !== batch && target[0] === batch && target.length > 1) {
    const others = batch + MORE.batch;
    const isJoined = Number.isInteger(was[0] / batch) && Number.isInteger(x[0] / others);
    const apart = (shape: Shape, count: number) => [count, shape[0] / count, ...shape.slice(1)];
    if (isJoined) return reshapedAt(apart(was, batch), apart(x, others), target, batch);
  }
  const result = [...target];
  for (const { from, to } of partsOf(was, target)) {
    const [before, after] = [sizeAlong(was, from), sizeAlong(x, from)];
    if (before === after) continue;
    const left = (after * target[to[0]]) / before;
    // Pictures come first: what they are joined to goes along. Rows and columns that are joined do not come apart again.
    const isOfPictures = batch !== undefined && after * batch === before * (batch + MORE.batch);
    if (to.length === 0 || !Number.isInteger(left) || !(isOfPictures || to.length === 1)) {
      throw new OpError(`its shape [${target.join(',')}] fixes them`);
    }
    result[to[0]] = left;
  }
  return result;
}

/** Axes of a shape that become axes of another one, as few at a time as possible. */
interface Part {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

export const sizeAlong = (shape: Shape, axes: readonly number[]): number =>
  axes.reduce((product, axis) => product * shape[axis], 1);

/** The parts of a reshape, in order. One side of the last ones may be empty where the other has axes of size 1 alone. */
export function partsOf(was: Shape, target: Shape): Part[] {
  const parts: Part[] = [];
  for (let i = 0, j = 0; i < was.length || j < target.length; ) {
    const from = i < was.length ? [i++] : [];
    const to = j < target.length ? [j++] : [];
    while (sizeAlong(was, from) !== sizeAlong(target, to)) {
      if (sizeAlong(was, from) < sizeAlong(target, to)) from.push(i++);
      else to.push(j++);
    }
    parts.push({ from, to });
  }
  return parts;
}

/**
 * The shape that a file writes for a reshape: sizes that stay open are 0 where they are copied from the same axis of the
 * input, and -1 where one is worked out. Both pairs are shapes of the file, as traced and at the other sizes.
 */
export function reshapeTarget(from: readonly [Shape, Shape], to: readonly [Shape, Shape]): number[] {
  const [[was, x], [shape, other]] = [from, to];
  const isCopy = (axis: number): boolean => axis < was.length && was[axis] === shape[axis] && x[axis] === other[axis];
  const target = shape.map((d, axis) => (d === other[axis] ? d : isCopy(axis) ? 0 : -1));
  if (target.filter((d) => d < 0).length <= 1) return target;
  throw new OpError(`its shape [${shape.join(',')}] has several sizes that would have to stay open`);
}
