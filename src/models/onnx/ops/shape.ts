// shape.ts: what renames, cuts, joins and turns axes. Most of it moves no numbers.

import * as ops from '../../../engine/ops/index.ts';
import { normalizeAxis, sizeOf } from '../../../kernels/shape.ts';
import type { Shape } from '../../../kernels/types.ts';
import type { Converter, NodeContext } from '../context.ts';
import { nhwcAxis, permute, TO_NHWC } from '../layout.ts';
import { MAX_SIDE } from '../limits.ts';
import { Fixed, type Operand, Traced } from '../operand.ts';

/** x under another shape of the file. Maps that become rows keep their order in memory, see `Flattened`. */
function reshaped(context: NodeContext, x: Operand, shape: Shape): Operand {
  if (sizeOf(shape) !== sizeOf(x.shape)) {
    context.refuse(
      `cannot reshape [${x.shape.join(',')}] to [${shape.join(',')}]; the file fixes sizes that do not fit`,
    );
  }
  if (x instanceof Fixed) return new Fixed(x.name, shape, x.isInteger, x.isStable, () => x.data, x.type);
  if (shape.join() === x.shape.join()) return x;
  const [, H, W, C] = x.value.shape;
  const isRows = x.layout === 'nhwc' && shape.length === 2 && shape[0] === x.shape[0];
  if (isRows && C > 1 && H * W > 1) return new Traced(ops.reshape(x.value, shape), { flattened: [H, W, C] });
  return resplit(x, shape) ?? new Traced(ops.reshape(context.plain(x), shape));
}

/** A map whose channels alone are cut into parts or joined again: pixels stay where they are. */
function resplit({ value, layout, shape: [batch, ...rest] }: Traced, target: Shape): Traced | undefined {
  if (layout !== 'nhwc' && layout !== 'split') return undefined;
  const isOfChannels = target.length >= 4 && target[0] === batch && target.slice(-2).join() === rest.slice(-2).join();
  if (!isOfChannels) return undefined;
  const parts = target.slice(1, -2);
  return new Traced(ops.reshape(value, [batch, ...target.slice(-2), ...parts]), parts.length === 1 ? 'nhwc' : 'split');
}

// 0 copies a size of the input (unless allowzero), -1 stands for what is left.
const reshape: Converter = (context) => {
  const x = context.operand(0);
  const target = [...(context.integers(1, 'shape') ?? context.refuse('lacks the shape to take'))];
  const { fileBatch, batch } = context.state;
  const isCopy = context.int('allowzero', 0) === 0;
  const sizes = target.map((d, axis) => (d === 0 && isCopy ? x.shape[axis] : d));
  // Files exported for one batch write it out, mostly 1; the batch that is traced takes its place.
  const isOfPictures = x instanceof Traced && x.shape[0] % batch === 0;
  const isBatchFirst = isOfPictures && sizes[0] === fileBatch && sizes.length > 1;
  if (isBatchFirst) sizes[0] = batch;
  const open = sizes.indexOf(-1);
  if (open >= 0) {
    const known = sizes.reduce((product, d, axis) => (axis === open ? product : product * d), 1);
    sizes[open] = known === 0 ? 0 : sizeOf(x.shape) / known;
  } else if (x instanceof Traced && fileBatch !== undefined) {
    // Or grows the first axis, where that counts parts of pictures: windows of a transformer.
    const first = (sizes[0] * batch) / fileBatch;
    const isGrown = Number.isInteger(first) && sizeOf(sizes) * batch === sizeOf(x.shape) * fileBatch;
    if (isGrown) sizes[0] = first;
  }
  return reshaped(context, x, sizes);
};

const flatten: Converter = (context) => {
  const x = context.operand(0);
  const axis = context.int('axis', 1);
  const split = axis < 0 ? axis + x.shape.length : axis;
  return reshaped(context, x, [sizeOf(x.shape.slice(0, split)), sizeOf(x.shape.slice(split))]);
};

const squeeze: Converter = (context) => {
  const x = context.operand(0);
  const given = context.integers(1, 'axes')?.map((axis) => normalizeAxis('Squeeze', axis, x.shape.length));
  const kept = x.shape.filter((d, axis) => (given ? !given.includes(axis) : d !== 1));
  return reshaped(context, x, kept);
};

