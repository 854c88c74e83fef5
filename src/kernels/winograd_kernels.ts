// winograd_kernels.ts: the dispatches of the Winograd ops. Sizes are uniforms; the text differs only by the size of a tile
// and by how many products one invocation computes.

import winogradFilter from '../../shaders/winograd_filter.wgsl';
import winogradInput from '../../shaders/winograd_input.wgsl';
import winogradOutput from '../../shaders/winograd_output.wgsl';
import winogradProduct from '../../shaders/winograd_product.wgsl';
import './shared.ts';
import { heldEpilogueText, literal } from './elementwise_text.ts';
import { storedText } from './half_text.ts';
import type { KernelsOf } from './index.ts';
import { divisible, grid1d, sizeOf } from './shape.ts';
import { sliceUniforms } from './slice.ts';
import type { DeviceTraits, Kernel, KernelContext } from './types.ts';
import {
  PRODUCT_COLUMNS,
  PRODUCT_ROWS,
  type WinogradFilterAttrs,
  type WinogradInputAttrs,
  type WinogradOutputAttrs,
} from './winograd.ts';
import { filterChannels, tileCounts, winogradTransforms } from './winograd_transforms.ts';

const WORKGROUP = 64;

/** The sum of `row[k] name(k)`, without the terms that are 0. */
function weighted(row: readonly number[], name: (k: number) => string): string {
  const terms = row.flatMap((factor, k) => {
    if (factor === 0) return [];
    const size = Math.abs(factor);
    return [{ sign: factor < 0 ? '-' : '+', text: size === 1 ? name(k) : `${literal(size)} * ${name(k)}` }];
  });
  const [first, ...rest] = terms;
  return `${first.sign === '-' ? '-' : ''}${first.text}${rest.map(({ sign, text }) => ` ${sign} ${text}`).join('')}`;
}

/** Statements that make `to_i_j` of `from_a_b` by a matrix on both sides. */
function transformText(matrix: readonly (readonly number[])[], from: string, to: string): string {
  const size = matrix[0].length;
  const lines: string[] = [];
  matrix.forEach((row, i) => {
    for (let b = 0; b < size; b++) {
      lines.push(`  let half_${i}_${b} = ${weighted(row, (a) => `${from}_${a}_${b}`)};`);
    }
  });
  matrix.forEach((_, i) => {
    matrix.forEach((row, j) => {
      lines.push(`  let ${to}_${i}_${j} = ${weighted(row, (b) => `half_${i}_${b}`)};`);
    });
  });
  return lines.join('\n');
}

const grid = (count: number, device: DeviceTraits) => grid1d(count, WORKGROUP, device.maxWorkgroupsPerDimension);

function winogradFilterKernels({ inputs: [w], attrs, output, device }: KernelContext<WinogradFilterAttrs>): Kernel[] {
  const { sums, filters } = filterChannels(w, attrs);
  const count = sums * output[1] * attrs.block;
  const [, , C, K] = w;
  return [
    {
      variant: 'naive',
      shader: 'winograd_filter',
      text: {
        WORKGROUP,
        SIZE: attrs.tile + 2,
        TRANSFORM: transformText(winogradTransforms[attrs.tile].filter, 'w', 'u'),
      },
      uniforms: {
        count,
        sums,
        filters,
        block: attrs.block,
        plane: count,
        first_tap: attrs.rotated ? 8 * C * K : 0,
        tap_step: attrs.rotated ? -C * K : C * K,
        sum_step: attrs.rotated ? 1 : K,
        filter_step: attrs.rotated ? K : 1,
      },
      workgroups: grid(count, device),
    },
  ];
}

function winogradInputKernels({ inputs: [x], attrs, output, device }: KernelContext<WinogradInputAttrs>): Kernel[] {
  const { tile, pads, outputSize, block } = attrs;
  const [N, H, W, C] = x;
  const { down, across, tiles } = tileCounts(N, tile, outputSize);
  const count = output[1] * C * block;
  return [
    {
      variant: 'naive',
      shader: 'winograd_input',
      text: {
        WORKGROUP,
        TILE: tile,
        SIZE: tile + 2,
        TRANSFORM: transformText(winogradTransforms[tile].input, 'x', 'v'),
      },
      uniforms: { count, H, W, C, tiles, down, across, block, plane: count, top: pads[0], left: pads[1] },
      workgroups: grid(count, device),
    },
  ];
}

