// scaleSpace.ts: a picture at every blur, on the device: the scale space of a grid (T. Lindeberg, "Scale-space for discrete
// signals", PAMI 1990), where a blur by sigma is the heat equation ∂L/∂t = ½ ΔL run until t = sigma², Δ the differences to
// the four neighbours. No heat leaves at the edges, so each channel's mean is kept and no border darkens.
//
// All of it is diagonal in the cosine transform: with e_k = 1 - cos(π k/n) along each axis, a blur multiplies the coefficient
// (i, j) by exp(-sigma² (e_i + e_j)). So blurs are exact at any sigma, and so is their derivative. A kernel sampled from the
// continuous Gaussian is no blur at all below half a pixel, where pictures change most.

import type { Tensor, Value } from '../../engine/graph.ts';
import { add, exp, matmul, mul, neg, reshape, transpose } from '../../engine/ops/index.ts';

/** The orthonormal DCT-II, [n coefficients, n pixels]: sqrt(2/n) cos(π (j + ½) k / n), rows k, the first over sqrt(2). */
function cosineMatrix(n: number): Tensor {
  const data = Float32Array.from({ length: n * n }, (_, at) => {
    const [k, j] = [Math.floor(at / n), at % n];
    return Math.sqrt((k === 0 ? 1 : 2) / n) * Math.cos((Math.PI * (2 * j + 1) * k) / (2 * n));
  });
  return { shape: [n, n], data };
}

const decay = (n: number): Float32Array =>
  // 1 - cos a = 2 sin²(a/2) loses no digits where a is small.
  Float32Array.from({ length: n }, (_, k) => 2 * Math.sin((Math.PI * k) / (2 * n)) ** 2);

/** x: [1,H,W,C], sigma: [batch] in pixels  ->  the blurred pictures and their derivatives by sigma, both [batch,H,W,C]. */
export function traceScaleSpace(x: Value, sigma: Value): { readonly blurred: Value; readonly slope: Value } {
  const { graph } = x;
  const [, H, W] = x.shape;
  const rows = graph.constant(cosineMatrix(H));
  const columns = graph.constant(cosineMatrix(W));
  // Products act on the last axis, so the axes take turns there: [N,C,H,W] and [N,C,W,H].
  const spectrum = matmul(
    transpose(matmul(transpose(x, [0, 3, 2, 1]), rows, { transposeB: true }), [0, 1, 3, 2]),
    columns,
    { transposeB: true },
  );
  const picture = (coefficients: Value): Value =>
    transpose(matmul(transpose(matmul(coefficients, columns), [0, 1, 3, 2]), rows), [0, 3, 2, 1]);
  const rates = add(
    graph.constant({ shape: [1, 1, H, 1], data: decay(H) }),
    graph.constant({ shape: [1, 1, 1, W], data: decay(W) }),
  );
  const each = reshape(sigma, [sigma.shape[0], 1, 1, 1]);
  const blurred = mul(spectrum, exp(neg(mul(mul(each, each), rates))));
  return { blurred: picture(blurred), slope: picture(mul(blurred, mul(mul(-2, each), rates))) };
}
