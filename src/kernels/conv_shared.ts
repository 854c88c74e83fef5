// conv_shared.ts: convolutions without groups and their input gradients as implicit matrix products by blocks in workgroup
// memory, for real GPUs (shaders/conv2d_shared.wgsl; 1x1 ones are matrix products as they are).

import {
  type BlockForm,
  blockGrid,
  blockText,
  formsFor,
  NO_SHARED_KERNELS,
  preferredForm,
  type SharedKernels,
} from './blocks.ts';
import type { ConvAttrs, ConvSizes } from './conv.ts';
import { geometry, isPointwise, tapPeriod } from './conv_params.ts';
import { epilogueText } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import { sharedMatmul } from './matmul_shared.ts';
import { divisible } from './shape.ts';
import { sliceUniforms } from './slice.ts';
import type { Kernel, KernelContext } from './types.ts';

/** What of a convolution decides over its blocks. */
interface Gather {
  /** Of one picture of the output, or of the largest phase of the gradient. */
  readonly rows: number;
  readonly width: number;
  readonly phases: number;
  /** Size of what is read, and its channels; channels of what is written. */
  readonly H: number;
  readonly W: number;
  readonly from: number;
  readonly into: number;
  readonly input: boolean;
}

function sharedConv(context: KernelContext<ConvAttrs>, sizes: ConvSizes, gather: Gather): SharedKernels {
  const { device, attrs } = context;
  const { N, R, S } = sizes;
  const { rows, width, phases, from, into, input } = gather;
  const pixels = N * rows * width;
  // Terms of a phase: an even share of the taps.
  const product = { count: phases, M: pixels, N: into, K: Math.ceil((R * S) / phases) * from };
  const vectorX = divisible(from, 4);
  const vectorW = divisible(input ? from : into, 4);
  const vectorOutput = divisible(into, 4);

  const kernelOf = (form: BlockForm): Kernel => {
    const grid = blockGrid(device, form, product);
    return {
      variant: form.variant,
      shader: 'conv2d_shared',
      text: {
        TYPE: vectorOutput ? 'vec4f' : 'f32',
        INPUT: input,
        VECTOR_X: vectorX,
        VECTOR_W: vectorW,
        VECTOR_OUTPUT: vectorOutput,
        ...blockText(device, form, { a: vectorX, b: input }),
        ...epilogueText(context, vectorOutput ? 4 : 1),
        ...storedText(context, 1, 'w', vectorW ? 4 : 1),
      },
      uniforms: {
        ...grid.uniforms,
        pixels,
        rows,
        width,
        H: gather.H,
        W: gather.W,
        channels: vectorX ? from / 4 : from,
        columns: into,
        w_line: (input ? from : into) / (vectorW ? 4 : 1),
        R,
        S,
        ...geometry(attrs),
        ...sliceUniforms(context.slice, into, vectorOutput ? 4 : 1),
        ...(input
          ? { period_h: tapPeriod(attrs, 0), period_w: tapPeriod(attrs, 1), out_h: sizes.H, out_w: sizes.W }
          : {}),
      },
      workgroups: grid.workgroups,
    };
  };
  const forms = formsFor(device, product);
  const kernels = forms.map(kernelOf);
  const preferred = preferredForm(forms, product);
  return { kernels, preferred: preferred && kernels[forms.indexOf(preferred)] };
}

export function sharedForward(context: KernelContext<ConvAttrs>, sizes: ConvSizes): SharedKernels {
  const { attrs } = context;
  const { N, H, W, C, P, Q, K } = sizes;
  if (attrs.groups !== 1) return NO_SHARED_KERNELS;
  if (isPointwise(sizes, attrs)) {
    const product = { batch: 1, M: N * P * Q, N: K, K: C, sharedB: true };
    return sharedMatmul(context, product, { transposeA: false, transposeB: false });
  }
  return sharedConv(context, sizes, { rows: P, width: Q, phases: 1, H, W, from: C, into: K, input: false });
}

export function sharedInput(context: KernelContext<ConvAttrs>, sizes: ConvSizes): SharedKernels {
  const { attrs } = context;
  const { N, H, W, C, P, Q, K } = sizes;
  if (attrs.groups !== 1) return NO_SHARED_KERNELS;
  if (isPointwise(sizes, attrs)) {
    const product = { batch: 1, M: N * P * Q, N: C, K, sharedB: true };
    return sharedMatmul(context, product, { transposeA: false, transposeB: true });
  }
  const [sh, sw] = attrs.strides;
  const [rows, width] = [Math.ceil(H / sh), Math.ceil(W / sw)];
  return sharedConv(context, sizes, { rows, width, phases: sh * sw, H: P, W: Q, from: K, into: C, input: true });
}
