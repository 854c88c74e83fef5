// exportShapes.ts: what renames, stretches, permutes, cuts, frames and picks along axes, in an ONNX file.

import type { OpNode } from '../../engine/graph.ts';
import type { Attrs } from '../../kernels/index.ts';
import { sameShape } from '../../kernels/shape.ts';
import type { Shape } from '../../kernels/types.ts';
import {
  type Axes,
  type ExportFile,
  isFlattened,
  NCHW,
  type Order,
  plainOrder,
  presentable,
  type Write,
} from './exportFile.ts';
import { partsOf, reshapeTarget, sizeAlong } from './exportSizes.ts';
import { permuteShape } from './layout.ts';

// --- other axes ------------------------------------------------------------------------------------------------------

/** Shapes of a value as traced and at the other sizes, its axes in this order. */
const shapesIn = (file: ExportFile, id: number, order: Axes): [Shape, Shape] => [
  permuteShape(file.sizes.traceOf(id), order),
  permuteShape(file.sizes.otherOf(id), order),
];

/** [N,H,W,C] -> [N, H*W*C]: the file flattens channels first, see `Order`. */
const isRows = (shape: Shape, target: Shape): boolean =>
  shape.length === 4 && target.length === 2 && target[0] === shape[0];

/** The map that rows were flattened from, for rows that become it again. */
function isMapAgain(order: Order | undefined, { shape }: OpNode, rows: number): boolean {
  return order !== undefined && isFlattened(order) && sameShape(shape, [rows, ...order.flattened]);
}

export const reshaped: Write<Attrs<'reshape'>> = (file, node) => {
  const [x] = node.inputs;
  const shape = file.shapeOf(x);
  const lies = file.orderOf(x) as Order;
  if (sameShape(shape, node.shape)) return file.alias(node.id, file.tensor(x, lies), lies);
  if (isMapAgain(lies, node, shape[0]) && isFlattened(lies)) {
    const [H, W, C] = lies.flattened;
    const target = file.integers(node.id, 'shape', [file.batchOf(x), C, H, W]);
    return file.result(node.id, 'Reshape', [file.tensor(x, lies), target], {}, NCHW);
  }
  const plain = plainOrder(shape.length);
  const order = file.axesOf(x);
  const isInPlace = file.isRenaming(x, order, plain);
  if (!isInPlace && order.join() === NCHW.join() && isRows(shape, node.shape)) {
    const flattened: Order = { flattened: [shape[1], shape[2], shape[3]] };
    return file.result(node.id, 'Flatten', [file.asItLies(x)], { axis: 1 }, flattened);
  }
  // Else axes that are joined lie apart: for parts of channels it is enough to turn those.
  for (const each of isInPlace ? [] : [order, presentable(order)]) {
    const apart = orderOfParts(file, node, each);
    if (apart) return renamed(file, node, each, apart);
  }
  const from = isInPlace ? order : plain;
  const own = plainOrder(node.shape.length);
  // Of pictures of one pixel, or of one channel, the file's order costs nothing.
  const isPoint = node.shape.length === 4 && file.isRenaming(node.id, own, NCHW);
  const isSame = String(shapesIn(file, x, from)) === String(shapesIn(file, node.id, own));
  return renamed(file, node, from, isPoint && !isSame ? NCHW : own);
};

/**
 * The order of the result where axes are split and joined one by one, such as channels into groups: what does not become
 * one axis with others keeps its place in the file. Undefined where axes that lie apart are joined.
 */
function orderOfParts(file: ExportFile, { id, inputs: [x], shape }: OpNode, order: Axes): Axes | undefined {
  const parts = partsOf(file.shapeOf(x), shape);
  const [other, target] = [file.sizes.otherOf(x), file.sizes.otherOf(id)];
  // At other sizes the same axes must belong together.
  const isApart = parts.every(({ from, to }) => from.length > 0 && sizeAlong(other, from) === sizeAlong(target, to));
  if (!isApart) return undefined;
  const inFile = [...parts].sort((a, b) => order.indexOf(a.from[0]) - order.indexOf(b.from[0]));
  const isTogether = inFile.flatMap(({ from }) => from).every((axis, place) => order[place] === axis);
  return isTogether ? inFile.flatMap(({ to }) => to) : undefined;
}

function renamed(file: ExportFile, node: OpNode, from: Axes, to: Axes): string {
  const [x] = node.inputs;
  const [was, is] = [shapesIn(file, x, from), shapesIn(file, node.id, to)];
  const tensor = file.tensor(x, from);
  if (sameShape(was[0], is[0]) && sameShape(was[1], is[1])) return file.alias(node.id, tensor, to);
  if (is[0].length === 2 && was[0].length > 2 && was[0][0] === is[0][0] && was[1][0] === is[1][0]) {
    return file.result(node.id, 'Flatten', [tensor], { axis: 1 }, to);
  }
  const target = file.integers(node.id, 'shape', reshapeTarget(was, is));
  return file.result(node.id, 'Reshape', [tensor, target], {}, to);
}

/** Nothing moves: only the order in which the axes are read changes. */
export const transposed: Write<Attrs<'transpose'>> = (file, node, { permutation }) => {
  const [x] = node.inputs;
  const order = file.axesOf(x).map((axis) => permutation.indexOf(axis));
  return file.alias(node.id, file.asItLies(x), order);
};

