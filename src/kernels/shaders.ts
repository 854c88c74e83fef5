// shaders.ts: the WGSL files by name. esbuild loads them as text.

import affineSample from '../../shaders/affine_sample.wgsl';
import affineSampleInput from '../../shaders/affine_sample_input.wgsl';
import concat from '../../shaders/concat.wgsl';
import conv2d from '../../shaders/conv2d.wgsl';
import conv2dFilter from '../../shaders/conv2d_filter.wgsl';
import conv2dFilterTiled from '../../shaders/conv2d_filter_tiled.wgsl';
import conv2dHeld from '../../shaders/conv2d_held.wgsl';
import conv2dInput from '../../shaders/conv2d_input.wgsl';
import conv2dInputTiled from '../../shaders/conv2d_input_tiled.wgsl';
import conv2dShared from '../../shaders/conv2d_shared.wgsl';
import conv2dTiled from '../../shaders/conv2d_tiled.wgsl';
import depthwise from '../../shaders/depthwise.wgsl';
import depthwiseFilter from '../../shaders/depthwise_filter.wgsl';
import depthwiseFilterRow from '../../shaders/depthwise_filter_row.wgsl';
import depthwiseInput from '../../shaders/depthwise_input.wgsl';
import depthwiseInputRow from '../../shaders/depthwise_input_row.wgsl';
import depthwiseRow from '../../shaders/depthwise_row.wgsl';
import depthwiseStrip from '../../shaders/depthwise_strip.wgsl';
import elementwise from '../../shaders/elementwise.wgsl';
import fftButterfly from '../../shaders/fft_butterfly.wgsl';
import fftDirect from '../../shaders/fft_direct.wgsl';
import limitCopy from '../../shaders/limit_copy.wgsl';
import limitMultiplyAdd from '../../shaders/limit_multiply_add.wgsl';
import lrn from '../../shaders/lrn.wgsl';
import lrnInput from '../../shaders/lrn_input.wgsl';
import lrnInputRun from '../../shaders/lrn_input_run.wgsl';
import lrnRun from '../../shaders/lrn_run.wgsl';
import matmul from '../../shaders/matmul.wgsl';
import matmulShared from '../../shaders/matmul_shared.wgsl';
import matmulSwap from '../../shaders/matmul_swap.wgsl';
import matmulTiled from '../../shaders/matmul_tiled.wgsl';
import maxPoolGather from '../../shaders/max_pool_gather.wgsl';
import pad from '../../shaders/pad.wgsl';
import pool from '../../shaders/pool.wgsl';
import poolInput from '../../shaders/pool_input.wgsl';
import poolInputBlock from '../../shaders/pool_input_block.wgsl';
import poolRow from '../../shaders/pool_row.wgsl';
import present from '../../shaders/present.wgsl';
import random from '../../shaders/random.wgsl';
import randomAffine from '../../shaders/random_affine.wgsl';
import reduce from '../../shaders/reduce.wgsl';
import reduceWorkgroup from '../../shaders/reduce_workgroup.wgsl';
import softmax from '../../shaders/softmax.wgsl';
import softmaxWorkgroup from '../../shaders/softmax_workgroup.wgsl';
import strided from '../../shaders/strided.wgsl';
import sumParts from '../../shaders/sum_parts.wgsl';
import take from '../../shaders/take.wgsl';
import takeInput from '../../shaders/take_input.wgsl';
import toHalf from '../../shaders/to_half.wgsl';
import winogradFilter from '../../shaders/winograd_filter.wgsl';
import winogradInput from '../../shaders/winograd_input.wgsl';
import winogradOutput from '../../shaders/winograd_output.wgsl';
import winogradProduct from '../../shaders/winograd_product.wgsl';
import winogradProductNaive from '../../shaders/winograd_product_naive.wgsl';
import blockProduct from '../../shaders/shared/block_product.wgsl';
import butterfly from '../../shaders/shared/butterfly.wgsl';
import convParams from '../../shaders/shared/conv_params.wgsl';
import fftEnds from '../../shaders/shared/fft_ends.wgsl';
import flatIndex from '../../shaders/shared/flat_index.wgsl';
import halves from '../../shaders/shared/halves.wgsl';
import heldEpilogue from '../../shaders/shared/held_epilogue.wgsl';
import lrnParams from '../../shaders/shared/lrn_params.wgsl';
import lrnRunParams from '../../shaders/shared/lrn_run_params.wgsl';
import lrnScale from '../../shaders/shared/lrn_scale.wgsl';
import lrnWindow from '../../shaders/shared/lrn_window.wgsl';
import pcg4d from '../../shaders/shared/pcg4d.wgsl';
import poolDivisor from '../../shaders/shared/pool_divisor.wgsl';
import poolParams from '../../shaders/shared/pool_params.wgsl';
import quadOrder from '../../shaders/shared/quad_order.wgsl';
import reduceParams from '../../shaders/shared/reduce_params.wgsl';
import softmaxParams from '../../shaders/shared/softmax_params.wgsl';
import takeParams from '../../shaders/shared/take_params.wgsl';

