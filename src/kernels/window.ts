// window.ts: the sliding windows of pooling: how many there are, and which pixels each one sees. No op is defined here.

import { areWhole, showShape } from './shape.ts';
import { OpError, type Shape } from './types.ts';

/** Windows over the spatial axes of [N, H, W, C]; all sizes in pixels. */
export interface Window {
  /** Taps [R, S]. */
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  /** Padding [top, left, bottom, right]. */
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
  /** Rounds the number of windows up, so that the last may hang over the end. */
  readonly ceilMode: boolean;
}

/** Pixels from the first to the last tap of a window, both counted. */
export const extentOf = (taps: number, dilation: number): number => (taps - 1) * dilation + 1;

/**
 * Number of windows along one axis. With `ceilMode` a window may hang over the end, but one that would start in the
 * padding after the input is dropped: PyTorch's rule, which ONNX adopted in opset 19 and Caffe follows too.
 * (Older ONNX texts lack the sentence; the exporters of that time were PyTorch and Caffe, so their files mean it.)
 */
function windowCount(size: number, axis: 0 | 1, { kernel, strides, pads, dilations, ceilMode }: Window): number {
  const before = pads[axis];
  const room = size + before + pads[axis + 2] - extentOf(kernel[axis], dilations[axis]);
  const floor = room < 0 ? 0 : Math.floor(room / strides[axis]) + 1;
  if (!ceilMode) return floor;
  const ceil = Math.ceil(room / strides[axis]) + 1;
  return (ceil - 1) * strides[axis] >= size + before ? ceil - 1 : ceil;
}

/** Taps of window `at` that lie on the input, along one axis. */
function tapsInside(at: number, size: number, axis: 0 | 1, { kernel, strides, pads, dilations }: Window): number {
  let inside = 0;
  for (let tap = 0; tap < kernel[axis]; tap++) {
    const pixel = at * strides[axis] - pads[axis] + tap * dilations[axis];
    if (pixel >= 0 && pixel < size) inside++;
  }
  return inside;
}

/** [N, P, Q, C] for x: [N, H, W, C], or an OpError that says what does not fit. */
export function pooledShape(op: string, x: Shape, window: Window): Shape {
  const { kernel, strides, pads, dilations } = window;
  if (x.length !== 4) throw new OpError(`${op}: x is ${showShape(x)}; pooling wants [N, H, W, C].`);
  if (kernel.length !== 2 || strides.length !== 2 || dilations.length !== 2 || pads.length !== 4) {
    throw new OpError(
      `${op}: kernel, strides and dilations take 2 numbers [rows, columns], pads 4 [top, left, bottom, right].`,
    );
  }
  if (!areWhole([...kernel, ...strides, ...dilations], 1) || !areWhole(pads, 0)) {
    throw new OpError(
      `${op}: kernel [${kernel}], strides [${strides}] and dilations [${dilations}] must be whole and positive, pads [${pads}] not negative.`,
    );
  }
  const counts = ([0, 1] as const).map((axis) => {
    const size = x[axis + 1];
    const count = windowCount(size, axis, window);
    const name = axis === 0 ? 'height' : 'width';
    if (count < 1) {
      throw new OpError(
        `${op}: a window of ${extentOf(kernel[axis], dilations[axis])} does not fit the ${name} ${size} of x ${showShape(x)} ` +
          `padded by ${pads[axis]} and ${pads[axis + 2]}. Use a smaller kernel or a larger picture.`,
      );
    }
    for (let at = 0; at < count; at++) {
      if (tapsInside(at, size, axis, window) === 0) {
        throw new OpError(
          `${op}: window ${at} along the ${name} of x ${showShape(x)} sees padding only (kernel [${kernel}], pads [${pads}]). ` +
            'Padding must be smaller than the kernel.',
        );
      }
    }
    return count;
  });
  return [x[0], counts[0], counts[1], x[3]];
}
