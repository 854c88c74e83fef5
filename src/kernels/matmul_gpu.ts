// matmul_gpu.ts: the kernels of matrix products, whole and in parts, on real GPUs: besides those of matmul_kernels.ts, blocks
// in workgroup memory.

import blockProduct from '../../shaders/shared/block_product.wgsl';
import './shared.ts';
import { withShared } from './blocks.ts';
import type { KernelsOf } from './index.ts';
import { matmulSizes } from './matmul.ts';
import { matmulKernels, matmulShaders } from './matmul_kernels.ts';
import { sharedMatmul } from './matmul_shared.ts';
import { partSizes } from './split_matmul.ts';

export const kernels = {
  matmul: (context) => {
    const sizes = matmulSizes(context.inputs, context.attrs);
    return withShared(matmulKernels(context, sizes), sharedMatmul(context, sizes, context.attrs));
  },
  splitMatmul: (context) => {
    const { sizes, lines } = partSizes(context.inputs, context.attrs);
    return withShared(matmulKernels(context, sizes, lines), sharedMatmul(context, sizes, context.attrs, lines));
  },
} satisfies KernelsOf<'matmul' | 'splitMatmul'>;

export const shaders = { ...matmulShaders, matmul_shared: () => import('../../shaders/matmul_shared.wgsl') };

export const includes = { block_product: blockProduct };
