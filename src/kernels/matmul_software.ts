// matmul_software.ts: the kernels of matrix products, whole and in parts, on software adapters: besides those of
// matmul_kernels.ts, rows that quads swap.

import './shared.ts';
import type { KernelsOf } from './index.ts';
import { matmulSizes } from './matmul.ts';
import { matmulKernels, matmulShaders } from './matmul_kernels.ts';
import { swapMatmul } from './matmul_swap.ts';
import { partSizes } from './split_matmul.ts';

export const kernels = {
  matmul: (context) => {
    const sizes = matmulSizes(context.inputs, context.attrs);
    return [...matmulKernels(context, sizes), ...swapMatmul(context, sizes, context.attrs)];
  },
  splitMatmul: (context) => {
    const { sizes, lines } = partSizes(context.inputs, context.attrs);
    return [...matmulKernels(context, sizes, lines), ...swapMatmul(context, sizes, context.attrs, lines)];
  },
} satisfies KernelsOf<'matmul' | 'splitMatmul'>;

export const shaders = {
  ...matmulShaders,
  matmul_swap: () => import('../../shaders/matmul_swap.wgsl'),
  matmul_swap_transposed: () => import('../../shaders/matmul_swap_transposed.wgsl'),
};
