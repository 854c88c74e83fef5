// lower_conv.ts: the gradient of a strided convolution with respect to a picture of few channels, as one of stride 1 with
// many. The first layer's gradient would otherwise be among the slowest steps of a network.

import { type ConvInputAttrs, forwardSizes } from '../../kernels/conv.ts';
import type { OpNode, Value } from '../graph.ts';
import { conv2dInput, padConstant, reshape, slice, transpose } from '../ops/index.ts';

/** Values per load of the kernels. */
const VECTOR = 4;

const comesInVectors = (channels: number): boolean => channels % VECTOR === 0;

/** How one axis of a strided gradient becomes one of stride 1 over blocks of `stride` pixels. */
interface Blocks {
  /** Blocks along the picture, and taps in blocks. */
  readonly size: number;
  readonly taps: number;
  /** Pads of the convolution over blocks. */
  readonly before: number;
  readonly after: number;
  /** Zero taps before and after the filter, so that it divides into blocks. */
  readonly zerosBefore: number;
  readonly zerosAfter: number;
}

/**
 * Pixel h = i stride + a of block i gets dy[p] w[r] where p stride + r - pad = h. With `before` = ceil(pad / stride) and
 * the filter shifted by before stride - pad zeros, tap r lies at r' stride + a of the shifted filter, and p = i + before - r':
 * a convolution of stride 1 with the phases a as channels.
 */
function intoBlocks(size: number, outputs: number, taps: number, stride: number, padBefore: number): Blocks {
  const before = Math.ceil(padBefore / stride);
  const zerosBefore = before * stride - padBefore;
  const needed = Math.ceil((zerosBefore + taps) / stride);
  const blocks = Math.ceil(size / stride);
  // outputs = blocks + before + after - taps + 1; more zero taps where `after` would be negative.
  const after = Math.max(0, outputs - blocks - before + needed - 1);
  const blockTaps = blocks + before + after - outputs + 1;
  const zerosAfter = blockTaps * stride - zerosBefore - taps;
  return { size: blocks, taps: blockTaps, before, after, zerosBefore, zerosAfter };
}

/** Taps may grow by this factor through the zeros around the filter. */
const MOST_GROWTH = 2;

/** The gradient of a strided convolution over few channels: all phases of a block of pixels at once, as channels. */
export function lowerConv2dInput(node: OpNode, [dy, w]: readonly Value[]): Value | undefined {
  const attrs = node.attrs as ConvInputAttrs;
  const { strides, pads, dilations, groups, inputSize } = attrs;
  const [sh, sw] = strides;
  const phases = sh * sw;
  const [R, S, C, K] = w.shape;
  const dense = groups === 1 && dilations.every((d) => d === 1);
  const pays = !comesInVectors(C) && comesInVectors(C * phases) && comesInVectors(K);
  if (!dense || !pays) return undefined;
  const N = dy.shape[0];
  const [H, W] = inputSize;
  const { P, Q } = forwardSizes([[N, H, W, C], w.shape], attrs);
  const down = intoBlocks(H, P, R, sh, pads[0]);
  const across = intoBlocks(W, Q, S, sw, pads[1]);
  if (down.taps * across.taps * phases > MOST_GROWTH * R * S) return undefined;
  const framed = padConstant(w, {
    pads: [down.zerosBefore, across.zerosBefore, 0, 0, down.zerosAfter, across.zerosAfter, 0, 0],
  });
  const split = reshape(framed, [down.taps, sh, across.taps, sw, C, K]);
  const blocks = conv2dInput(
    dy,
    reshape(transpose(split, [0, 2, 1, 3, 4, 5]), [down.taps, across.taps, phases * C, K]),
    { pads: [down.before, across.before, down.after, across.after], inputSize: [down.size, across.size] },
  );
  const pixels = transpose(reshape(blocks, [N, down.size, across.size, sh, sw, C]), [0, 1, 3, 2, 4, 5]);
  return slice(reshape(pixels, [N, down.size * sh, across.size * sw, C]), {
    starts: [0, 0],
    ends: [H, W],
    axes: [1, 2],
    label: node.label,
  });
}
