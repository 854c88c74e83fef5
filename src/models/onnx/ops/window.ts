// window.ts: what slides over the picture: convolution and pooling.

import * as ops from '../../../engine/ops/index.ts';
import type { Value } from '../../../engine/graph.ts';
import { type Converter, type NodeContext, toFloat32 } from '../context.ts';
import { permute, permuteData, permuteShape } from '../layout.ts';
import { Fixed, Traced } from '../operand.ts';

type Pair = readonly [number, number];
type Pads = readonly [number, number, number, number];

/** [K,C,R,S] of the file to [R,S,C,K] of the engine. */
const TO_RSCK = [2, 3, 1, 0] as const;

export function pair(context: NodeContext, name: string, fallback: number): Pair {
  const values = context.ints(name) ?? [fallback, fallback];
  if (values.length !== 2)
    context.refuse(`has ${values.length} ${name} where a picture has 2 axes (${name}: [${values}])`);
  return values as unknown as Pair;
}

/** Padding [top, left, bottom, right] from `pads` or `auto_pad`. */
function padsOf(context: NodeContext, x: Value, taps: Pair, strides: Pair, dilations: Pair): Pads {
  const auto = context.text('auto_pad', 'NOTSET');
  if (auto === 'VALID') return [0, 0, 0, 0];
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const [top, left, bottom, right] = ops.samePads([x.shape[1], x.shape[2]], taps, strides, dilations);
    return auto === 'SAME_UPPER' ? [top, left, bottom, right] : [bottom, right, top, left];
  }
  const pads = context.ints('pads') ?? [0, 0, 0, 0];
  if (pads.length !== 4) context.refuse(`has ${pads.length} pads where a picture has 4 (pads: [${pads}])`);
  return pads as unknown as Pads;
}

export const isPicture = (context: NodeContext): void => {
  const { shape } = context.operand(0);
  if (shape.length !== 4) context.refuse(`takes [${shape.join(',')}]; only pictures [N,C,H,W] are understood`);
};

/** Filters, a weight or computed: [K,C/groups,R,S] in the file, [R,S,C/groups,K] here. */
export function filterOf(context: NodeContext): Value {
  const filter = context.operand(1);
  if (filter.shape.length !== 4) context.refuse(`has filters [${filter.shape.join(',')}]; they must be [K,C,R,S]`);
  if (!(filter instanceof Fixed)) return permute(context.plain(filter), TO_RSCK);
  return context.parameter(filter, 'rsck', permuteShape(filter.shape, TO_RSCK), () =>
    permuteData(filter.data, filter.shape, TO_RSCK),
  );
}

// x: [N,C,H,W]  w: [K,C/groups,R,S]  bias: [K]  ->  [N,K,P,Q], all as in the file
const conv: Converter = (context) => {
  isPicture(context);
  const x = context.nhwc(context.operand(0));
  const w = filterOf(context);
  const strides = pair(context, 'strides', 1);
  const dilations = pair(context, 'dilations', 1);
  const pads = padsOf(context, x, [w.shape[0], w.shape[1]], strides, dilations);
  const y = ops.conv2d(x, w, { strides, pads, dilations, groups: context.int('group', 1) });
  return new Traced(context.has(2) ? ops.add(y, vector(context, 2)) : y, 'nhwc');
};

/** A bias: a weight, or computed. */
export function vector(context: NodeContext, index: number): Value {
  const bias = context.operand(index);
  if (!(bias instanceof Fixed)) return context.plain(bias);
  return context.parameter(bias, 'plain', bias.shape, () => toFloat32(bias.data));
}

function windowOf(context: NodeContext, x: Value) {
  const kernel = pair(context, 'kernel_shape', 1);
  const strides = pair(context, 'strides', 1);
  const dilations = pair(context, 'dilations', 1);
  const pads = padsOf(context, x, kernel, strides, dilations);
  return { kernel, strides, pads, dilations, ceilMode: context.int('ceil_mode', 0) === 1 };
}

const maxPool: Converter = (context) => {
  isPicture(context);
  const x = context.nhwc(context.operand(0));
  return new Traced(ops.maxPool(x, windowOf(context, x)), 'nhwc');
};

const averagePool: Converter = (context) => {
  isPicture(context);
  const x = context.nhwc(context.operand(0));
  const { dilations, ...window } = windowOf(context, x);
  if (dilations.some((d) => d !== 1)) context.refuse(`averages with dilations [${dilations}]; only 1 is understood`);
  const countIncludePad = context.int('count_include_pad', 0) === 1;
  return new Traced(ops.averagePool(x, { ...window, countIncludePad }), 'nhwc');
};

const overPicture =
  (reduce: (x: Value, axes: readonly number[], options: { keepDims: boolean }) => Value): Converter =>
  (context) => {
    isPicture(context);
    return new Traced(reduce(context.nhwc(context.operand(0)), [1, 2], { keepDims: true }), 'nhwc');
  };

/** (sum of |x|^p over the picture)^(1/p) */
const globalLpPool: Converter = (context) => {
  const p = context.int('p', 2);
  return overPicture((x, axes, options) => {
    if (p === 1) return ops.sum(ops.abs(x), axes, options);
    if (p === 2) return ops.sqrt(ops.sum(ops.square(x), axes, options));
    return ops.pow(ops.sum(ops.pow(ops.abs(x), p), axes, options), 1 / p);
  })(context);
};

export const window: Record<string, Converter> = {
  Conv: conv,
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: overPicture(ops.mean),
  GlobalMaxPool: overPicture(ops.reduceMax),
  GlobalLpPool: globalLpPool,
};