export const broadcast: Write<Attrs<'broadcastTo'>> = (file, node, { shape }) => {
  const [x] = node.inputs;
  const own = file.shapeOf(x);
  const lead = shape.length - own.length;
  const order = lead === 0 ? file.axesOf(x) : plainOrder(shape.length);
  // Expand stretches both ways: 1 stands for the size that is there, which may be an open one.
  const sizes = shape.map((d, axis) => (axis >= lead && own[axis - lead] === d ? 1 : d));
  const target = file.integers(node.id, 'shape', permuteShape(sizes, order));
  const tensor = lead === 0 ? file.asItLies(x) : file.tensor(x, plainOrder(own.length));
  return file.result(node.id, 'Expand', [tensor, target], {}, order);
};

// --- along axes ------------------------------------------------------------------------------------------------------

/** As far back as a walk can go: ONNX takes it for the first element. */
const TO_THE_START = -(2 ** 31);

export const cut: Write<Attrs<'slice'>> = (file, node, { starts, sizes, steps }) => {
  const [x] = node.inputs;
  const shape = file.shapeOf(x);
  const order = file.axesOf(x);
  const axes = shape.flatMap((d, axis) => (sizes[axis] === d && steps[axis] === 1 ? [] : [axis]));
  const ranges = axes.map((axis) => {
    const end = starts[axis] + sizes[axis] * steps[axis];
    const isTurned = sizes[axis] === shape[axis] && steps[axis] === -1;
    return { start: isTurned ? -1 : starts[axis], end: end < 0 ? TO_THE_START : end };
  });
  const lists: [role: string, values: number[]][] = [
    ['starts', ranges.map(({ start }) => start)],
    ['ends', ranges.map(({ end }) => end)],
    ['axes', axes.map((axis) => order.indexOf(axis))],
    ['steps', axes.map((axis) => steps[axis])],
  ];
  const inputs = lists.map(([role, values]) => file.integers(node.id, role, values));
  return file.result(node.id, 'Slice', [file.asItLies(x), ...inputs], {}, order);
};

export const framed: Write<Attrs<'pad'>> = (file, node, { before, after, dilation, value }) => {
  const [x] = node.inputs;
  const order = file.axesOf(x);
  const spread = dilation.reduce(
    (name, gap, axis) => (gap === 1 ? name : spreadAlong(file, node, name, order, { axis, dilation, value })),
    file.asItLies(x),
  );
  const pads = [before, after].flatMap((each) => permuteShape(each, order));
  const inputs = [spread, file.integers(node.id, 'pads', pads), file.float(node.id, 'value', value)];
  return file.result(node.id, 'Pad', inputs, { mode: 'constant' }, order);
};

interface Spread {
  readonly axis: number;
  /** Distance of neighbours along each axis; those before `axis` are spread already. */
  readonly dilation: readonly number[];
  readonly value: number;
}

/** Elements along one axis with gaps between them: each gets an axis of its own, is padded there, and they are joined. */
function spreadAlong(
  file: ExportFile,
  { id, inputs: [x] }: OpNode,
  name: string,
  order: Axes,
  { axis, dilation, value }: Spread,
): string {
  const at = order.indexOf(axis);
  const gap = dilation[axis] - 1;
  const apart = file.step(id, 'Unsqueeze', [name, file.integers(id, 'axes', [at + 1])]);
  const rank = order.length + 1;
  const pads = new Array<number>(2 * rank).fill(0);
  pads[rank + at + 1] = gap;
  const wide = file.step(id, 'Pad', [apart, file.integers(id, 'pads', pads), file.float(id, 'value', value)], {
    mode: 'constant',
  });
  const spreadShape = (shape: Shape, isDone: (each: number) => boolean): number[] =>
    shape.map((d, each) => (isDone(each) && dilation[each] > 1 ? (d - 1) * dilation[each] + 1 : d));
  const shapes = [file.sizes.traceOf(x), file.sizes.otherOf(x)].map((shape): [Shape, Shape] => {
    const now = permuteShape(
      spreadShape(shape, (each) => each < axis),
      order,
    );
    const gapped = [...now.slice(0, at + 1), gap + 1, ...now.slice(at + 1)];
    return [gapped, now.map((d, i) => (i === at ? d * (gap + 1) : d))];
  });
  const target = reshapeTarget([shapes[0][0], shapes[1][0]], [shapes[0][1], shapes[1][1]]);
  const joined = file.step(id, 'Reshape', [wide, file.integers(id, 'shape', target)]);
  const lists = [
    ['starts', 0],
    ['ends', -gap],
    ['axes', at],
  ] as const;
  return file.step(id, 'Slice', [joined, ...lists.map(([role, of]) => file.integers(id, role, [of]))]);
}

const INT64 = 7;

export const picked: Write<Attrs<'take'>> = (file, node, { axis }) => {
  const [x, indices] = node.inputs;
  const order = file.axesOf(x);
  const list = file.isFixed(indices)
    ? file.integers(node.id, 'indices', Array.from(file.numbers(indices)))
    : file.step(node.id, 'Cast', [file.asItLies(indices)], { to: INT64 });
  return file.result(node.id, 'Gather', [file.asItLies(x), list], { axis: order.indexOf(axis) }, order);
};
