// blocks.ts: what cuts a value into parts, repeats it, or moves blocks of pixels into channels and back.

import type { Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import { broadcastShapes, normalizeAxis, sizeOf } from '../../../kernels/shape.ts';
import type { Converter, NodeContext } from '../context.ts';
import { permuteShape, TO_NHWC } from '../layout.ts';
import { Traced } from '../operand.ts';
import { withAxes } from './shape.ts';

// Sizes are an attribute before opset 13 and an input since; without them the parts are equal, the last one maybe less.
const split: Converter = (context) => {
  const x = context.operand(0);
  const axis = normalizeAxis('Split', context.int('axis', 0), x.shape.length);
  const d = x.shape[axis];
  const count = context.node.outputs.length;
  const even = Math.ceil(d / count);
  const sizes = context.integers(1, 'split') ?? Array.from({ length: count }, (_, i) => Math.min(even, d - i * even));
  if (sizes.length !== count || sizes.some((size) => size < 1) || sizes.reduce((a, b) => a + b, 0) !== d) {
    context.refuse(`cuts ${d} elements into ${count} parts of [${sizes.join(',')}], which do not fit`);
  }
  const { value, place, result } = withAxes(context, x);
  let end = 0;
  return sizes.map((size) => {
    const start = end;
    end += size;
    return result(ops.slice(value, { starts: [start], ends: [end], axes: [place(axis)] }));
  });
};

const expand: Converter = (context) => {
  const x = context.operand(0);
  const sizes = Array.from(context.fixed(1, 'shape').data);
  const shape = broadcastShapes('Expand', [x.shape, sizes]);
  if (shape.join() === x.shape.join()) return x;
  if (x instanceof Traced && x.layout === 'nhwc' && shape.length === 4) {
    return new Traced(ops.broadcastTo(x.value, permuteShape(shape, TO_NHWC)), 'nhwc');
  }
  return new Traced(ops.broadcastTo(context.plain(x), shape));
};

/** x `count` times over along the axis. */
function repeated(x: Value, axis: number, count: number): Value {
  if (count === 1) return x;
  const [outer, inner] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))];
  const shape = x.shape.map((d, i) => (i === axis ? d * count : d));
  return ops.reshape(ops.broadcastTo(ops.reshape(x, [outer, 1, inner]), [outer, count, inner]), shape);
}

const tile: Converter = (context) => {
  const x = context.operand(0);
  const counts = Array.from(context.fixed(1, 'repeats').data);
  if (counts.length !== x.shape.length || counts.some((count) => count < 1)) {
    context.refuse(
      `repeats [${x.shape.join(',')}] by [${counts.join(',')}]; one number of at least 1 an axis is needed`,
    );
  }
  const { value, place, result } = withAxes(context, x);
  return result(counts.reduce((y, count, axis) => repeated(y, place(axis), count), value));
};

/** The map that is moved about, and the size of its blocks. */
function blockMap(context: NodeContext): { x: Value; b: number } {
  const x = context.operand(0);
  const b = context.int('blocksize', 1);
  if (x.shape.length !== 4) context.refuse(`takes [${x.shape.join(',')}]; only pictures [N,C,H,W] are understood`);
  return { x: context.nhwc(x), b };
}

// [N, H, W, C] -> [N, H/b, W/b, b b C]: the channels of a block's pixels one after another in mode DCR (the default and
// all that there is before opset 26), in mode CRD the pixels of each channel.
const spaceToDepth: Converter = (context) => {
  const { x, b } = blockMap(context);
  const [N, H, W, C] = x.shape;
  if (H % b !== 0 || W % b !== 0)
    context.refuse(`cuts ${H}x${W} pixels into blocks of ${b}, which does not come out even`);
  const apart = ops.reshape(x, [(N * H) / b, b, W / b, b * C]);
  const pixels = ops.transpose(apart, [0, 2, 1, 3]);
  const isPixelFirst = context.text('mode', 'DCR') === 'DCR';
  const blocks = isPixelFirst
    ? pixels
    : ops.transpose(ops.reshape(pixels, [(N * H * W) / (b * b), b * b, C]), [0, 2, 1]);
  return new Traced(ops.reshape(blocks, [N, H / b, W / b, b * b * C]), 'nhwc');
};

// [N, H, W, b b C] -> [N, H b, W b, C]. In mode CRD the b b numbers of a channel lie together in the file, in mode DCR
// (the default) the channels of a pixel.
const depthToSpace: Converter = (context) => {
  const { x, b } = blockMap(context);
  const [N, H, W, depth] = x.shape;
  const C = depth / (b * b);
  if (!Number.isInteger(C))
    context.refuse(`makes blocks of ${b}x${b} pixels from ${depth} channels, which does not come out even`);
  const isPixelFirst = context.text('mode', 'DCR') === 'DCR';
  const pixels = isPixelFirst ? x : ops.transpose(ops.reshape(x, [N * H * W, C, b * b]), [0, 2, 1]);
  const apart = ops.reshape(pixels, [N * H, W, b, b * C]);
  return new Traced(ops.reshape(ops.transpose(apart, [0, 2, 1, 3]), [N, H * b, W * b, C]), 'nhwc');
};

export const blocks: Record<string, Converter> = {
  Split: split,
  Expand: expand,
  Tile: tile,
  SpaceToDepth: spaceToDepth,
  DepthToSpace: depthToSpace,
};
