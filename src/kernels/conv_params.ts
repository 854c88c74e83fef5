// conv_params.ts: what kernels of convolutions are told of its attributes, and when there is nothing to tell.

import type { ConvAttrs, ConvSizes } from './conv.ts';

/** A 1x1 convolution of stride 1 knows no rows: x: [pixels,C] times w: [C,K]. */
export const isPointwise = ({ R, S }: ConvSizes, { strides, pads, groups }: ConvAttrs): boolean =>
  R * S === 1 && groups === 1 && strides.every((stride) => stride === 1) && pads.every((pad) => pad === 0);

export const geometry = ({ strides, dilations, pads }: ConvAttrs) => ({
  stride_h: strides[0],
  stride_w: strides[1],
  dilation_h: dilations[0],
  dilation_w: dilations[1],
  top: pads[0],
  left: pads[1],
});

/** `struct Params` of shared/conv_params.wgsl; `unit` channels make one element. */
export const plainUniforms = (
  count: number,
  sizes: ConvSizes,
  attrs: ConvAttrs,
  unit: 1 | 4,
): Record<string, number> => ({
  count,
  N: sizes.N,
  H: sizes.H,
  W: sizes.W,
  C: sizes.C / unit,
  P: sizes.P,
  Q: sizes.Q,
  K: sizes.K / unit,
  R: sizes.R,
  S: sizes.S,
  group_c: sizes.groupC,
  group_k: sizes.groupK,
  ...geometry(attrs),
});

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/** From one tap to the next that the same pixel of the input sees, down (0) or across (1). */
export const tapPeriod = ({ strides, dilations }: ConvAttrs, axis: 0 | 1): number =>
  strides[axis] / greatestCommonDivisor(strides[axis], dilations[axis]);

/** Terms of a sum, all of them in the text: 3x3 of three channels has 27, 5x5 of one 25. More leave the instruction cache. */
export const MOST_TERMS = 32;
