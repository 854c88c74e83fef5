// conv.ts: convolution and its two gradients, with defaults filled in. A bias is an `add` afterwards.

import { type ConvAttrs, convOutputSize } from '../../kernels/conv.ts';
import { apply, type Value } from '../graph.ts';

export interface ConvOptions extends Partial<ConvAttrs> {
  readonly label?: string;
}

const fill = ({ strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1 }: ConvOptions): ConvAttrs => ({
  strides,
  pads,
  dilations,
  groups,
});

/** Cross-correlation. x: [N,H,W,C]  w: [R,S,C/groups,K]  ->  [N,P,Q,K]. Depthwise: groups = C. */
export const conv2d = (x: Value, w: Value, options: ConvOptions = {}): Value =>
  apply('conv2d', [x, w], fill(options), options.label);

/** Transposed convolution: the gradient of conv2d with respect to its picture of size [H, W]. dy: [N,P,Q,K]  ->  [N,H,W,C]. */
export const conv2dInput = (
  dy: Value,
  w: Value,
  options: ConvOptions & { readonly inputSize: readonly [number, number] },
): Value => apply('conv2dInput', [dy, w], { ...fill(options), inputSize: options.inputSize }, options.label);

/** The gradient of conv2d with respect to its filter of [R, S] taps. x: [N,H,W,C]  dy: [N,P,Q,K]  ->  [R,S,C/groups,K]. */
export const conv2dFilter = (
  x: Value,
  dy: Value,
  options: ConvOptions & { readonly filterSize: readonly [number, number] },
): Value => apply('conv2dFilter', [x, dy], { ...fill(options), filterSize: options.filterSize }, options.label);

/** [top, left, bottom, right] that keep ceil(size / stride) outputs, the odd one at the end (ONNX SAME_UPPER, TensorFlow SAME). */
export function samePads(
  size: readonly [number, number],
  filter: readonly [number, number],
  strides: readonly [number, number] = [1, 1],
  dilations: readonly [number, number] = [1, 1],
): [number, number, number, number] {
  const [down, across] = [0, 1].map((axis) => {
    const outputs = Math.ceil(size[axis] / strides[axis]);
    const reach = (outputs - 1) * strides[axis] + dilations[axis] * (filter[axis] - 1) + 1;
    return Math.max(0, reach - size[axis]);
  });
  return [Math.floor(down / 2), Math.floor(across / 2), Math.ceil(down / 2), Math.ceil(across / 2)];
}

export { convOutputSize };
