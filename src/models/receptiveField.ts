// receptiveField.ts: the part of the picture that one position of a layer sees, worked out from the graph: windows widen
// it, strides spread positions, and what joins maps takes the smallest rectangle that holds both.

import { Graph, type OpNode, operandsOf, type Value } from '../engine/graph.ts';
import type { Attrs, OpName } from '../kernels/index.ts';
import { elementwiseOps } from '../kernels/elementwise.ts';
import type { Model } from './model.ts';

/** Along one axis, position i sees the pixels from start + stride * i, `size` of them; those off the picture are padding. */
export interface Extent {
  readonly size: number;
  /** 0 where all positions see the same. */
  readonly stride: number;
  readonly start: number;
}
/** Down and across. */
export type ReceptiveField = readonly [Extent, Extent];

/** Of a node: a field, 'none' where it depends on no picture, undefined where positions see in no regular way. */
type Seen = ReceptiveField | 'none' | undefined;

type Pair<T> = readonly [T, T];
const each = (f: (axis: 0 | 1) => Extent): ReceptiveField => [f(0), f(1)];

/** Position i reads `taps` elements of the layer before, `dilation` apart, from first + stride * i. */
const widened = (of: Extent, taps: number, dilation: number, stride: number, first: number): Extent => ({
  size: of.size + Math.abs(of.stride) * dilation * (taps - 1),
  stride: of.stride * stride,
  start: of.start + of.stride * first + Math.min(0, of.stride * dilation * (taps - 1)),
});

interface Sliding {
  readonly strides: Pair<number>;
  readonly pads: readonly [number, number, number, number];
  readonly dilations: Pair<number>;
}
const slid = (field: ReceptiveField, taps: readonly number[], { strides, pads, dilations }: Sliding): ReceptiveField =>
  each((axis) => widened(field[axis], taps[axis], dilations[axis], strides[axis], -pads[axis]));

/** The smallest extent that holds both; undefined where they drift apart from position to position. */
function hull(a: Extent, b: Extent): Extent | undefined {
  if (a.stride !== b.stride) return undefined;
  const start = Math.min(a.start, b.start);
  return { stride: a.stride, start, size: Math.max(a.start + a.size, b.start + b.size) - start };
}

const isWhole = (extent: Extent, whole: Extent): boolean =>
  extent.stride === 0 && extent.start <= 0 && extent.start + extent.size >= whole.size;

function joined(fields: readonly ReceptiveField[], whole: ReceptiveField): ReceptiveField | undefined {
  const axes = ([0, 1] as const).map((axis) => {
    const extents = fields.map((field) => field[axis]);
    if (extents.some((extent) => isWhole(extent, whole[axis]))) return whole[axis];
    return extents.reduce<Extent | undefined>((a, b) => a && hull(a, b), extents[0]);
  });
  const [down, across] = axes;
  return down && across && [down, across];
}

/** Ops that look at one position, or at its channels alone. */
const POINTWISE = new Set<string>([...Object.keys(elementwiseOps), 'fused', 'broadcastTo', 'lrn']);

/** What a position of an op's result sees, by what those of its inputs see. */
function seenBy(node: OpNode, graph: Graph, known: readonly Seen[], whole: ReceptiveField): Seen {
  const ids = operandsOf(node).filter((id) => known[id] !== 'none');
  if (ids.length === 0) return 'none';
  // Rows and numbers have no positions.
  if (node.shape.length !== 4) return whole;
  const fields = ids.map((id) => known[id]);
  if (fields.some((field) => field === undefined)) return undefined;
  const inputs = fields as ReceptiveField[];
  const [first] = inputs;
  const x = graph.nodes[node.inputs[0]].shape;
  const attrs = <K extends OpName>(_: K) => node.attrs as Attrs<K>;
  const spread = (id: number): ReceptiveField => {
    const { shape } = graph.nodes[id];
    const field = known[id] as ReceptiveField;
    // Along an axis of one element, which broadcasts, every position sees what that element sees.
    return each((axis) => (shape[axis + 1 + shape.length - 4] === 1 ? { ...field[axis], stride: 0 } : field[axis]));
  };
  if (POINTWISE.has(node.op)) return joined(ids.map(spread), whole);
  if (inputs.every((field) => field.every((extent, axis) => isWhole(extent, whole[axis])))) return whole;
  switch (node.op) {
    case 'conv2d':
      return inputs.length === 1 && ids[0] === node.inputs[0]
        ? slid(first, graph.nodes[node.inputs[1]].shape, attrs('conv2d'))
        : undefined;
    case 'maxPool':
      return slid(first, attrs('maxPool').kernel, attrs('maxPool'));
    case 'averagePool':
      return slid(first, attrs('averagePool').kernel, { ...attrs('averagePool'), dilations: [1, 1] });
    case 'concat':
      return attrs('concat').axis === 3 ? joined(inputs, whole) : undefined;
    case 'softmax':
    case 'logSoftmax':
      return attrs('softmax').axis === 3 ? first : undefined;
    case 'sum':
    case 'reduceMax': {
      const { axes, keepDims } = attrs('sum');
      if (!keepDims) return undefined;
      return each((axis) => (axes.includes(axis + 1) ? widened(first[axis], x[axis + 1], 1, 0, 0) : first[axis]));
    }
    case 'slice': {
      const { starts, steps } = attrs('slice');
      return each((axis) => widened(first[axis], 1, 1, steps[axis + 1], starts[axis + 1]));
    }
    case 'pad': {
      const { before, dilation } = attrs('pad');
      if (dilation[1] !== 1 || dilation[2] !== 1) return undefined;
      return each((axis) => widened(first[axis], 1, 1, 1, -before[axis + 1]));
    }
    case 'matmul':
      return inputs.length === 1 && ids[0] === node.inputs[0] && !attrs('matmul').transposeA ? first : undefined;
    case 'reshape':
      return x.length === 4 && x[1] === node.shape[1] && x[2] === node.shape[2] ? first : undefined;
    default:
      return undefined;
  }
}

/**
 * What a position of each value sees of the picture [N,H,W,C]; undefined where the value does not depend on it, or
 * where positions see in no regular way (behind an enlargement).
 */
export function receptiveFields(picture: Value): (value: Value) => ReceptiveField | undefined {
  const { graph, shape } = picture;
  const whole = each((axis) => ({ size: shape[axis + 1], stride: 0, start: 0 }));
  const known: Seen[] = [];
  for (const node of graph.nodes) {
    if (node.id === picture.id) known.push(each(() => ({ size: 1, stride: 1, start: 0 })));
    else known.push(node.kind === 'op' ? seenBy(node, graph, known, whole) : 'none');
  }
  return ({ id }) => {
    const seen = known[id];
    return seen === 'none' ? undefined : seen;
  };
}

/** The fields of a network's layers, by name, for pictures of a size; layers without a regular one are left out. */
export function layerFields(model: Model, [H, W]: Pair<number> = model.nominalSize): Map<string, ReceptiveField> {
  const picture = new Graph().input(model.input.name, [1, H, W, model.input.channels]);
  const { layers } = model.trace(picture);
  const fieldOf = receptiveFields(picture);
  const fields = new Map<string, ReceptiveField>();
  for (const [name, value] of layers) {
    const field = fieldOf(value);
    if (field) fields.set(name, field);
  }
  return fields;
}
