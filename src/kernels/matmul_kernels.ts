// matmul_kernels.ts: the dispatches of matrix products that run on any device: which shader, in which form, on which grid.
// Those that only one kind of device takes join them in matmul_software.ts and matmul_gpu.ts.

import { epilogueText } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import { denseLines, type MatmulAttrs, type MatmulLines, type MatmulSizes } from './matmul.ts';
import { divisible, grid1d, sizeOf } from './shape.ts';
import type { DeviceTraits, Kernel, KernelContext } from './types.ts';

const WORKGROUP = 64;

function plain(context: KernelContext<MatmulAttrs>, { M, N, K }: MatmulSizes, lines: MatmulLines): Kernel {
  const { transposeA, transposeB } = context.attrs;
  const count = sizeOf(context.output);
  return {
    variant: 'naive',
    shader: 'matmul',
    text: { WORKGROUP, ...epilogueText(context, 1), ...storedText(context, 1, 'b', 1) },
    uniforms: {
      count,
      M,
      N,
      K,
      a_batch: lines.aBatch,
      a_m: transposeA ? 1 : lines.aLine,
      a_k: transposeA ? lines.aLine : 1,
      b_batch: lines.bBatch,
      b_k: transposeB ? 1 : lines.bLine,
      b_n: transposeB ? lines.bLine : 1,
    },
    workgroups: grid1d(count, WORKGROUP, context.device.maxWorkgroupsPerDimension),
  };
}

/** Fewer invocations than this leave a GPU idle; smaller tiles make more of them. */
const GPU_INVOCATIONS = 1 << 14;

/** Rows and units of T of one invocation. */
function chooseTile(
  device: DeviceTraits,
  { batch, M, N }: MatmulSizes,
  unit: 1 | 4,
): { rows: number; columns: number } {
  const large = device.kind === 'software' || (batch * M * N) / 64 >= GPU_INVOCATIONS;
  const rows = M === 1 ? 1 : M <= 4 || !large ? 4 : 8;
  return { rows, columns: unit === 1 ? Math.min(N, 4) : N > 4 && large ? 2 : 1 };
}

/** Invocations of a workgroup along the rows and the columns: along the columns where there are few rows. */
function workgroupShape(device: DeviceTraits, tiles: number): [number, number] {
  if (device.kind === 'software') return tiles >= 4 ? [4, 1] : [1, 4];
  return tiles >= 8 ? [8, 8] : [1, 64];
}

function tiled(context: KernelContext<MatmulAttrs>, sizes: MatmulSizes, lines: MatmulLines): Kernel[] {
  const { device, attrs } = context;
  const { transposeA, transposeB } = attrs;
  const { batch, M, N, K } = sizes;
  if (batch > device.maxWorkgroupsPerDimension) return [];
  const unit = divisible(N, 4) ? 4 : 1;
  const vectors = !transposeA && divisible(K, 4);
  const inputUnit = vectors ? 4 : 1;
  const lineUnit = transposeB ? inputUnit : unit;
  const { rows, columns } = chooseTile(device, sizes, unit);
  const tiles = Math.ceil(M / rows);
  const blocks = Math.ceil(N / unit / columns);
  const [across, down] = workgroupShape(device, tiles);
  const workgroups = [Math.ceil(tiles / across), Math.ceil(blocks / down), batch] as const;
  if (workgroups.some((count) => count > device.maxWorkgroupsPerDimension)) return [];
  const form = (variant: string, quad: boolean): Kernel => ({
    variant,
    shader: 'matmul_tiled',
    text: {
      TYPE: unit === 4 ? 'vec4f' : 'f32',
      VECTOR_OUTPUT: unit === 4,
      VECTOR_INPUT: vectors,
      TRANSPOSE_B: transposeB,
      ROWS: rows,
      COLUMNS: columns,
      QUAD: quad,
      TILES_PER_WORKGROUP: across,
      BLOCKS_PER_WORKGROUP: down,
      ...epilogueText(context, unit),
      ...storedText(context, 1, 'b', lineUnit),
    },
    uniforms: {
      M,
      columns: N / unit,
      depth: K / inputUnit,
      a_batch: lines.aBatch / inputUnit,
      a_m: transposeA ? 1 : lines.aLine / inputUnit,
      a_k: transposeA ? lines.aLine : 1,
      b_batch: lines.bBatch / lineUnit,
      b_line: lines.bLine / lineUnit,
    },
    workgroups,
  });
  // Quads hand round what their four tiles of rows share; see canUseQuads in conv_kernels.ts.
  const quads = device.kind === 'software' && device.subgroups && across === 4;
  const shares = transposeB ? unit === 4 : vectors;
  return quads && shares ? [form('tiled', false), form('quad', true)] : [form('tiled', false)];
}

/** Those that run on any device, naive first. `lines` tells how the operands lie where they are parts of larger ones. */
export const matmulKernels = (
  context: KernelContext<MatmulAttrs>,
  sizes: MatmulSizes,
  lines: MatmulLines = denseLines(sizes, context.attrs),
): Kernel[] => [plain(context, sizes, lines), ...tiled(context, sizes, lines)];

export const matmulShaders = {
  matmul: () => import('../../shaders/matmul.wgsl'),
  matmul_tiled: () => import('../../shaders/matmul_tiled.wgsl'),
};
