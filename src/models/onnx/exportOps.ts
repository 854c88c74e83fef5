// exportOps.ts: what each op of the engine is in an ONNX file (operator set 17). A new op needs a row here: an exporter,
// or why it cannot be exported.

import type { OpNode } from '../../engine/graph.ts';
import type { ElementwiseName } from '../../kernels/elementwise.ts';
import type { Attrs, OpName } from '../../kernels/index.ts';
import type { Window } from '../../kernels/window.ts';
import { convTransposed, convolved, product } from './exportProducts.ts';
import {
  type Axes,
  type ExportFile,
  isFlattened,
  NCHW,
  type Order,
  plainOrder,
  sameOrder,
  type Write,
} from './exportFile.ts';
import { broadcast, cut, framed, picked, reshaped, transposed } from './exportShapes.ts';

/** Says why an op is in no file. */
interface NotExportable {
  readonly reason: string;
}
const notExportable = (reason: string): NotExportable => ({ reason });

// --- elementwise -----------------------------------------------------------------------------------------------------

/** A known operand, to be broadcast against values of `rank` axes in this order. */
function against(file: ExportFile, id: number, order: Axes): string {
  const rank = order.length;
  const shape = file.shapeOf(id);
  if (shape.every((d) => d === 1)) return file.weight(id, [], 'constant', []);
  const stretched = [...new Array<number>(rank - shape.length).fill(1), ...shape];
  return file.weight(id, order, 'constant', stretched);
}

/** Operands of an elementwise op in one order. */
export function aligned(file: ExportFile, ids: readonly number[]): { names: string[]; order: Order } {
  const rank = Math.max(...ids.map((id) => file.shapeOf(id).length));
  const open = ids.filter((id) => !file.isFixed(id));
  const rows = open.length > 0 ? file.orderOf(open[0]) : undefined;
  const isRows = (id: number): boolean => {
    const shape = file.shapeOf(id);
    if (file.isFixed(id)) return shape.every((d) => d === 1) || shape[shape.length - 1] === file.shapeOf(open[0])[1];
    const own = file.orderOf(id);
    return own !== undefined && rows !== undefined && sameOrder(own, rows);
  };
  if (rows && isFlattened(rows) && rank === 2 && ids.every(isRows)) {
    const isPoint = (id: number) => file.shapeOf(id).every((d) => d === 1);
    return {
      names: ids.map((id) => file.tensor(id, isPoint(id) ? plainOrder(file.shapeOf(id).length) : rows)),
      order: rows,
    };
  }
  const orders = open.filter((id) => file.shapeOf(id).length === rank).map((id) => file.axesOf(id));
  const order = orders.find((each) => sameOrder(each, NCHW)) ?? orders[0] ?? plainOrder(rank);
  const names = ids.map((id): string => {
    const own = file.shapeOf(id).length;
    if (file.isFixed(id)) return orders.length > 0 ? against(file, id, order) : file.tensor(id, plainOrder(own));
    return own === rank ? file.tensor(id, order) : stretchedTo(file, id, order);
  });
  return { names, order };
}

/** A value of fewer axes, with axes of size 1 before them. */
function stretchedTo(file: ExportFile, id: number, order: Axes): string {
  const own = file.shapeOf(id).length;
  const plain = file.tensor(id, plainOrder(own));
  const missing = order.length - own;
  if (order.every((axis, i) => axis === i)) return plain;
  const wide = file.step(id, 'Unsqueeze', [plain, file.integers(id, 'axes', plainOrder(missing))]);
  return file.step(id, 'Transpose', [wide], { perm: order });
}

const named =
  (op: string): Write<unknown> =>
  (file, node) => {
    const { names, order } = aligned(file, node.inputs);
    return file.result(node.id, op, names, {}, order);
  };

const FLOAT = 1;
const BOOL = 9;

/** Truth values are of a type of their own in the file; here they are 1 and 0. */
const comparison =
  (op: string): Write<unknown> =>
  (file, node) => {
    const { names, order } = aligned(file, node.inputs);
    return file.result(node.id, 'Cast', [file.step(node.id, op, names)], { to: FLOAT }, order);
  };

const choice: Write<unknown> = (file, node) => {
  const { names, order } = aligned(file, node.inputs);
  const condition = file.step(node.id, 'Cast', [names[0]], { to: BOOL });
  return file.result(node.id, 'Where', [condition, names[1], names[2]], {}, order);
};

const masked: Write<unknown> = (file, node) => {
  const { names, order } = aligned(file, node.inputs);
  const zero = file.float(node.id, 'zero', 0);
  const condition = file.step(node.id, 'Greater', [names[1], zero]);
  return file.result(node.id, 'Where', [condition, names[0], zero], {}, order);
};

