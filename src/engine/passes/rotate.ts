// rotate.ts: input gradients of stride 1 as forward convolutions with the filter turned round and its channels exchanged. The
// forward kernels are faster for most of them and compile sooner, and a network needs fewer different ones. Comes after
// Winograd's pass, which takes what it can.

import { type ConvInputAttrs, inputSizes } from '../../kernels/conv.ts';
import { convBlocks } from '../../kernels/quad_blocks.ts';
import type { DeviceTraits, Shape } from '../../kernels/types.ts';
import { apply, findStatic, type OpNode, type Value } from '../graph.ts';
import type { Pass } from '../rewrite.ts';
import { rewriteLowered } from './lowered.ts';

export const ROTATED = 'rotated';

/** Pads of the forward convolution, or undefined where there is none. */
function padsOf(node: OpNode, inputs: readonly Shape[]): [number, number, number, number] | undefined {
  if (node.op !== 'conv2dInput' || node.epilogue) return undefined;
  const attrs = node.attrs as ConvInputAttrs;
  const { H, W, P, Q, R, S } = inputSizes(inputs, attrs);
  const { strides, groups, dilations, pads } = attrs;
  if (groups !== 1 || strides.some((step) => step !== 1)) return undefined;
  // dx[h] = sum over r of dy[h + pad - d r] w[r]; with r' = R-1-r it is dy[h + d r' - (d (R-1) - pad)] w[R-1-r'].
  const [down, across] = [dilations[0] * (R - 1), dilations[1] * (S - 1)];
  const [top, left] = [down - pads[0], across - pads[1]];
  const turned: [number, number, number, number] = [top, left, H - P + down - top, W - Q + across - left];
  return turned.every((pad) => pad >= 0) ? turned : undefined;
}

/** Taps of filters whose gradients are at least as fast this way where quads swap no rows: 1x1, 2x2, 4x4 and 5x5. */
const SOFTWARE_TAPS: readonly number[] = [1, 4, 16, 25];

/** Without a measurement. Nothing was timed on real GPUs, so gradients stay as they are there. */
function isUsual(traits: DeviceTraits, [N, , , K]: Shape, [R, S]: Shape, [, H, W, C]: Shape): boolean {
  if (traits.kind !== 'software') return false;
  return SOFTWARE_TAPS.includes(R * S) || convBlocks(traits, N * H * W, K, C) !== undefined;
}

function lowered({ attrs, label }: OpNode, [dy, w]: readonly Value[], pads: readonly number[]): Value {
  const [R, S] = w.shape;
  const starts = [R - 1, S - 1, 0, 0];
  const turned = R * S === 1 ? w : apply('slice', [w], { starts, sizes: w.shape, steps: [-1, -1, 1, 1] });
  const filter = apply('transpose', [turned], { permutation: [0, 1, 3, 2] });
  const { dilations } = attrs as ConvInputAttrs;
  const forward = { strides: [1, 1], pads: pads as [number, number, number, number], dilations, groups: 1 } as const;
  return apply('conv2d', [dy, filter], forward, label);
}

export const rotate: Pass = (source, target) => {
  if (!target) return source;
  const fixed = findStatic(source.graph);
  return rewriteLowered(source, fixed, (node, inputs) => {
    const shapes = inputs.map(({ shape }) => shape);
    const pads = padsOf(node, shapes);
    // A filter that changes would be turned at every step.
    if (!pads || !fixed.has(node.inputs[1])) return undefined;
    const measured = target.measured?.(node, shapes);
    const isChosen =
      measured === undefined ? isUsual(target.traits, shapes[0], shapes[1], node.shape) : measured === ROTATED;
    return isChosen ? { variant: ROTATED, value: lowered(node, inputs, pads) } : undefined;
  });
};
