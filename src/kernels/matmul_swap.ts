// matmul_swap.ts: matrix products in register tiles whose rows the lanes of a quad swap (shaders/matmul_swap.wgsl), for
// software adapters with subgroups of four.

import type { ConvAttrs, ConvSizes } from './conv.ts';
import { isPointwise } from './conv_params.ts';
import { heldEpilogueText } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import { denseLines, type MatmulAttrs, type MatmulLines, type MatmulSizes } from './matmul.ts';
import { sliceUniforms } from './slice.ts';
import type { Kernel, KernelContext } from './types.ts';

/** What a quad computes together. */
const ROWS = 16;
const COLUMNS = 32;

/** What is computed beyond the ends, as a share, up to which the larger block pays. */
const MOST_WASTE = 0.3;

const even = (value: number): boolean => value % 2 === 0;

/** The variant of y[i,m,n] = sum over k of a[i,m,k] b[i,k,n] where it runs and pays, else none. */
export function swapMatmul(
  context: KernelContext<unknown>,
  sizes: MatmulSizes,
  attrs: MatmulAttrs,
  lines: MatmulLines = denseLines(sizes, attrs),
): Kernel[] {
  const { device } = context;
  const { batch, M, N, K } = sizes;
  const runs = device.kind === 'software' && device.subgroups && !attrs.transposeA && N % 4 === 0;
  const inPairs = [K, lines.aLine, lines.aBatch, lines.bBatch, ...(attrs.transposeB ? [lines.bLine] : [])].every(even);
  const workgroups = [Math.ceil(M / ROWS), Math.ceil(N / COLUMNS), batch] as const;
  const computed = workgroups[0] * ROWS * workgroups[1] * COLUMNS;
  if (!runs || !inPairs || computed > (1 + MOST_WASTE) * M * N) return [];
  if (workgroups.some((count) => count > device.maxWorkgroupsPerDimension)) return [];
  const unit = attrs.transposeB ? 2 : 4;
  return [
    {
      variant: 'swap',
      shader: 'matmul_swap',
      text: { TRANSPOSE_B: attrs.transposeB, ...heldEpilogueText(context, 4), ...storedText(context, 1, 'b', unit) },
      uniforms: {
        M,
        columns: N / 4,
        pairs: K / 2,
        a_batch: lines.aBatch / 2,
        a_line: lines.aLine / 2,
        b_batch: lines.bBatch / unit,
        b_line: lines.bLine / unit,
        ...sliceUniforms(context.slice, N, 4),
      },
      workgroups,
    },
  ];
}

/** The same for a 1x1 convolution of stride 1, which is the product of all pixels and the filters. */
export function swapConv(context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] {
  if (!isPointwise(sizes, context.attrs)) return [];
  const { N, P, Q, C, K } = sizes;
  const product = { batch: 1, M: N * P * Q, N: K, K: C, sharedB: true };
  return swapMatmul(context, product, { transposeA: false, transposeB: false });
}
