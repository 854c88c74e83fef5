// matrix.ts: fully connected layers and matrix products.

import type { Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import { type Converter, type NodeContext, toFloat32 } from '../context.ts';
import { type Flattened, permuteData } from '../layout.ts';
import { Fixed, type Operand, Traced } from '../operand.ts';

/**
 * Weights [inputs, outputs] from [inputs, outputs] or, if `isTransposed`, [outputs, inputs] of the file, times `scale`.
 * Behind a flattened map the rows go from the order C,H,W of the file to H,W,C of the engine.
 */
function weightMatrix(context: NodeContext, w: Fixed, isTransposed: boolean, scale: number, map?: Flattened): Value {
  const [inputs, outputs] = isTransposed ? [w.shape[1], w.shape[0]] : w.shape;
  const [H, W, C] = map?.flattened ?? [1, 1, inputs];
  if (H * W * C !== inputs) {
    context.refuse(
      `expects ${inputs} inputs and gets ${H * W * C} (${C} channels of ${H}x${W}). ` +
        'Its size of picture is fixed by these weights: use the one that the network was made for',
    );
  }
  const split = isTransposed ? [outputs, C, H, W] : [C, H, W, outputs];
  const perm = isTransposed ? [2, 3, 1, 0] : [1, 2, 0, 3];
  const form = `matrix ${isTransposed ? 'transposed ' : ''}${scale} ${[H, W, C]}`;
  return context.parameter(w, form, [inputs, outputs], () => {
    const data = permuteData(w.data, split, perm);
    return scale === 1 ? data : data.map((v) => v * scale);
  });
}

/** The first operand of a product with known weights: flattened maps stay as they lie. */
function rows(context: NodeContext, a: Operand): { value: Value; map?: Flattened } {
  if (a instanceof Traced && typeof a.layout === 'object') return { value: a.value, map: a.layout };
  return { value: context.plain(a) };
}

// Y = alpha A' B' + beta C
const gemm: Converter = (context) => {
  const [a, b] = [context.operand(0), context.operand(1)];
  if (a.shape.length !== 2 || b.shape.length !== 2) {
    context.refuse(`multiplies [${a.shape.join(',')}] by [${b.shape.join(',')}]; both must have 2 axes`);
  }
  const alpha = context.float('alpha', 1);
  const beta = context.float('beta', 1);
  const transposeA = context.int('transA', 0) === 1;
  const transposeB = context.int('transB', 0) === 1;
  let y: Value;
  if (b instanceof Fixed && !transposeA) {
    const { value, map } = rows(context, a);
    y = ops.matmul(value, weightMatrix(context, b, transposeB, alpha, map));
  } else {
    const product = ops.matmul(context.plain(a), context.plain(b), { transposeA, transposeB });
    y = alpha === 1 ? product : ops.mul(product, alpha);
  }
  if (!context.has(2)) return new Traced(y);
  const c = context.operand(2);
  if (!(c instanceof Fixed)) {
    const bias = context.plain(c);
    return new Traced(ops.add(y, beta === 1 ? bias : ops.mul(bias, beta)));
  }
  const shape = c.shape.length === 2 && c.shape[0] === 1 ? [c.shape[1]] : c.shape;
  const bias = context.parameter(c, `bias ${beta}`, shape, () =>
    beta === 1 ? toFloat32(c.data) : Float32Array.from(c.data, (v) => v * beta),
  );
  return new Traced(ops.add(y, bias));
};

// A vector stands for one row on the left and one column on the right, which the result then lacks.
const matMul: Converter = (context) => {
  const [a, b] = [context.operand(0), context.operand(1)];
  if (a.shape.length === 0 || b.shape.length === 0) {
    context.refuse(`multiplies [${a.shape.join(',')}] by [${b.shape.join(',')}]; both must have an axis at least`);
  }
  const left = a.shape.length === 1 ? under(context, a, [1, a.shape[0]]) : a;
  const right = b.shape.length === 1 ? under(context, b, [b.shape[0], 1]) : b;
  const y = productOf(context, left, right);
  if (left === a && right === b) return new Traced(y);
  const [rows, columns] = [left === a ? y.shape.slice(-2, -1) : [], right === b ? y.shape.slice(-1) : []];
  return new Traced(ops.reshape(y, [...y.shape.slice(0, -2), ...rows, ...columns]));
};

/** A vector under two axes. */
const under = (context: NodeContext, x: Operand, shape: readonly number[]): Operand =>
  x instanceof Fixed
    ? new Fixed(x.name, shape, x.isInteger, x.isStable, () => x.data, x.type)
    : new Traced(ops.reshape(context.plain(x), shape));

function productOf(context: NodeContext, a: Operand, b: Operand): Value {
  if (b instanceof Fixed && b.shape.length === 2) {
    const { value, map } = rows(context, a);
    return ops.matmul(value, weightMatrix(context, b, false, 1, map));
  }
  const weight = (x: Operand) => (x instanceof Fixed ? context.weightAgainst('plain', x) : context.plain(x));
  return batchedProduct(weight(a), weight(b));
}

/** NumPy's rules: batch axes broadcast. The engine wants them equal, or b without any. */
function batchedProduct(a: Value, b: Value): Value {
  const rank = Math.max(a.shape.length, b.shape.length);
  if (b.shape.length === 2 && a.shape.length >= 2) return ops.matmul(a, b);
  const batchOf = ({ shape }: Value) => [...new Array<number>(rank - shape.length).fill(1), ...shape.slice(0, -2)];
  const [left, right] = [batchOf(a), batchOf(b)];
  const batch = left.map((d, i) => (d === 1 ? right[i] : d));
  const stretch = (x: Value) => ops.broadcastTo(x, [...batch, ...x.shape.slice(-2)]);
  return ops.matmul(stretch(a), stretch(b));
}

export const matrix: Record<string, Converter> = { Gemm: gemm, MatMul: matMul };
