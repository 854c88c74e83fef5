// blocks.ts: the block sizes in which real GPUs multiply matrices through workgroup memory (shared/block_product.wgsl),
// and which of them suit a product. Nothing here was timed on a GPU yet; a tuner that does overrules it.

import { grid1d } from './shape.ts';
import type { DeviceTraits, Kernel, TextParams } from './types.ts';

/** One workgroup's share of y, in rows and columns, and how it is shared among the invocations. */
export interface BlockForm {
  readonly variant: string;
  readonly blockM: number;
  readonly blockN: number;
  /** vec4 of rows and of columns of one invocation. */
  readonly rowUnits: number;
  readonly columnUnits: number;
}

/** In the order of the work of one invocation and of one workgroup. The second is the third with four times the invocations. */
const FORMS: readonly BlockForm[] = [
  { variant: 'shared-32x32', blockM: 32, blockN: 32, rowUnits: 1, columnUnits: 1 },
  { variant: 'shared-64x64-256', blockM: 64, blockN: 64, rowUnits: 1, columnUnits: 1 },
  { variant: 'shared-64x64', blockM: 64, blockN: 64, rowUnits: 2, columnUnits: 2 },
  { variant: 'shared-128x128', blockM: 128, blockN: 128, rowUnits: 2, columnUnits: 2 },
];

/**
 * Terms a step: the first that the device's workgroup memory has room for. In the 16 KiB of every device blocks of 32 and 64
 * have steps of 16, blocks of 128 steps of 8; with 32 KiB they have 16 too.
 */
const DEPTHS = [16, 8, 4] as const;

/** Two buffers of both operands' blocks. */
const storageBytes = ({ blockM, blockN }: BlockForm, depth: number): number => 2 * 4 * depth * (blockM + blockN);

const invocations = ({ blockM, blockN, rowUnits, columnUnits }: BlockForm): number =>
  (blockM * blockN) / (16 * rowUnits * columnUnits);

const depthOn = (device: DeviceTraits, form: BlockForm): number | undefined =>
  DEPTHS.find((depth) => storageBytes(form, depth) <= device.maxWorkgroupStorageBytes);

/** `count` products of M rows, N columns and K terms. */
interface Product {
  readonly count: number;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/**
 * The forms worth a try: on real GPUs, where the device has room for them and less than half of a block along either
 * axis lies beyond the end.
 */
export function formsFor(device: DeviceTraits, { M, N }: Product): BlockForm[] {
  if (device.kind !== 'gpu') return [];
  return FORMS.filter(
    (form) =>
      depthOn(device, form) !== undefined &&
      invocations(form) <= device.maxInvocationsPerWorkgroup &&
      2 * M > form.blockM &&
      2 * N > form.blockN,
  );
}

/**
 * Invocations that keep most GPUs busy: large ones have 80 to 140 cores, and a core wants four subgroups of 32 at least to
 * have something to do while one waits. The smallest blocks are taken from half of that on.
 */
const ENOUGH_INVOCATIONS = 1 << 14;
/** Fewer terms do not repay filling the two buffers first. */
const ENOUGH_TERMS = 32;

/** The last of `forms` that still makes invocations enough; undefined where register tiles alone are the safer choice. */
export function preferredForm(forms: readonly BlockForm[], { count, M, N, K }: Product): BlockForm | undefined {
  if (K < ENOUGH_TERMS) return undefined;
  return forms.findLast((form) => {
    const all = count * Math.ceil(M / form.blockM) * Math.ceil(N / form.blockN) * invocations(form);
    return all >= (form === FORMS[0] ? ENOUGH_INVOCATIONS / 2 : ENOUGH_INVOCATIONS);
  });
}

/** What the text of shared/block_product.wgsl asks for. */
export function blockText(device: DeviceTraits, form: BlockForm, alongK: { a: boolean; b: boolean }): TextParams {
  const depth = depthOn(device, form) as number;
  const patches = (depth * (form.blockM + form.blockN)) / 16;
  return {
    BLOCK_M: form.blockM,
    BLOCK_N: form.blockN,
    BLOCK_K: depth,
    ROW_UNITS: form.rowUnits,
    COLUMN_UNITS: form.columnUnits,
    SPLIT_LOADS: patches <= invocations(form),
    A_ALONG_K: alongK.a,
    B_ALONG_K: alongK.b,
  };
}

/** Uniforms that count the blocks, and the grid that visits them. */
export function blockGrid(device: DeviceTraits, form: BlockForm, { count, M, N }: Product) {
  const blocksM = Math.ceil(M / form.blockM);
  const blocksN = Math.ceil(N / form.blockN);
  const blocks = count * blocksM * blocksN;
  return {
    uniforms: { blocks_m: blocksM, blocks_n: blocksN, blocks },
    workgroups: grid1d(blocks, 1, device.maxWorkgroupsPerDimension),
  };
}

/** Kernels in workgroup memory for one op, and the one to take unless another was measured to be faster. */
export interface SharedKernels {
  readonly kernels: readonly Kernel[];
  readonly preferred?: Kernel;
}

export const NO_SHARED_KERNELS: SharedKernels = { kernels: [] };

/** One list of an op's variants, naive first, the preferred one last. */
export const withShared = (others: readonly Kernel[], { kernels, preferred }: SharedKernels): Kernel[] => {
  const [naive, ...rest] = others;
  return [naive, ...kernels.filter((kernel) => kernel !== preferred), ...rest, ...(preferred ? [preferred] : [])];
};
