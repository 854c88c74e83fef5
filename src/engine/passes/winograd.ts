// winograd.ts: 3x3 convolutions of stride 1, and their input gradients, as transforms and matrix products
// (kernels/winograd.ts). Comes after differentiation and before fusion, which attaches bias and activation to the last of
// the three dispatches; transforms of constant filters are computed once, when a program is built.

import { type ConvAttrs, type ConvInputAttrs, forwardSizes, inputSizes } from '../../kernels/conv.ts';
import { MOST_TERMS } from '../../kernels/conv_params.ts';
import { convBlocks } from '../../kernels/quad_blocks.ts';
import type { DeviceTraits, Shape } from '../../kernels/types.ts';
import { PRODUCT_COLUMNS, PRODUCT_ROWS } from '../../kernels/winograd.ts';
import { tileCounts, type WinogradTile, winogradPlaces } from '../../kernels/winograd_transforms.ts';
import { apply, findStatic, type OpNode, type Value } from '../graph.ts';
import type { Pass } from '../rewrite.ts';
import type { Target } from '../target.ts';
import { rewriteLowered } from './lowered.ts';

/** A convolution that Winograd's algorithm can compute, forward or backward alike. */
interface Sizes {
  readonly batch: number;
  /** Channels summed over, and channels of the result. */
  readonly sums: number;
  readonly filters: number;
  /** Of the result. */
  readonly outputSize: readonly [number, number];
  /** Rows above and columns left of what is read that the first tap sees; negative where it begins inside. */
  readonly pads: readonly [number, number];
  readonly rotated: boolean;
}

/** What a binding holds on every WebGPU device. */
const MAX_BINDING_BYTES = 2 ** 27;

export const winogradTiles: readonly WinogradTile[] = [2, 4];
export const winogradName = (tile: WinogradTile) => `winograd-${tile}` as const;

function sizesOf(node: OpNode, inputs: readonly Shape[]): Sizes | undefined {
  if (node.epilogue || (node.op !== 'conv2d' && node.op !== 'conv2dInput')) return undefined;
  const { strides, dilations, groups, pads } = node.attrs as ConvAttrs;
  const [R, S] = inputs[1];
  if (R !== 3 || S !== 3 || groups !== 1 || [...strides, ...dilations].some((step) => step !== 1)) return undefined;
  if (node.op === 'conv2d') {
    const { N, P, Q, C, K } = forwardSizes(inputs, node.attrs as ConvAttrs);
    return { batch: N, sums: C, filters: K, outputSize: [P, Q], pads: [pads[0], pads[1]], rotated: false };
  }
  const { N, H, W, C, K } = inputSizes(inputs, node.attrs as ConvInputAttrs);
  // dx[h] = sum over r of dy[h + pad - r] w[r]: a convolution of dy with the filter turned round.
  return { batch: N, sums: K, filters: C, outputSize: [H, W], pads: [2 - pads[0], 2 - pads[1]], rotated: true };
}

interface Layout {
  readonly tiles: number;
  /** Whether filters are the rows of the products, and tiles the columns. */
  readonly tilesLast: boolean;
  /** Elements of one product, its blocks filled up. */
  readonly rows: number;
  readonly columns: number;
}

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** The way round that computes fewer products in vain. */
function layoutOf({ batch, filters, outputSize }: Sizes, tile: WinogradTile): Layout {
  const { tiles } = tileCounts(batch, tile, outputSize);
  const layout = (tilesLast: boolean): Layout => {
    const [rows, columns] = tilesLast ? [filters, tiles] : [tiles, filters];
    return { tiles, tilesLast, rows: roundUp(rows, PRODUCT_ROWS), columns: roundUp(columns, PRODUCT_COLUMNS) };
  };
  const [usual, turned] = [layout(false), layout(true)];
  return turned.rows * turned.columns < usual.rows * usual.columns ? turned : usual;
}

const largestBytes = ({ sums }: Sizes, { rows, columns }: Layout, tile: WinogradTile): number =>
  4 * winogradPlaces(tile) * Math.max(rows * columns, rows * sums, columns * sums);

/** Names of the variants of an op that this pass can make. */
export function winogradVariants(node: OpNode, inputs: readonly Shape[]): readonly ReturnType<typeof winogradName>[] {
  const sizes = sizesOf(node, inputs);
  if (!sizes) return [];
  return winogradTiles
    .filter((tile) => largestBytes(sizes, layoutOf(sizes, tile), tile) <= MAX_BINDING_BYTES)
    .map(winogradName);
}

