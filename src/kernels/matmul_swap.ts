// matmul_swap.ts: matrix products in register tiles whose rows the lanes of a quad swap (shaders/matmul_swap.wgsl), for
// software adapters with subgroups of four.

import type { ConvAttrs, ConvSizes } from './conv.ts';
import { isPointwise } from './conv_params.ts';
import { heldEpilogueText } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import { denseLines, type MatmulAttrs, type MatmulLines, type MatmulSizes } from './matmul.ts';
import { sliceUniforms } from './slice.ts';
import type { Kernel, KernelContext } from './types.ts';

/** Columns that a quad computes together. */
const COLUMNS = 16;

/** Rows that each lane of a quad loads, a quarter of those it computes, and how fast such blocks are beside each other. */
const FORMS = [
  { laneRows: 16, speed: 1 },
  { laneRows: 8, speed: 0.91 },
  { laneRows: 4, speed: 0.75 },
] as const;

/** What is computed beyond the ends, as a share, up to which blocks pay. */
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
  const blocks = FORMS.map(({ laneRows, speed }) => {
    const workgroups = [Math.ceil(M / (4 * laneRows)), Math.ceil(N / COLUMNS), batch] as const;
    const computed = workgroups[0] * 4 * laneRows * workgroups[1] * COLUMNS;
    return { laneRows, workgroups, computed, time: computed / speed };
  });
  const { laneRows, workgroups, computed } = blocks.reduce((best, form) => (form.time < best.time ? form : best));
  if (!runs || !inPairs || computed > (1 + MOST_WASTE) * M * N) return [];
  if (workgroups.some((count) => count > device.maxWorkgroupsPerDimension)) return [];
  const unit = attrs.transposeB ? 2 : 4;
  return [
    {
      variant: 'swap',
      shader: 'matmul_swap',
      text: {
        LANE_ROWS: laneRows,
        TRANSPOSE_B: attrs.transposeB,
        ...heldEpilogueText(context, 4),
        ...storedText(context, 1, 'b', unit),
      },
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