const unsqueeze: Converter = (context) => {
  const x = context.operand(0);
  const axes = context.integers(1, 'axes') ?? context.refuse('lacks its axes');
  const rank = x.shape.length + axes.length;
  const added = new Set(axes.map((axis) => normalizeAxis('Unsqueeze', axis, rank)));
  const rest = [...x.shape];
  return reshaped(
    context,
    x,
    Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.shift() as number))),
  );
};

const isAscending = (axes: readonly number[]): boolean => axes.every((axis, i) => axis === i);

const transpose: Converter = (context) => {
  const x = context.operand(0);
  const perm = context.ints('perm') ?? x.shape.map((_, axis) => x.shape.length - 1 - axis);
  if (x instanceof Fixed || x.layout === 'plain') {
    const value = context.plain(x);
    // Channels-last in the file, channels-first from here on: the same numbers, called nhwc.
    const isRenaming = perm.length === 4 && isAscending(TO_NHWC.map((axis) => perm[axis]));
    return isRenaming ? new Traced(value, 'nhwc') : new Traced(permute(value, perm));
  }
  // Parts of channels change places.
  const last = perm.length - 2;
  if (x.layout === 'split' && [0, last, last + 1].every((axis) => perm[axis] === axis)) {
    return new Traced(permute(x.value, [0, 1, 2, ...perm.slice(1, last).map((axis) => axis + 2)]), 'split');
  }
  // And the other way round: an nhwc value turned to [N,H,W,C] is already there.
  if (x.layout === 'nhwc' && perm.join() === TO_NHWC.join()) return new Traced(x.value);
  return new Traced(permute(context.plain(x), perm));
};

/** The operand in a layout, with the way from axes of the file to those of the value. */
export function withAxes(context: NodeContext, x: Operand) {
  if (x instanceof Traced && x.layout === 'nhwc') {
    return { value: x.value, place: nhwcAxis, result: (y: Traced['value']) => new Traced(y, 'nhwc') };
  }
  const place = (axis: number) => axis;
  return { value: context.plain(x), place, result: (y: Traced['value']) => new Traced(y) };
}

/** What a file made for one picture joins to it (a class token) is joined to each. */
function toEach(context: NodeContext, part: Operand, others: readonly Operand[]): Operand {
  const { fileBatch, batch } = context.state;
  const isOfMany = others.some((other) => other instanceof Traced && other.shape[0] === batch);
  if (!(part instanceof Fixed) || fileBatch !== 1 || part.shape[0] !== 1 || !isOfMany) return part;
  return new Traced(ops.broadcastTo(context.plain(part), [batch, ...part.shape.slice(1)]));
}

const concat: Converter = (context) => {
  const all = [context.operand(0), ...context.inputs.slice(1).map((_, i) => context.operand(i + 1))];
  const filled = all.filter(({ shape }) => !shape.includes(0));
  const [first] = filled.length > 0 ? filled : all;
  if (filled.length < 2) return first;
  const axis = normalizeAxis('Concat', context.int('axis', 1), first.shape.length);
  const parts = axis === 0 ? filled : filled.map((part) => toEach(context, part, filled));
  const isMap = parts.some((part) => part instanceof Traced && part.layout === 'nhwc');
  if (isMap)
    return new Traced(
      ops.concat(
        parts.map((part) => context.nhwc(part)),
        nhwcAxis(axis),
      ),
      'nhwc',
    );
  return new Traced(
    ops.concat(
      parts.map((part) => context.plain(part)),
      axis,
    ),
  );
};

/** How many elements of an axis of d lie in a range. */
function countIn(d: number, start: number, end: number, step: number): number {
  const [lowest, highest] = step < 0 ? [-1, d - 1] : [0, d];
  const inside = (index: number) => Math.min(Math.max(index < 0 ? index + d : index, lowest), highest);
  return Math.max(0, Math.ceil((inside(end) - inside(start)) / step));
}

