// reduce.ts: sums, means, norms and extremes over axes.

import type { Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import { normalizeAxis } from '../../../kernels/shape.ts';
import type { Converter } from '../context.ts';
import { nhwcAxis, permute, TO_NHWC } from '../layout.ts';
import { Traced } from '../operand.ts';

type Reduce = (x: Value, axes: readonly number[], options: { keepDims: boolean }) => Value;

const reducing =
  (reduce: Reduce): Converter =>
  (context) => {
    const x = context.operand(0);
    const rank = x.shape.length;
    const given = context.integers(1, 'axes') ?? [];
    if (given.length === 0 && context.int('noop_with_empty_axes', 0) === 1) return x;
    const all = Array.from({ length: rank }, (_, axis) => axis);
    const axes = given.length === 0 ? all : given.map((axis) => normalizeAxis(context.node.op, axis, rank));
    const keepDims = context.int('keepdims', 1) === 1;
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
  };

const sumOfSquares: Reduce = (x, axes, options) => ops.sum(ops.square(x), axes, options);

/** log(sum of exp(x)), with the largest term taken out, so that none overflows. */
const logSumExp: Reduce = (x, axes, options) => {
  const largest = ops.stopGradient(ops.reduceMax(x, axes, { keepDims: true }));
  const rest = ops.log(ops.sum(ops.exp(ops.sub(x, largest)), axes, options));
  return ops.add(rest, ops.reshape(largest, rest.shape));
};

export const reduce: Record<string, Converter> = {
  ReduceMean: reducing(ops.mean),
  ReduceSum: reducing(ops.sum),
  ReduceMax: reducing(ops.reduceMax),
  ReduceMin: reducing((x, axes, options) => ops.neg(ops.reduceMax(ops.neg(x), axes, options))),
  ReduceL1: reducing((x, axes, options) => ops.sum(ops.abs(x), axes, options)),
  ReduceL2: reducing((x, axes, options) => ops.sqrt(sumOfSquares(x, axes, options))),
  ReduceSumSquare: reducing(sumOfSquares),
  ReduceLogSum: reducing((x, axes, options) => ops.log(ops.sum(x, axes, options))),
  ReduceLogSumExp: reducing(logSumExp),
};
