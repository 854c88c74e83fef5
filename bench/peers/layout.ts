// layout.ts: numbers from one order of axes to another, for engines that lie pictures as NCHW or filters as [K,C,R,S].

import { permuteData } from '../../src/models/onnx/layout.ts';

type Shape = readonly number[];
const moved = (shape: Shape, order: readonly number[]): number[] => order.map((axis) => shape[axis]);

interface Laid {
  readonly data: Float32Array<ArrayBuffer>;
  readonly shape: number[];
}

const permuted = (data: ArrayLike<number>, shape: Shape, order: readonly number[]): Laid => ({
  data: permuteData(data, shape, order) as Float32Array<ArrayBuffer>,
  shape: moved(shape, order),
});

/** [N,H,W,C] -> [N,C,H,W] */
export const toNchw = (data: ArrayLike<number>, shape: Shape): Laid => permuted(data, shape, [0, 3, 1, 2]);
/** [N,C,H,W] -> [N,H,W,C] */
export const toNhwc = (data: ArrayLike<number>, shape: Shape): Laid => permuted(data, shape, [0, 2, 3, 1]);
/** [R,S,C,K] -> [K,C,R,S] */
export const toFileFilter = (data: ArrayLike<number>, shape: Shape): Laid => permuted(data, shape, [3, 2, 0, 1]);
/** [K,C,R,S] -> [R,S,C,K] */
export const fromFileFilter = (data: ArrayLike<number>, shape: Shape): Laid => permuted(data, shape, [2, 3, 1, 0]);
