// upsample.ts: maps brought to another size within a graph, as two products with fixed matrices.

import type { Tensor, Value } from '../../engine/graph.ts';
import { matmul, transpose } from '../../engine/ops/index.ts';
import { bilinearTaps } from '../render/maps.ts';

type Interpolation = 'bilinear' | 'nearest';

/** [to, from]: how much of each old position is in each new one. */
export function interpolationMatrix(from: number, to: number, interpolation: Interpolation): Tensor {
  const data = new Float32Array(to * from);
  if (interpolation === 'nearest') {
    for (let i = 0; i < to; i++) data[i * from + Math.floor((i * from) / to)] = 1;
  } else {
    for (const [i, { low, high, share }] of bilinearTaps(from, to).entries()) {
      data[i * from + low] += 1 - share;
      data[i * from + high] += share;
    }
  }
  return { shape: [to, from], data };
}

/** maps: [N,h,w] -> [N,H,W] */
export function upsample(maps: Value, [H, W]: readonly [number, number], interpolation: Interpolation): Value {
  const [, h, w] = maps.shape;
  const matrix = (from: number, to: number): Value => maps.graph.constant(interpolationMatrix(from, to, interpolation));
  const wide = matmul(maps, matrix(w, W), { transposeB: true });
  const turned = matmul(transpose(wide, [0, 2, 1]), matrix(h, H), { transposeB: true });
  return transpose(turned, [0, 2, 1]);
}