/**
 * Nanoseconds on a software adapter with two cores, fitted to 32 layers from 4² to 64² pixels and 8 to 512 channels; only their
 * ratios matter. One flop of a direct convolution whose rows quads swap, and one number of its result; the same of other direct
 * kernels; one flop of a product; one number read or written by a transform (there, and back), whose address counts and not its
 * arithmetic; one dispatch.
 */
const SOFTWARE = {
  swapped: 0.068,
  swappedResult: 3.5,
  direct: 0.114,
  directResult: 7.9,
  product: 0.077,
  access: 1.4,
  accessBack: 2.7,
  dispatch: 34_000,
} as const;

/** Of a filter, here. */
const TAPS = 9;

/** What is gained at least, as a share: estimates are no better than that. */
const LEAST_GAIN = 0.1;

function estimate(sizes: Sizes, tile: WinogradTile, isStatic: boolean): number {
  const { rows, columns, tiles, tilesLast } = layoutOf(sizes, tile);
  const { sums, filters } = sizes;
  const places = winogradPlaces(tile);
  const [tileRows, filterRows] = tilesLast ? [columns, rows] : [rows, columns];
  const read = tileRows * sums * 2 * places;
  const written = tiles * filters * (places + tile ** 2);
  const ofFilters = isStatic ? 0 : filterRows * sums * (places + 9);
  return (
    2 * places * rows * columns * sums * SOFTWARE.product +
    (read + ofFilters) * SOFTWARE.access +
    written * SOFTWARE.accessBack +
    (isStatic ? 3 : 4) * SOFTWARE.dispatch
  );
}

/** By quads that swap rows where that is offered. */
function directEstimate({ batch, sums, filters, outputSize }: Sizes, traits: DeviceTraits): number {
  const pixels = batch * outputSize[0] * outputSize[1];
  const results = pixels * filters;
  const blocks = convBlocks(traits, pixels, sums, filters);
  const [computed, flop, result] = blocks
    ? [blocks.time, SOFTWARE.swapped, SOFTWARE.swappedResult]
    : [results, SOFTWARE.direct, SOFTWARE.directResult];
  return 2 * TAPS * sums * computed * flop + results * result + SOFTWARE.dispatch;
}

/** Without a measurement. On real GPUs nothing was measured yet, so convolutions stay direct there. */
function guess(node: OpNode, sizes: Sizes, { traits }: Target, isStatic: boolean) {
  if (traits.kind !== 'software' || !traits.subgroups) return undefined;
  // Filters in registers, as of three channels, are faster than either.
  if (node.op === 'conv2d' && TAPS * sizes.sums <= MOST_TERMS) return undefined;
  const direct = directEstimate(sizes, traits);
  const options = winogradTiles.map((tile) => ({ name: winogradName(tile), time: estimate(sizes, tile, isStatic) }));
  const best = options.reduce((a, b) => (b.time < a.time ? b : a));
  return best.time < (1 - LEAST_GAIN) * direct ? best.name : undefined;
}

function lowered(sizes: Sizes, tile: WinogradTile, [x, w]: readonly Value[], label?: string): Value {
  const { batch, filters, outputSize, pads, rotated } = sizes;
  const { tilesLast } = layoutOf(sizes, tile);
  const [tileBlock, filterBlock] = tilesLast ? [PRODUCT_COLUMNS, PRODUCT_ROWS] : [PRODUCT_ROWS, PRODUCT_COLUMNS];
  const u = apply('winogradFilter', [w], { tile, rotated, block: filterBlock });
  const v = apply('winogradInput', [x], { tile, pads, outputSize, block: tileBlock });
  const products = apply('winogradProduct', tilesLast ? [u, v] : [v, u], {});
  return apply('winogradOutput', [products], { tile, output: [batch, ...outputSize, filters], tilesLast }, label);
}

export const winograd: Pass = (source, target?: Target) => {
  if (!target) return source;
  const fixed = findStatic(source.graph);
  return rewriteLowered(source, fixed, (node, inputs) => {
    const shapes = inputs.map((input) => input.shape);
    const sizes = sizesOf(node, shapes);
    if (!sizes) return undefined;
    const name = target.measured?.(node, shapes) ?? guess(node, sizes, target, fixed.has(node.inputs[1]));
    const possible = winogradVariants(node, shapes);
    const tile = winogradTiles.find((each) => winogradName(each) === name && possible.includes(winogradName(each)));
    return tile && { variant: winogradName(tile), value: lowered(sizes, tile, inputs, node.label) };
  });
};
