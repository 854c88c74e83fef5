// resize.ts: pictures enlarged and reduced. Every output row and column has a place on the input, and reads the nearest
// element or a mix of its two neighbours there: each axis is a `take` or a blend of two, so gradients come for free.
// Formulas: ONNX operators Resize and Upsample; what they leave to the mode "cubic", to antialiasing and to crops is refused.

import type { Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import { normalizeAxis } from '../../../kernels/shape.ts';
import type { Converter, NodeContext } from '../context.ts';
import { nhwcAxis } from '../layout.ts';
import { MAX_SIDE } from '../limits.ts';
import { Traced } from '../operand.ts';
import { isPicture } from './window.ts';

/** One axis: elements in, elements out, and the scale that the formulas reckon with. */
interface Axis {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

/** Where output i lies on the input, in elements; runtimes compute in float32, and halves decide what is nearest. */
type Placing = (i: number, axis: Axis) => number;
/** The element nearest to a place. */
type Rounding = (place: number) => number;

const placings: Readonly<Record<string, Placing>> = {
  half_pixel: (i, { scale }) => Math.fround((i + 0.5) / scale) - 0.5,
  half_pixel_symmetric: (i, { from, to, scale }) =>
    (from / 2) * (1 - to / Math.fround(scale * from)) + Math.fround((i + 0.5) / scale) - 0.5,
  pytorch_half_pixel: (i, { to, scale }) => (to > 1 ? Math.fround((i + 0.5) / scale) - 0.5 : 0),
  align_corners: (i, { from, to }) => (to > 1 ? Math.fround((i * (from - 1)) / (to - 1)) : 0),
  asymmetric: (i, { scale }) => Math.fround(i / scale),
  tf_half_pixel_for_nn: (i, { scale }) => Math.fround((i + 0.5) / scale),
};

const roundings: Readonly<Record<string, Rounding>> = {
  round_prefer_floor: (place) => Math.ceil(place - 0.5),
  round_prefer_ceil: (place) => Math.floor(place + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** A row of a table by its name in the file. */
function named<T>(context: NodeContext, table: Readonly<Record<string, T>>, attribute: string, name: string): T {
  if (Object.hasOwn(table, name)) return table[name];
  return context.refuse(`has the ${attribute} "${name}"; understood are ${Object.keys(table).join(', ')}`);
}

const clamp = (index: number, { from }: Axis): number => Math.min(Math.max(index, 0), from - 1);
const outputs = ({ to }: Axis): number[] => Array.from({ length: to }, (_, i) => i);

/** Elements by index; nothing moves where each stays in its place. */
const picked = (x: Value, indices: readonly number[], along: number): Value =>
  indices.length === x.shape[along] && indices.every((index, i) => index === i) ? x : ops.take(x, indices, along);

const nearest = (x: Value, along: number, axis: Axis, place: Placing, round: Rounding): Value =>
  picked(
    x,
    outputs(axis).map((i) => clamp(round(place(i, axis)), axis)),
    along,
  );

/** Places beyond the first and the last element read those. */
function linear(x: Value, along: number, axis: Axis, place: Placing): Value {
  const places = outputs(axis).map((i) => clamp(place(i, axis), axis));
  const low = places.map(Math.floor);
  const shares = places.map((each, i) => each - low[i]);
  if (shares.every((share) => share === 0)) return picked(x, low, along);
  const high = low.map((each, i) => (shares[i] === 0 ? each : each + 1));
  // One share an output, in the shape that broadcasts: [to,1,..] up to the channels.
  const shape = x.shape.slice(along).map((_, i) => (i === 0 ? axis.to : 1));
  const weights = (data: number[]): Value => x.graph.constant({ shape, data: Float32Array.from(data) });
  return ops.add(
    ops.mul(picked(x, low, along), weights(shares.map((share) => 1 - share))),
    ops.mul(picked(x, high, along), weights(shares)),
  );
}

/** The two axes of a picture from the sizes or the scales of all axes of the file. */
function axesOf(context: NodeContext, x: Value, scales?: readonly number[], sizes?: readonly number[]): Axis[] {
  const { shape } = context.operand(0);
  const rank = shape.length;
  const along = (context.ints('axes') ?? shape.map((_, i) => i)).map((axis) => normalizeAxis('Resize', axis, rank));
  const given = scales ?? sizes ?? context.refuse('lacks the scales or the sizes to take');
  if (given.length !== along.length) {
    context.refuse(`has ${given.length} ${scales ? 'scales' : 'sizes'} for ${along.length} axes`);
  }
  const { fileBatch, batch } = context.state;
  const axes = shape.map((from, i): Axis => {
    const at = along.indexOf(i);
    if (at < 0) return { from, to: from, scale: 1 };
    if (scales) return { from, to: Math.floor(Math.fround(from * scales[at])), scale: scales[at] };
    // Files exported for one batch write it out; the batch that is traced takes its place.
    const isBatch = i === 0 && given[at] === fileBatch && from === batch;
    const to = isBatch ? from : given[at];
    return { from, to, scale: Math.fround(to / from) };
  });
  const shown = axes.map(({ to }) => to).join(',');
  if (axes.some(({ to }) => !Number.isInteger(to) || to < 1 || to > MAX_SIDE)) {
    context.refuse(`makes [${shown}] of [${shape.join(',')}]; sizes must be whole numbers from 1 to ${MAX_SIDE}`);
  }
  if (axes[0].to !== axes[0].from || axes[1].to !== axes[1].from) {
    context.refuse(`makes [${shown}] of [${shape.join(',')}]; only height and width may change`);
  }
  return axes.map((axis, i) => ({ ...axis, from: x.shape[nhwcAxis(i)] })).slice(2);
}

interface Manner {
  readonly scales?: readonly number[];
  readonly sizes?: readonly number[];
  readonly placing: string;
  readonly rounding: string;
}

function resized(context: NodeContext, { scales, sizes, placing, rounding }: Manner): Traced {
  isPicture(context);
  const x = context.nhwc(context.operand(0));
  const mode = context.text('mode', 'nearest');
  if (mode !== 'nearest' && mode !== 'linear' && mode !== 'bilinear') {
    context.refuse(`resizes in the mode "${mode}"; understood are nearest and linear`);
  }
  const place = named(context, placings, 'coordinate_transformation_mode', placing);
  const round = named(context, roundings, 'nearest_mode', rounding);
  const axes = axesOf(context, x, scales, sizes);
  const along = (value: Value, axis: Axis, i: number): Value =>
    mode === 'nearest' ? nearest(value, i + 1, axis, place, round) : linear(value, i + 1, axis, place);
  return new Traced(axes.reduce(along, x), 'nhwc');
}

/** A list of numbers that is an input and may be left out, or empty. */
function list(context: NodeContext, index: number, what: string): readonly number[] | undefined {
  const values = context.has(index) ? Array.from(context.fixed(index, what).data) : [];
  return values.length > 0 ? values : undefined;
}

/** The first version, of opset 10, reads scales alone and counts from the corner of the picture, as Upsample does. */
const resize: Converter = (context) => {
  if (context.opset < 11) {
    return resized(context, { scales: list(context, 1, 'scales'), placing: 'asymmetric', rounding: 'floor' });
  }
  if (context.int('antialias', 0) !== 0)
    context.refuse('smooths while it resizes (antialias), which is not understood');
  const policy = context.text('keep_aspect_ratio_policy', 'stretch');
  if (policy !== 'stretch') context.refuse(`has the keep_aspect_ratio_policy "${policy}"; understood is stretch`);
  return resized(context, {
    scales: list(context, 2, 'scales'),
    sizes: list(context, 3, 'sizes'),
    placing: context.text('coordinate_transformation_mode', 'half_pixel'),
    rounding: context.text('nearest_mode', 'round_prefer_floor'),
  });
};

/** Scales are an attribute before opset 9 and an input since. */
const upsample: Converter = (context) => {
  const scales = context.node.attributes.get('scales')?.floats ?? list(context, 1, 'scales');
  return resized(context, { scales, placing: 'asymmetric', rounding: 'floor' });
};

export const resizing: Record<string, Converter> = { Resize: resize, Upsample: upsample };
