// transposed.ts: transposed convolution, what decoders and generators grow pictures with. It is the gradient of a
// convolution with respect to its picture, and the engine has that as an op.

import type { Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import type { Converter, NodeContext } from '../context.ts';
import { filterOf, givenPads, pair, planeOf, vector } from './window.ts';

/** One axis of a transposed convolution. */
interface Axis {
  /** Outputs that are left, and how many were cut off before the first. */
  readonly size: number;
  readonly cut: number;
}

/**
 * Of what is cut off in all, the part before the first output. The odd one is cut off at the end by SAME_UPPER, at the
 * beginning by SAME_LOWER; sizes given without either took the first way before opset 11 and take the second since.
 */
function before(context: NodeContext, total: number, auto: string): number {
  const isUpper = auto === 'SAME_UPPER' || (auto !== 'SAME_LOWER' && context.opset < 11);
  return isUpper ? Math.floor(total / 2) : Math.ceil(total / 2);
}

/**
 * Sizes and cuts from `pads`, `auto_pad` or `output_shape`, down and across. `full` is all that taps reach with the
 * output padding, `grown` the input times the stride.
 */
function axesOf(context: NodeContext, full: readonly number[], grown: readonly number[], axes: 1 | 2): Axis[] {
  const auto = context.text('auto_pad', 'NOTSET');
  const isSame = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  // Some files write all four sizes; those of the picture come last.
  const given = context.ints('output_shape')?.slice(-axes);
  if (given && given.length !== axes) context.refuse(`has the output_shape [${given}] for ${axes} axes`);
  const sizes = (axes === 1 && given ? [1, ...given] : given) ?? (isSame ? grown : undefined);
  const pads = auto === 'NOTSET' ? givenPads(context, axes) : [0, 0, 0, 0];
  return full.map((each, axis) => {
    if (!sizes) return { size: each - pads[axis] - pads[axis + 2], cut: pads[axis] };
    // A size beyond what the taps reach is filled with zeros at the end.
    return { size: sizes[axis], cut: before(context, Math.max(0, each - sizes[axis]), auto) };
  });
}

// x: [N,C,P,Q]  w: [C,M/groups,R,S]  bias: [M]  ->  [N,M,H,W], all as in the file
const convTranspose: Converter = (context) => {
  const { x, axes: along, result } = planeOf(context);
  // The forward convolution has M channels and C filters: [filters, channels, R, S] is what the file holds.
  const w = filterOf(context, along);
  if (w.shape[3] !== x.shape[3]) context.refuse(`has filters for ${w.shape[3]} channels and gets ${x.shape[3]}`);
  const strides = pair(context, 'strides', 1, along);
  const dilations = pair(context, 'dilations', 1, along);
  const extra = pair(context, 'output_padding', 0, along);
  const places = [x.shape[1], x.shape[2]];
  const reach = [0, 1].map((axis) => (places[axis] - 1) * strides[axis] + dilations[axis] * (w.shape[axis] - 1) + 1);
  const axes = axesOf(
    context,
    reach.map((each, axis) => each + extra[axis]),
    places.map((each, axis) => each * strides[axis]),
    along,
  );
  const left = axes.map(({ size }) => size).join('x');
  if (axes.some(({ size }) => size < 1)) context.refuse(`cuts off more than it makes: ${left} would be left`);
  // Behind the last tap there is nothing but zeros. The forward convolution would find room for one place more there.
  const reached = axes.map(({ size, cut }, axis) => Math.min(size, reach[axis] + strides[axis] - 1 - cut));
  const ends = axes.map(({ cut }, axis) => Math.max(0, reach[axis] - cut - reached[axis]));
  const y = ops.conv2dInput(x, w, {
    inputSize: [reached[0], reached[1]],
    strides,
    pads: [axes[0].cut, axes[1].cut, ends[0], ends[1]],
    dilations,
    groups: context.int('group', 1),
  });
  const whole = padded(y, axes[0].size - reached[0], axes[1].size - reached[1]);
  return result(context.has(2) ? ops.add(whole, vector(context, 2)) : whole);
};

const padded = (y: Value, below: number, right: number): Value =>
  below === 0 && right === 0 ? y : ops.pad(y, { pads: [0, 0, 0, 0, 0, below, right, 0] });

export const transposed: Record<string, Converter> = { ConvTranspose: convTranspose };