export const shaders = {
  affine_sample: affineSample,
  affine_sample_input: affineSampleInput,
  concat,
  conv2d,
  conv2d_filter: conv2dFilter,
  conv2d_filter_tiled: conv2dFilterTiled,
  conv2d_held: conv2dHeld,
  conv2d_input: conv2dInput,
  conv2d_input_tiled: conv2dInputTiled,
  conv2d_shared: conv2dShared,
  conv2d_tiled: conv2dTiled,
  depthwise,
  depthwise_filter: depthwiseFilter,
  depthwise_filter_row: depthwiseFilterRow,
  depthwise_input: depthwiseInput,
  depthwise_input_row: depthwiseInputRow,
  depthwise_row: depthwiseRow,
  depthwise_strip: depthwiseStrip,
  elementwise,
  fft_butterfly: fftButterfly,
  fft_direct: fftDirect,
  limit_copy: limitCopy,
  limit_multiply_add: limitMultiplyAdd,
  lrn,
  lrn_input: lrnInput,
  lrn_input_run: lrnInputRun,
  lrn_run: lrnRun,
  matmul,
  matmul_shared: matmulShared,
  matmul_swap: matmulSwap,
  matmul_tiled: matmulTiled,
  max_pool_gather: maxPoolGather,
  pad,
  pool,
  pool_input: poolInput,
  pool_input_block: poolInputBlock,
  pool_row: poolRow,
  present,
  random,
  random_affine: randomAffine,
  reduce,
  reduce_workgroup: reduceWorkgroup,
  softmax,
  softmax_workgroup: softmaxWorkgroup,
  strided,
  sum_parts: sumParts,
  take,
  take_input: takeInput,
  to_half: toHalf,
  winograd_filter: winogradFilter,
  winograd_input: winogradInput,
  winograd_output: winogradOutput,
  winograd_product: winogradProduct,
  winograd_product_naive: winogradProductNaive,
} as const;

export type ShaderName = keyof typeof shaders;

/** What `#include "name"` finds: the files of shaders/shared. */
export const includes: Readonly<Record<string, string>> = {
  block_product: blockProduct,
  butterfly,
  conv_params: convParams,
  fft_ends: fftEnds,
  flat_index: flatIndex,
  halves,
  held_epilogue: heldEpilogue,
  lrn_params: lrnParams,
  lrn_run_params: lrnRunParams,
  lrn_scale: lrnScale,
  lrn_window: lrnWindow,
  pcg4d,
  pool_divisor: poolDivisor,
  pool_params: poolParams,
  quad_order: quadOrder,
  reduce_params: reduceParams,
  softmax_params: softmaxParams,
  take_params: takeParams,
};
