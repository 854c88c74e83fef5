// window.ts: what slides over the picture: convolution, and what convolution and pooling (pool.ts) share. Rows [N,C,L] are
// taken for pictures of height 1.

import * as ops from '../../../engine/ops/index.ts';
import type { Value } from '../../../engine/graph.ts';
import { type Converter, type NodeContext, toFloat32 } from '../context.ts';
import { permute, permuteData, permuteShape } from '../layout.ts';
import { Fixed, Traced } from '../operand.ts';

type Pair = readonly [number, number];
type Pads = readonly [number, number, number, number];

/** [K,C,R,S] of the file to [R,S,C,K] of the engine. */
const TO_RSCK = [2, 3, 1, 0] as const;

/** The first input as maps that windows slide over. */
export interface Plane {
  readonly x: Value;
  /** Axes that windows slide along in the file: 2, or 1 for rows. */
  readonly axes: 1 | 2;
  /** The way back to the file's axes. */
  result(y: Value): Traced;
}

export function planeOf(context: NodeContext): Plane {
  const operand = context.operand(0);
  const { shape } = operand;
  if (shape.length === 4) return { x: context.nhwc(operand), axes: 2, result: (y) => new Traced(y, 'nhwc') };
  if (shape.length !== 3) {
    context.refuse(`takes [${shape.join(',')}]; only pictures [N,C,H,W] and rows [N,C,L] are understood`);
  }
  const [N, C, L] = shape;
  const x = ops.reshape(permute(context.plain(operand), [0, 2, 1]), [N, 1, L, C]);
  const result = (y: Value) => {
    const [batch, , length, channels] = y.shape;
    return new Traced(permute(ops.reshape(y, [batch, length, channels]), [0, 2, 1]));
  };
  return { x, axes: 1, result };
}

/** A list that is left out may also be there and empty. */
const given = (context: NodeContext, name: string): readonly number[] | undefined =>
  context.ints(name)?.length ? context.ints(name) : undefined;

/** Two numbers, down and across; along a row there is one, and `fallback` is what it is down. */
export function pair(context: NodeContext, name: string, fallback: number, axes: 1 | 2): Pair {
  const values = given(context, name) ?? new Array<number>(axes).fill(fallback);
  if (values.length !== axes) context.refuse(`has ${values.length} ${name} for ${axes} axes (${name}: [${values}])`);
  return axes === 2 ? [values[0], values[1]] : [fallback, values[0]];
}

/** Padding [top, left, bottom, right] as the attribute has it. */
export function givenPads(context: NodeContext, axes: 1 | 2): Pads {
  const pads = given(context, 'pads') ?? new Array<number>(2 * axes).fill(0);
  if (pads.length !== 2 * axes) context.refuse(`has ${pads.length} pads for ${axes} axes (pads: [${pads}])`);
  return axes === 2 ? [pads[0], pads[1], pads[2], pads[3]] : [0, pads[0], 0, pads[1]];
}

/** Padding [top, left, bottom, right] from `pads` or `auto_pad`. */
export function padsOf(context: NodeContext, { x, axes }: Plane, taps: Pair, strides: Pair, dilations: Pair): Pads {
  const auto = context.text('auto_pad', 'NOTSET');
  if (auto === 'VALID') return [0, 0, 0, 0];
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const [top, left, bottom, right] = ops.samePads([x.shape[1], x.shape[2]], taps, strides, dilations);
    return auto === 'SAME_UPPER' ? [top, left, bottom, right] : [bottom, right, top, left];
  }
  return givenPads(context, axes);
}

export const isPicture = (context: NodeContext): void => {
  const { shape } = context.operand(0);
  if (shape.length !== 4) context.refuse(`takes [${shape.join(',')}]; only pictures [N,C,H,W] are understood`);
};

/** Filters, a weight or computed: [K,C/groups,R,S] in the file ([K,C/groups,S] for rows), [R,S,C/groups,K] here. */
export function filterOf(context: NodeContext, axes: 1 | 2): Value {
  const filter = context.operand(1);
  const { shape } = filter;
  if (shape.length !== axes + 2) {
    const wanted = axes === 2 ? '[K,C,R,S]' : '[K,C,S]';
    context.refuse(`has filters [${shape.join(',')}]; they must be ${wanted}`);
  }
  const full = axes === 2 ? shape : [shape[0], shape[1], 1, shape[2]];
  if (!(filter instanceof Fixed)) return permute(ops.reshape(context.plain(filter), full), TO_RSCK);
  return context.parameter(filter, 'rsck', permuteShape(full, TO_RSCK), () => permuteData(filter.data, full, TO_RSCK));
}

// x: [N,C,H,W]  w: [K,C/groups,R,S]  bias: [K]  ->  [N,K,P,Q], all as in the file
const conv: Converter = (context) => {
  const plane = planeOf(context);
  const w = filterOf(context, plane.axes);
  const strides = pair(context, 'strides', 1, plane.axes);
  const dilations = pair(context, 'dilations', 1, plane.axes);
  const pads = padsOf(context, plane, [w.shape[0], w.shape[1]], strides, dilations);
  const y = ops.conv2d(plane.x, w, { strides, pads, dilations, groups: context.int('group', 1) });
  return plane.result(context.has(2) ? ops.add(y, vector(context, 2)) : y);
};

/** A bias: a weight, or computed. */
export function vector(context: NodeContext, index: number): Value {
  const bias = context.operand(index);
  if (!(bias instanceof Fixed)) return context.plain(bias);
  return context.parameter(bias, 'plain', bias.shape, () => toFloat32(bias.data));
}

export const window: Record<string, Converter> = { Conv: conv };
