// matmul_shared.ts: matrix products by blocks in workgroup memory, for real GPUs (shaders/matmul_shared.wgsl).

import { type BlockForm, blockGrid, blockText, formsFor, preferredForm, type SharedKernels } from './blocks.ts';
import { epilogueText } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import { denseLines, type MatmulAttrs, type MatmulLines, type MatmulSizes } from './matmul.ts';
import { divisible } from './shape.ts';
import { sliceUniforms } from './slice.ts';
import type { Kernel, KernelContext } from './types.ts';

/** The variants of y[i,m,n] = sum over k of a[i,m,k] b[i,k,n]; see `formsFor` for where there are any. */
export function sharedMatmul(
  context: KernelContext<unknown>,
  sizes: MatmulSizes,
  attrs: MatmulAttrs,
  lines: MatmulLines = denseLines(sizes, attrs),
): SharedKernels {
  const { device } = context;
  const { batch, M, N, K } = sizes;
  const product = { count: batch, M, N, K };
  const alongK = { a: !attrs.transposeA, b: attrs.transposeB };
  const inVectors = (extent: number, batchStep: number, line: number): boolean =>
    [extent, batchStep, line].every((value) => divisible(value, 4));
  const vectorA = inVectors(alongK.a ? K : M, lines.aBatch, lines.aLine);
  const vectorB = inVectors(alongK.b ? K : N, lines.bBatch, lines.bLine);
  const vectorOutput = divisible(N, 4);
  const unitA = vectorA ? 4 : 1;
  const unitB = vectorB ? 4 : 1;
  const unit = vectorOutput ? 4 : 1;

  const kernelOf = (form: BlockForm): Kernel => {
    const grid = blockGrid(device, form, product);
    return {
      variant: form.variant,
      shader: 'matmul_shared',
      text: {
        TYPE: vectorOutput ? 'vec4f' : 'f32',
        VECTOR_A: vectorA,
        VECTOR_B: vectorB,
        VECTOR_OUTPUT: vectorOutput,
        A_BY_TERM: !(alongK.a && vectorA),
        B_BY_TERM: !(alongK.b && vectorB),
        ...blockText(device, form, alongK),
        ...epilogueText(context, unit),
        ...storedText(context, 1, 'b', unitB),
      },
      uniforms: {
        M,
        N,
        K,
        ...grid.uniforms,
        a_batch: lines.aBatch / unitA,
        a_line: lines.aLine / unitA,
        b_batch: lines.bBatch / unitB,
        b_line: lines.bLine / unitB,
        ...sliceUniforms(context.slice, N, unit),
      },
      workgroups: grid.workgroups,
    };
  };
  const forms = formsFor(device, product);
  const kernels = forms.map(kernelOf);
  const preferred = preferredForm(forms, product);
  return { kernels, preferred: preferred && kernels[forms.indexOf(preferred)] };
}
