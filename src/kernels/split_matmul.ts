// split_matmul.ts: a matrix product in two dispatches, for GPUs that one result an invocation would leave idle: partial sums
// over parts of the terms, then their sum. Made by the pass that splits products (engine/passes/split.ts), never by hand.
// Parts are summed in their order, so the result is the same at every run.

import { withShared } from './blocks.ts';
import { epilogueText } from './elementwise.ts';
import { matmul, type MatmulAttrs, matmulSizes } from './matmul.ts';
import { matmulKernels } from './matmul_kernels.ts';
import { denseLines, type MatmulLines, sharedMatmul } from './matmul_shared.ts';
import { grid1d, showShape, sizeOf } from './shape.ts';
import { defineOp, OpError, type Shape } from './types.ts';

export interface SplitMatmulAttrs extends MatmulAttrs {
  /** Number of equal parts of the terms. */
  readonly parts: number;
}

/** Sizes of y[i,m,n] = sum over the K terms of part i, and how the parts lie in a and b. */
function partSizes([a, b]: readonly Shape[], attrs: SplitMatmulAttrs) {
  const { parts, transposeA, transposeB } = attrs;
  if (a?.length !== 2 || b?.length !== 2) {
    const shown = [a, b].map((shape) => (shape ? showShape(shape) : 'nothing')).join(' and ');
    throw new OpError(`splitMatmul: operands must be plain matrices, got ${shown}. Reshape batch axes into rows.`);
  }
  const whole = matmulSizes([a, b], attrs);
  if (!Number.isInteger(parts) || parts < 1 || whole.K % parts !== 0) {
    throw new OpError(`splitMatmul: ${whole.K} terms do not divide into ${parts} parts. Choose a divisor.`);
  }
  const K = whole.K / parts;
  const dense = denseLines(whole, attrs);
  const lines: MatmulLines = {
    ...dense,
    aBatch: transposeA ? K * dense.aLine : K,
    bBatch: transposeB ? K : K * dense.bLine,
  };
  return { sizes: { ...whole, batch: parts, K, sharedB: false }, lines };
}

/** y[i,m,n] = sum over k of part i of a[m,k] b[k,n], with a and b transposed where the attributes say so. */
export const splitMatmul = defineOp<SplitMatmulAttrs>({
  shape: (inputs, attrs) => {
    const { batch, M, N } = partSizes(inputs, attrs).sizes;
    return [batch, M, N];
  },
  reference: ([a, b], attrs, output) => {
    const { sizes, lines } = partSizes([a.shape, b.shape], attrs);
    const { M, N, K } = sizes;
    const y = new Float64Array(sizeOf(output));
    for (let i = 0; i < sizes.batch; i++) {
      for (let m = 0; m < M; m++) {
        for (let n = 0; n < N; n++) {
          let acc = 0;
          for (let k = 0; k < K; k++) {
            const left = a.data[i * lines.aBatch + (attrs.transposeA ? k * lines.aLine + m : m * lines.aLine + k)];
            const right = b.data[i * lines.bBatch + (attrs.transposeB ? n * lines.bLine + k : k * lines.bLine + n)];
            acc += left * right;
          }
          y[(i * M + m) * N + n] = acc;
        }
      }
    }
    return y;
  },
  cost: (inputs, attrs, output) => {
    const { K } = partSizes(inputs, attrs).sizes;
    return {
      ...matmul.cost(inputs, attrs, output),
      bytes: 4 * [...inputs, output].reduce((sum, s) => sum + sizeOf(s), 0),
      terms: K,
    };
  },
  kernels: (context) => {
    const { sizes, lines } = partSizes(context.inputs, context.attrs);
    return withShared(matmulKernels(context, sizes, lines), sharedMatmul(context, sizes, context.attrs, lines));
  },
  readsHalves: () => [1],
});

const WORKGROUP = 64;

export interface SumPartsAttrs {
  /** Where the parts are. */
  readonly axis: number;
}

/** y[i,j] = sum over p of x[i,p,j], i being the axes before the parts and j those after. */
export const sumParts = defineOp<SumPartsAttrs>({
  epilogue: true,
  shape: ([x], { axis }) => {
    if (!x || axis < 0 || axis >= x.length) {
      throw new OpError(
        `sumParts: axis ${axis} is none of x ${x ? showShape(x) : 'nothing'}. Give the axis of the parts.`,
      );
    }
    return x.filter((_, at) => at !== axis);
  },
  reference: ([x], { axis }, output) => {
    const parts = x.shape[axis];
    const inner = sizeOf(x.shape.slice(axis + 1));
    const y = new Float64Array(sizeOf(output));
    for (let i = 0; i < y.length; i++) {
      for (let p = 0; p < parts; p++) y[i] += x.data[(Math.floor(i / inner) * parts + p) * inner + (i % inner)];
    }
    return y;
  },
  cost: ([x], { axis }, output) => ({ flops: sizeOf(x), bytes: 4 * (sizeOf(x) + sizeOf(output)), terms: x[axis] }),
  kernels: (context) => {
    const { inputs, attrs, output, device } = context;
    const inner = sizeOf(inputs[0].slice(attrs.axis + 1));
    const channels = output[output.length - 1] ?? 1;
    const unit = [inner, channels].every((size) => size % 4 === 0) ? 4 : 1;
    const count = sizeOf(output) / unit;
    return [
      {
        variant: unit === 4 ? 'vec4' : 'scalar',
        shader: 'sum_parts',
        text: { TYPE: unit === 4 ? 'vec4f' : 'f32', WORKGROUP, ...epilogueText(context, unit) },
        uniforms: { count, parts: inputs[0][attrs.axis], inner: inner / unit, channels: channels / unit },
        workgroups: grid1d(count, WORKGROUP, device.maxWorkgroupsPerDimension),
      },
    ];
  },
});
