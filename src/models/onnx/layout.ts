// layout.ts: the order in which the axes of a value lie in the engine, against that of the file, and the way between.
//
// The file is channels-first (NCHW), the engine channels-last (NHWC). A traced value says how it lies:
//   'nhwc'         rank 4 in the file, [N,C,H,W] there, [N,H,W,C] here
//   'split'        [N,a,b,..,H,W] in the file, channels in parts (a channel shuffle has them), [N,H,W,a,b,..] here
//   'plain'        as in the file
//   {flattened}    [N, C*H*W] in the file, flattened from [N,C,H,W]; here [N, H*W*C]. What a Gemm behind it does with the
//                  columns is undone in the rows of its weights, once, so that nothing moves at run time.

import type { Tensor, Value } from '../../engine/graph.ts';
import { reshape, transpose } from '../../engine/ops/index.ts';
import { sizeOf, stridesOf } from '../../kernels/shape.ts';
import type { Shape } from '../../kernels/types.ts';
import { ModelError } from '../error.ts';

export interface Flattened {
  /** [H, W, C] of the map whose columns these are. */
  readonly flattened: readonly [number, number, number];
}
export type Layout = 'plain' | 'nhwc' | 'split' | Flattened;

/** File axes in the order in which an nhwc value has them, and back. */
export const TO_NHWC = [0, 2, 3, 1] as const;
export const TO_NCHW = [0, 3, 1, 2] as const;

/** The same for any count of axes between N and H, W: all that is moved are H and W. */
const toPixels = (rank: number): number[] => [0, rank - 2, rank - 1, ...middle(rank).map((i) => i + 1)];
const fromPixels = (rank: number): number[] => [0, ...middle(rank).map((i) => i + 3), 1, 2];
const middle = (rank: number): number[] => Array.from({ length: rank - 3 }, (_, i) => i);

/** Where axis `axis` of the file lies in an nhwc value. */
export const nhwcAxis = (axis: number): number => TO_NHWC.indexOf(axis as 0 | 1 | 2 | 3);

export const permuteShape = (shape: Shape, perm: readonly number[]): number[] => perm.map((axis) => shape[axis]);

/** The shape that the file gives a value of this layout. */
export function fileShape(shape: Shape, layout: Layout): Shape {
  return layout === 'nhwc' || layout === 'split' ? permuteShape(shape, fromPixels(shape.length)) : shape;
}

/** Numbers of an array with its axes in another order: axis i of the result is axis perm[i] of x. */
export function permuteData(data: ArrayLike<number>, shape: Shape, perm: readonly number[]): Float32Array {
  const strides = permuteShape(stridesOf(shape), perm);
  const sizes = permuteShape(shape, perm);
  const result = new Float32Array(data.length);
  const last = sizes.length - 1;
  if (last < 0) return Float32Array.from(data);
  const index = new Array<number>(last).fill(0);
  const step = strides[last];
  for (let to = 0, from = 0; to < result.length; ) {
    for (let i = 0, at = from; i < sizes[last]; i++, at += step) result[to++] = data[at];
    for (let axis = last - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < sizes[axis]) break;
      from -= strides[axis] * sizes[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/** The axes of a value in another order; only renamed where all that moves are axes of size 1. */
export function permute(value: Value, perm: readonly number[]): Value {
  const moving = perm.filter((axis) => value.shape[axis] !== 1);
  const isRenaming = moving.every((axis, i) => i === 0 || axis > moving[i - 1]);
  return isRenaming ? reshape(value, permuteShape(value.shape, perm)) : transpose(value, perm);
}

/** The value in the file's own order. */
export function toPlain(value: Value, layout: Layout): Value {
  if (layout === 'plain') return value;
  if (layout === 'nhwc' || layout === 'split') return permute(value, fromPixels(value.shape.length));
  const map = reshape(value, [value.shape[0], ...layout.flattened]);
  return reshape(permute(map, TO_NCHW), value.shape);
}

/** Activations read back from the engine, as the file has them: what raw output is written from. */
export function toFileLayout(data: ArrayLike<number>, layout: Layout, shape: Shape): Tensor {
  checkSize(data, shape);
  if (layout === 'plain') return { shape, data: Float32Array.from(data) };
  const map = typeof layout === 'object' ? [shape[0], ...layout.flattened] : shape;
  return { shape: fileShape(shape, layout), data: permuteData(data, map, fromPixels(map.length)) };
}

/** Numbers in the file's layout (a raw input, an activation) as the engine wants them. `shape` is the file's. */
export function fromFileLayout(data: ArrayLike<number>, layout: Layout, shape: Shape): Tensor {
  checkSize(data, shape);
  if (layout === 'plain') return { shape, data: Float32Array.from(data) };
  if (typeof layout !== 'object') {
    const order = toPixels(shape.length);
    return { shape: permuteShape(shape, order), data: permuteData(data, shape, order) };
  }
  const [H, W, C] = layout.flattened;
  return { shape, data: permuteData(data, [shape[0], C, H, W], TO_NHWC) };
}

function checkSize(data: ArrayLike<number>, shape: Shape): void {
  if (data.length !== sizeOf(shape)) {
    throw new ModelError(`${data.length} numbers do not fill the shape [${shape.join(',')}]. Give ${sizeOf(shape)}.`);
  }
}