function winogradOutputKernels(context: KernelContext<WinogradOutputAttrs>): Kernel[] {
  const { attrs, device } = context;
  const { tile, output, tilesLast } = attrs;
  const [N, P, Q, K] = output;
  const [, rows, columns] = context.inputs[0];
  const { down, across, tiles } = tileCounts(N, tile, [P, Q]);
  const form = (variant: string, unit: 1 | 4): Kernel => {
    const count = (tiles * K) / unit;
    return {
      variant,
      shader: 'winograd_output',
      text: {
        TYPE: unit === 4 ? 'vec4f' : 'f32',
        WORKGROUP,
        TILE: tile,
        SIZE: tile + 2,
        TRANSFORM: transformText(winogradTransforms[tile].output, 'm', 'z'),
        ...heldEpilogueText(context, unit),
      },
      uniforms: {
        count,
        P,
        Q,
        K: K / unit,
        down,
        across,
        plane: (rows * columns) / unit,
        tile_step: tilesLast ? 1 : columns / unit,
        filter_step: tilesLast ? columns : 1,
        ...sliceUniforms(context.slice, K, unit),
      },
      workgroups: grid(count, device),
    };
  };
  // Four filters at once share addresses; of the larger tile they make the shader leave the instruction cache.
  const vectors = tile === 2 && !tilesLast && divisible(K, 4) && divisible(columns, 4);
  return vectors ? [form('naive', 1), form('vector', 4)] : [form('naive', 1)];
}

/** Invocations of a workgroup: on software adapters one subgroup, since starting a workgroup costs next to nothing. */
const PRODUCT_WORKGROUP = { software: 4, gpu: 64 } as const;

function winogradProductKernels(context: KernelContext<unknown>): Kernel[] {
  const { inputs, output, device, halves = [] } = context;
  const [a, b] = inputs;
  const [ofA, ofB] = [storedText(context, 0, 'a', 1), storedText(context, 1, 'b', 1)];
  const count = sizeOf(output);
  const [, M, N] = output;
  const C = a[2];
  const naive: Kernel = {
    variant: 'naive',
    shader: 'winograd_product_naive',
    text: { WORKGROUP, STORED_A: ofA.STORED, READ_A: ofA.READ, STORED_B: ofB.STORED, READ_B: ofB.READ },
    uniforms: { count, M, N, C, row_block: a[3], column_block: b[3] },
    workgroups: grid(count, device),
  };
  if (a[3] !== PRODUCT_ROWS || b[3] !== PRODUCT_COLUMNS) return [naive];
  const blocks = a[0] * a[1] * b[1];
  const workgroup = PRODUCT_WORKGROUP[device.kind];
  const pairs = C % 2 === 0;
  const form = (variant: string, quad: boolean): Kernel => ({
    variant,
    shader: 'winograd_product',
    text: {
      WORKGROUP: workgroup,
      QUAD: quad,
      UNITS: quad ? 8 : 2,
      PAIRS: pairs,
      TERMS: pairs ? 2 : 1,
      HALF_A: halves.includes(0),
      HALF_B: halves.includes(1),
    },
    uniforms: { blocks, row_blocks: a[1], column_blocks: b[1], C },
    workgroups: grid1d(4 * blocks, workgroup, device.maxWorkgroupsPerDimension),
  });
  // Only there is it known that neighbours in a workgroup are neighbours in a quad.
  const quads = device.kind === 'software' && device.subgroups;
  return quads ? [naive, form('tiled', false), form('quad', true)] : [naive, form('tiled', false)];
}

export const kernels = {
  winogradFilter: winogradFilterKernels,
  winogradInput: winogradInputKernels,
  winogradProduct: winogradProductKernels,
  winogradOutput: winogradOutputKernels,
} satisfies KernelsOf<'winogradFilter' | 'winogradInput' | 'winogradProduct' | 'winogradOutput'>;

export const shaders = {
  winograd_filter: winogradFilter,
  winograd_input: winogradInput,
  winograd_product: winogradProduct,
  winograd_product_naive: () => import('../../shaders/winograd_product_naive.wgsl'),
  winograd_output: winogradOutput,
};
