// matmul_swap.ts: matrix products in register tiles whose rows the lanes of a quad swap (shaders/matmul_swap.wgsl, and
// matmul_swap_transposed.wgsl where a is transposed), for software adapters with subgroups of four.

import type { ConvAttrs, ConvSizes } from './conv.ts';
import { isPointwise } from './conv_params.ts';
import { heldEpilogueText } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import { denseLines, type MatmulAttrs, type MatmulLines, type MatmulSizes } from './matmul.ts';
import { fastestBlocks, PRODUCT_FORMS } from './quad_blocks.ts';
import { sliceUniforms } from './slice.ts';
import type { Kernel, KernelContext } from './types.ts';

/**
 * What is computed beyond the ends, as a share, up to which blocks pay: where a is transposed the other kernels load it number by
 * number.
 */
const mostWaste = ({ transposeA }: MatmulAttrs): number => (transposeA ? 3 : 0.3);

/** Blocks where a lane loads four terms of a row at once, which is up to a tenth faster (a quarter for few rows), from so many terms on. */
const FORMS_OF_FOURS = [
  { laneRows: 8, speed: 1 },
  { laneRows: 4, speed: 0.86 },
];
const FEWEST_IN_FOURS = 32;

/** Whether all are multiples of a number. */
const areMultiples = (of: number, values: readonly number[]): boolean => values.every((value) => value % of === 0);

/** The variant of y[i,m,n] = sum over k of a[i,m,k] b[i,k,n] where it runs and pays, else none. */
export function swapMatmul(
  context: KernelContext<unknown>,
  sizes: MatmulSizes,
  attrs: MatmulAttrs,
  lines: MatmulLines = denseLines(sizes, attrs),
): Kernel[] {
  const { device } = context;
  const { batch, M, N, K } = sizes;
  if (device.kind !== 'software' || !device.subgroups || N % 4 !== 0) return [];
  const { transposeA, transposeB } = attrs;
  const linesOfB = [lines.bLine, lines.bBatch];
  const alongTerms = [K, lines.aLine, lines.aBatch, ...(transposeB ? linesOfB : [])];
  const inFours = !transposeA && K >= FEWEST_IN_FOURS && areMultiples(4, alongTerms);
  const forms = inFours ? FORMS_OF_FOURS : PRODUCT_FORMS;
  const { laneRows, workgroups, computed } = fastestBlocks(forms, M, N, batch);
  if (computed > (1 + mostWaste(attrs)) * batch * M * N) return [];
  if (workgroups.some((count) => count > device.maxWorkgroupsPerDimension)) return [];
  const place = { M, columns: N / 4, ...sliceUniforms(context.slice, N, 4) };
  const form = { variant: 'swap', workgroups };
  const text = (unit: 2 | 4) => ({
    LANE_ROWS: laneRows,
    ...heldEpilogueText(context, 4),
    ...storedText(context, 1, 'b', unit),
  });
  if (transposeA) {
    if (transposeB || !areMultiples(4, [M, ...Object.values(lines)])) return [];
    return [
      {
        ...form,
        shader: 'matmul_swap_transposed',
        text: { ...text(4), LANE_LOADS: laneRows / 4 },
        uniforms: { ...place, terms: K, ...linesIn(lines, 4, 4) },
      },
    ];
  }
  const terms = inFours ? 4 : 2;
  const unit = transposeB ? terms : 4;
  if (!areMultiples(terms, alongTerms) || !areMultiples(unit, linesOfB)) return [];
  return [
    {
      ...form,
      shader: 'matmul_swap',
      text: { ...text(unit), TERMS: terms, TRANSPOSE_B: transposeB },
      uniforms: { ...place, rounds: K / terms, ...linesIn(lines, terms, unit) },
    },
  ];
}

/** The lines as shaders want them, in loads of a and of b. */
const linesIn = ({ aBatch, aLine, bBatch, bLine }: MatmulLines, unitA: number, unitB: number) => ({
  a_batch: aBatch / unitA,
  a_line: aLine / unitA,
  b_batch: bBatch / unitB,
  b_line: bLine / unitB,
});

/** The same for a 1x1 convolution of stride 1, which is the product of all pixels and the filters. */
export function swapPointwise(context: KernelContext<ConvAttrs>, sizes: ConvSizes): Kernel[] {
  if (!isPointwise(sizes, context.attrs)) return [];
  const { N, P, Q, C, K } = sizes;
  const product = { batch: 1, M: N * P * Q, N: K, K: C, sharedB: true };
  return swapMatmul(context, product, { transposeA: false, transposeB: false });
}