// Before opset 10 the ranges are attributes.
const slice: Converter = (context) => {
  const x = context.operand(0);
  const rank = x.shape.length;
  const starts = context.integers(1, 'starts') ?? context.refuse('lacks its starts');
  const ends = context.integers(2, 'ends') ?? context.refuse('lacks its ends');
  const along = context.integers(3, 'axes') ?? starts.map((_, i) => i);
  const steps = context.integers(4, 'steps');
  if ([ends, along, steps ?? starts].some(({ length }) => length !== starts.length)) {
    const counts = `${starts.length} starts, ${ends.length} ends, ${along.length} axes`;
    context.refuse(`has ${counts}${steps ? ` and ${steps.length} steps` : ''}, where one of each is needed`);
  }
  const named = along.map((axis) => normalizeAxis('Slice', axis, rank));
  // Files cut nothing off a shape or a map and join it with the rest; what is empty is known.
  const left = [...x.shape];
  named.forEach((axis, i) => void (left[axis] = countIn(x.shape[axis], starts[i], ends[i], steps?.[i] ?? 1)));
  if (left.includes(0)) {
    const isStable = x instanceof Fixed && x.isStable;
    return new Fixed(context.node.outputs[0], left, x.isInteger ?? false, isStable, () => new Float64Array());
  }
  const { value, place, result } = withAxes(context, x);
  return result(ops.slice(value, { starts, ends, axes: named.map(place), steps }));
};

const pad: Converter = (context) => {
  const x = context.operand(0);
  const rank = x.shape.length;
  const amounts = context.integers(1, 'pads') ?? context.refuse('lacks its pads');
  const axes = context.has(3) ? Array.from(context.fixed(3, 'axes').data) : x.shape.map((_, i) => i);
  const mode = context.text('mode', 'constant');
  if (mode !== 'constant' && mode !== 'reflect' && mode !== 'edge' && mode !== 'wrap')
    return context.refuse(`pads in the unknown mode "${mode}"`);
  if (amounts.length !== 2 * axes.length || !amounts.every((pad) => Math.abs(pad) <= MAX_SIDE)) {
    context.refuse(
      `has the pads [${amounts.join(',')}] for ${axes.length} axes; two an axis up to ${MAX_SIDE} are needed`,
    );
  }
  const { value, place, result } = withAxes(context, x);
  const pads = new Array<number>(2 * rank).fill(0);
  axes.forEach((raw, i) => {
    const axis = place(normalizeAxis('Pad', raw, rank));
    pads[axis] = amounts[i];
    pads[axis + rank] = amounts[i + axes.length];
  });
  return result(ops.pad(value, { pads, mode, value: context.scalar(2, 'value') ?? 0 }));
};

/** Elements of a list of known numbers, by their places along an axis. */
function pickedNumbers(context: NodeContext, x: Fixed, indices: Fixed, places: readonly number[], axis: number): Fixed {
  const [outer, inner] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis + 1))];
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const read = () => {
    const data = x.isInteger ? new Float64Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
    let at = 0;
    for (let i = 0; i < outer; i++) {
      for (const place of places) {
        const from = (i * x.shape[axis] + place) * inner;
        data.set(x.data.subarray(from, from + inner), at);
        at += inner;
      }
    }
    return data;
  };
  return new Fixed(context.node.outputs[0], shape, x.isInteger, x.isStable && indices.isStable, read, x.type);
}

// The axes of the indices take the place of the axis that they speak of: one index leaves none.
const gather: Converter = (context) => {
  const x = context.operand(0);
  const indices = context.fixed(1, 'indices');
  const axis = normalizeAxis('Gather', context.int('axis', 0), x.shape.length);
  const d = x.shape[axis];
  const places = Array.from(indices.data, (index) => (index < 0 ? index + d : index));
  if (places.length === 0 || !places.every((place) => Number.isInteger(place) && place >= 0 && place < d)) {
    context.refuse(`picks [${Array.from(indices.data.slice(0, 8))}] of the ${d} elements of axis ${axis}`);
  }
  if (x instanceof Fixed) return pickedNumbers(context, x, indices, places, axis);
  const { value, place, result } = withAxes(context, x);
  const isRun = places.every((each, i) => each === places[0] + i);
  const along = place(axis);
  const part = isRun
    ? ops.slice(value, { starts: [places[0]], ends: [places[0] + places.length], axes: [along] })
    : ops.take(value, places, along);
  const picked = result(part);
  if (indices.shape.length === 1) return picked;
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  return new Traced(ops.reshape(context.plain(picked), shape));
};

export const shape: Record<string, Converter> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Slice: slice,
  Pad: pad,
  Gather: gather,
};
