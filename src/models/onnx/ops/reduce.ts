// reduce.ts: sums, products, means, norms and extremes over axes, and where the extremes are.

import type { Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import { normalizeAxis } from '../../../kernels/shape.ts';
import type { Converter, NodeContext } from '../context.ts';
import { nhwcAxis, permute, TO_NHWC } from '../layout.ts';
import { type Operand, Traced } from '../operand.ts';

type Reduce = (x: Value, axes: readonly number[], options: { keepDims: boolean }) => Value;

/** x reduced over axes of the file, in whatever layout it lies. */
function reduced(context: NodeContext, x: Operand, axes: readonly number[], keepDims: boolean, reduce: Reduce): Traced {
  if (!(x instanceof Traced) || x.layout !== 'nhwc') return new Traced(reduce(context.plain(x), axes, { keepDims }));
  const y = reduce(x.value, axes.map(nhwcAxis), { keepDims });
  if (keepDims) return new Traced(y, 'nhwc');
  // Axes that are left, in the engine's order; the file wants them ascending.
  const left = TO_NHWC.filter((axis) => !axes.includes(axis)) as number[];
  const ascending = [...left].sort((a, b) => a - b);
  return new Traced(
    permute(
      y,
      ascending.map((axis) => left.indexOf(axis)),
    ),
  );
}

const reducing =
  (reduce: Reduce): Converter =>
  (context) => {
    const x = context.operand(0);
    const rank = x.shape.length;
    const given = context.integers(1, 'axes') ?? [];
    const all = Array.from({ length: rank }, (_, axis) => axis);
    if (given.length === 0 && context.int('noop_with_empty_axes', 0) === 1) {
      // Nothing is joined, but what comes before and after is done (a square, a logarithm): each element by itself.
      const each = context.plain(x);
      return new Traced(reduce(ops.reshape(each, [...x.shape, 1]), [rank], { keepDims: false }));
    }
    const axes = given.length === 0 ? all : given.map((axis) => normalizeAxis(context.node.op, axis, rank));
    return reduced(context, x, axes, context.int('keepdims', 1) === 1, reduce);
  };

const sumOfSquares: Reduce = (x, axes, options) => ops.sum(ops.square(x), axes, options);

/**
 * The p-th root of x >= 0 whose slope at 0 is 0, as that of PyTorch's norms: the true one is infinite, and a window of
 * zeros behind a ReLU would make every gradient before it NaN.
 */
export function root(x: Value, p: number): Value {
  if (p === 1) return x;
  const isPositive = ops.greater(x, 0);
  const safe = ops.where(isPositive, x, 1);
  return ops.where(isPositive, p === 2 ? ops.sqrt(safe) : ops.pow(safe, 1 / p), 0);
}

/** |x|^p */
export const magnitude = (x: Value, p: number): Value =>
  p === 1 ? ops.abs(x) : p === 2 ? ops.square(x) : ops.pow(ops.abs(x), p);

/** log(sum of exp(x)), with the largest term taken out, so that none overflows. */
const logSumExp: Reduce = (x, axes, options) => {
  const largest = ops.stopGradient(ops.reduceMax(x, axes, { keepDims: true }));
  const rest = ops.log(ops.sum(ops.exp(ops.sub(x, largest)), axes, options));
  return ops.add(rest, ops.reshape(largest, rest.shape));
};

/** Halves multiplied until one element is left: factors of 0 and of any sign come out right, and so do their gradients. */
const product: Reduce = (x, axes, { keepDims }) => {
  let y = x;
  for (const axis of axes) {
    for (let d = y.shape[axis]; d > 1; d = y.shape[axis]) {
      const half = Math.floor(d / 2);
      const part = (start: number, end: number) => ops.slice(y, { starts: [start], ends: [end], axes: [axis] });
      const joined = ops.mul(part(0, half), part(half, 2 * half));
      y = d % 2 === 0 ? joined : ops.concat([joined, part(d - 1, d)], axis);
    }
  }
  return keepDims
    ? y
    : ops.reshape(
        y,
        y.shape.filter((_, axis) => !axes.includes(axis)),
      );
};

/**
 * Where along one axis the extreme lies: of several equal ones the first, or the last. A place changes in jumps, so no
 * gradient flows through it (it is zero, as that of a rounding).
 */
const arg =
  (f: (x: Value) => Value): Converter =>
  (context) => {
    const x = context.operand(0);
    const axis = normalizeAxis(context.node.op, context.int('axis', 0), x.shape.length);
    const isLast = context.int('select_last_index', 0) === 1;
    const place: Reduce = (value, [along], options) => {
      const d = value.shape[along];
      const v = ops.stopGradient(f(value));
      const isExtreme = ops.equal(v, ops.reduceMax(v, [along], { keepDims: true }));
      // Ranks from 1, the highest for the one that wins a tie; it is the maximum of those that take part.
      const data = Float32Array.from({ length: d }, (_, i) => (isLast ? i + 1 : d - i));
      const ranks = value.graph.constant({ shape: value.shape.slice(along).map((_, i) => (i === 0 ? d : 1)), data });
      const rank = ops.reduceMax(ops.mul(isExtreme, ranks), [along], options);
      return isLast ? ops.sub(rank, 1) : ops.sub(d, rank);
    };
    const y = reduced(context, x, [axis], context.int('keepdims', 1) === 1, place);
    return new Traced(y.value, y.layout, true);
  };

export const reduce: Record<string, Converter> = {
  ReduceMean: reducing(ops.mean),
  ReduceSum: reducing(ops.sum),
  ReduceProd: reducing(product),
  ReduceMax: reducing(ops.reduceMax),
  ReduceMin: reducing((x, axes, options) => ops.neg(ops.reduceMax(ops.neg(x), axes, options))),
  ReduceL1: reducing((x, axes, options) => ops.sum(ops.abs(x), axes, options)),
  ReduceL2: reducing((x, axes, options) => root(sumOfSquares(x, axes, options), 2)),
  ReduceSumSquare: reducing(sumOfSquares),
  ReduceLogSum: reducing((x, axes, options) => ops.log(ops.sum(x, axes, options))),
  ReduceLogSumExp: reducing(logSumExp),
  ArgMax: arg((x) => x),
  ArgMin: arg(ops.neg),
};