const elementwise: { [K in ElementwiseName]: Write<Attrs<K>> | NotExportable } = {
  add: named('Add'),
  sub: named('Sub'),
  mul: named('Mul'),
  div: named('Div'),
  pow: named('Pow'),
  max: named('Max'),
  min: named('Min'),
  neg: named('Neg'),
  abs: named('Abs'),
  sign: named('Sign'),
  floor: named('Floor'),
  round: named('Round'),
  sqrt: named('Sqrt'),
  exp: named('Exp'),
  log: named('Log'),
  sin: named('Sin'),
  cos: named('Cos'),
  atan: named('Atan'),
  tanh: named('Tanh'),
  erf: named('Erf'),
  sigmoid: named('Sigmoid'),
  relu: named('Relu'),
  greater: comparison('Greater'),
  greaterEqual: comparison('GreaterOrEqual'),
  equal: comparison('Equal'),
  where: choice,
  stopGradient: named('Identity'),
  reluMask: masked,
};

// --- windows ---------------------------------------------------------------------------------------------------------

/** Windows that fit if the last one may hang over the end, by ONNX's own formula. */
const hangingCount = (size: number, axis: 0 | 1, { kernel, strides, pads, dilations }: Window): number =>
  Math.ceil((size + pads[axis] + pads[axis + 2] - (kernel[axis] - 1) * dilations[axis] - 1) / strides[axis]) + 1;

/**
 * Attributes of a pooling. Where a last window would start in the padding behind the picture, the engine has none (as
 * PyTorch), and ONNX's formula before operator set 19 has one: there the padding is written that gives the windows.
 */
function windowAttributes(file: ExportFile, { inputs: [x], shape }: OpNode, window: Window) {
  const { kernel, strides, pads, dilations, ceilMode } = window;
  const size = file.shapeOf(x).slice(1, 3);
  const common = { kernel_shape: kernel, strides };
  const axes = [0, 1] as const;
  if (!ceilMode || axes.every((axis) => hangingCount(size[axis], axis, window) === shape[axis + 1])) {
    return { ...common, ceil_mode: Number(ceilMode), pads };
  }
  const ends = axes.map((axis) => {
    const reach = (shape[axis + 1] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1;
    return Math.max(pads[axis + 2], reach - size[axis] - pads[axis]);
  });
  return { ...common, ceil_mode: 0, pads: [pads[0], pads[1], ends[0], ends[1]] };
}

const maxPool: Write<Attrs<'maxPool'>> = (file, node, attrs) =>
  file.result(
    node.id,
    'MaxPool',
    [file.tensor(node.inputs[0], NCHW)],
    { dilations: attrs.dilations, ...windowAttributes(file, node, attrs) },
    NCHW,
  );

const averagePool: Write<Attrs<'averagePool'>> = (file, node, attrs) =>
  file.result(
    node.id,
    'AveragePool',
    [file.tensor(node.inputs[0], NCHW)],
    { count_include_pad: Number(attrs.countIncludePad), ...windowAttributes(file, node, attrs) },
    NCHW,
  );

/** Over the last axis here, over axis 1 in the file. */
const lrn: Write<Attrs<'lrn'>> = (file, node, { size, alpha, beta, bias }) => {
  const [x] = node.inputs;
  const shape = file.shapeOf(x);
  const rank = shape.length;
  const attributes = { size, alpha: { float: alpha }, beta: { float: beta }, bias: { float: bias } };
  if (rank === 4) return file.result(node.id, 'LRN', [file.tensor(x, NCHW)], attributes, NCHW);
  // As pictures of one pixel each, which changes no number's place.
  const channels = shape[rank - 1];
  const points = file.integers(node.id, 'shape', [-1, channels, 1, 1]);
  const map = file.step(node.id, 'Reshape', [file.tensor(x, plainOrder(rank)), points]);
  const y = file.step(node.id, 'LRN', [map], attributes);
  const back = shape.map((d, axis) => (axis === 0 && d !== file.sizes.otherOf(x)[0] ? -1 : d));
  return file.result(node.id, 'Reshape', [y, file.integers(node.id, 'shape', back)], {}, plainOrder(rank));
};

// --- along axes ------------------------------------------------------------------------------------------------------

/** The order of what is left of axes in `order` without `axes`. */
export function orderWithout(order: Axes, axes: Axes, keepDims: boolean): Axes {
  if (keepDims) return order;
  const left = order.filter((axis) => !axes.includes(axis));
  const ascending = [...left].sort((a, b) => a - b);
  return left.map((axis) => ascending.indexOf(axis));
}

/** Axes of the graph as the file counts them, in order. */
export const axesIn = (order: Axes, axes: Axes): number[] =>
  axes.map((axis) => order.indexOf(axis)).sort((a, b) => a - b);

const sum: Write<Attrs<'sum'>> = (file, node, { axes, keepDims }) => {
  const [x] = node.inputs;
  const order = file.axesOf(x);
  const named = file.integers(node.id, 'axes', axesIn(order, axes));
  const inputs = [file.asItLies(x), named];
  // Without axes ONNX takes them all, and the graph none.
  const attributes = { keepdims: Number(keepDims), noop_with_empty_axes: 1 };
  return file.result(node.id, 'ReduceSum', inputs, attributes, orderWithout(order, axes, keepDims));
};

const reduceMax: Write<Attrs<'reduceMax'>> = (file, node, { axes, keepDims }) => {
  const [x] = node.inputs;
  if (axes.length === 0) return file.alias(node.id, file.asItLies(x), file.axesOf(x));
  const order = file.axesOf(x);
  const along = axesIn(order, axes);
  if (keepDims && sameOrder(order, NCHW) && along.join() === '2,3') {
    return file.result(node.id, 'GlobalMaxPool', [file.asItLies(x)], {}, order);
  }
  const attributes = { axes: along, keepdims: Number(keepDims) };
  return file.result(node.id, 'ReduceMax', [file.asItLies(x)], attributes, orderWithout(order, axes, keepDims));
};

const alongAxis =
  (op: string): Write<{ readonly axis: number }> =>
  (file, node, { axis }) => {
    const [x] = node.inputs;
    const order = file.axesOf(x);
    return file.result(node.id, op, [file.asItLies(x)], { axis: order.indexOf(axis) }, order);
  };

/** One after another along the axis. */
export function joined(file: ExportFile, node: OpNode, ids: readonly number[], axis: number): string {
  const open = ids.filter((id) => !file.isFixed(id)).map((id) => file.axesOf(id));
  const order = open.find((each) => sameOrder(each, NCHW)) ?? open[0];
  const names = ids.map((id) => file.tensor(id, order));
  return file.result(node.id, 'Concat', names, { axis: order.indexOf(axis) }, order);
}

// --- the table -------------------------------------------------------------------------------------------------------

const backward = notExportable('is made by `gradient`; export the graph before it is differentiated');
const optimized = notExportable('is made by `optimize`; export the graph as it was traced');
const transform = notExportable('is a Fourier transform, which makes pictures and is no part of a network');
const drawn = notExportable('draws random numbers, another one in each run');

const exporters: { readonly [K in OpName]: Write<Attrs<K>> | NotExportable } = {
  ...elementwise,
  fused: optimized,
  splitMatmul: optimized,
  sumParts: optimized,
  toHalf: optimized,
  winogradFilter: optimized,
  winogradInput: optimized,
  winogradProduct: optimized,
  winogradOutput: optimized,
  reshape: reshaped,
  broadcastTo: broadcast,
  transpose: transposed,
  slice: cut,
  pad: framed,
  concat: (file, node, { axis }) => joined(file, node, node.inputs, axis),
  take: picked,
  takeInput: backward,
  maxPool,
  maxPoolSwitches: backward,
  maxPoolInput: backward,
  maxPoolGather: backward,
  averagePool,
  averagePoolInput: backward,
  lrn,
  lrnInput: backward,
  softmax: alongAxis('Softmax'),
  logSoftmax: alongAxis('LogSoftmax'),
  sum,
  reduceMax,
  conv2d: (file, node, attrs) => convolved(file, node.id, node, attrs),
  conv2dInput: (file, node, attrs) => convTransposed(file, node.id, node, attrs),
  conv2dFilter: backward,
  matmul: (file, node, attrs) => product(file, node.id, node, attrs),
  fft: transform,
  rfft: transform,
  irfft: transform,
  fftStage: transform,
  affineSample: notExportable('moves pictures by a matrix, which no operator of ONNX does in one'),
  affineSampleInput: backward,
  randomUniform: drawn,
  randomNormal: drawn,
  randomAffine: drawn,
};

/** The row of an op, the type of its attributes set aside. */
export const exporterOf = (op: OpName): Write<unknown> | NotExportable =>
  exporters[op] as Write<unknown> | NotExportable;

export const isExportable = (row: Write<unknown> | NotExportable): row is Write<unknown> => typeof row === 'function';
