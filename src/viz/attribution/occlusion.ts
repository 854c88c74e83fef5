// occlusion.ts: what the score loses when a window that slides over the picture is taken away (Zeiler & Fergus 2013, section
// 4.2). The windows are Captum's: one each `stride` pixels until the edge is covered, the last may hang over it. A pixel's
// value is the mean over the windows that cover it, as Captum has it, or their sum, as PAIR's saliency library has it.

import { ModelError } from '../../models/error.ts';
import { toFileLayout } from '../../models/onnx/layout.ts';
import { baselineOption, makeBaseline } from './baseline.ts';
import type { Method } from './method.ts';
import { box, choice, optional, withDefaults } from './options.ts';
import { Scorer } from './scorer.ts';
import { inputShape } from './subject.ts';

type Sides = readonly [number, number];

/** Of windows whose stride is not given. */
const LONGEST_STEP = 8;

const options = {
  window: box([15, 15], 'sides of what is taken away at once'),
  stride: optional(box([8, 8], 'steps of the window down and across; by default 8, or the side of a smaller window')),
  overlap: choice(['average', 'sum'], 'average', 'of the windows that cover a pixel'),
  baseline: baselineOption(),
};

/** One window: rows top..bottom, columns left..right, ends excluded, cut at the edge. */
type Window = readonly [top: number, bottom: number, left: number, right: number];

/**
 * 1 + ceil((length - window)/stride) windows a side; windows larger than the picture cover it once. Throws a `ModelError`
 * where pixels would lie between the windows: their 0 would say that they do not matter.
 */
export function slidingWindows(
  [H, W]: Sides,
  window: Sides,
  stride: Sides = [Math.min(window[0], LONGEST_STEP), Math.min(window[1], LONGEST_STEP)],
): Window[] {
  if (stride.some((step, axis) => step > window[axis])) {
    throw new ModelError(
      `a stride of ${stride.join('x')} passes over pixels that no window of ${window.join('x')} covers. Give one of at most the window.`,
    );
  }
  const [rows, columns] = [H, W].map((length, axis) => {
    const side = Math.min(window[axis], length);
    const count = 1 + Math.ceil((length - side) / stride[axis]);
    return Array.from({ length: count }, (_, k) => [k * stride[axis], Math.min(k * stride[axis] + side, length)]);
  });
  return rows.flatMap(([top, bottom]) => columns.map(([left, right]): Window => [top, bottom, left, right]));
}

/** The map [H*W] of what each window loses. */
export function spreadWindows(
  [H, W]: Sides,
  windows: readonly Window[],
  losses: ArrayLike<number>,
  overlap: 'average' | 'sum',
): Float64Array {
  const sums = new Float64Array(H * W);
  const covers = new Uint32Array(H * W);
  for (const [k, [top, bottom, left, right]] of windows.entries()) {
    for (let i = top; i < bottom; i++) {
      for (let at = i * W + left; at < i * W + right; at++) {
        sums[at] += losses[k];
        covers[at]++;
      }
    }
  }
  return overlap === 'sum' ? sums : sums.map((sum, at) => sum / covers[at]);
}

export const occlusion: Method<typeof options> = {
  title: 'Occlusion',
  description: 'what the score loses when a window that slides over the picture is taken away',
  source: 'Zeiler & Fergus 2013, section 4.2, https://arxiv.org/abs/1311.2901',
  family: 'perturbation',
  takesLayer: false,
  options,
  async prepare(context, given) {
    const { window, stride, overlap, baseline } = withDefaults(options, given);
    const { size } = context;
    const [, H, W, C] = inputShape(context);
    const windows = slidingWindows(size, window, stride);
    // Nothing taken away, everything, then the windows.
    const rows: Window[] = [[0, 0, 0, 0], [0, H, 0, W], ...windows];
    const scorer = await Scorer.create(context, rows.length, 'windows');
    return {
      async attribute({ input, target, signal, progress }) {
        const start = performance.now();
        const picture = { input, target, baseline: makeBaseline(baseline, input, [H, W, C], context.seed) };
        const scores = await scorer.score(picture, rows.length, (k, row) => row.set(rows[k]), { signal, progress });
        if (scores.length < rows.length) signal?.throwIfAborted();
        const [score, baselineScore] = scores;
        const losses = Float64Array.from(windows, (_, k) => score - scores[k + 2]);
        const map = spreadWindows(size, windows, losses, overlap);
        // A window takes all channels away at once: each of them is given what the pixel is.
        const all = Float32Array.from(input, (_, at) => map[Math.floor(at / C)]);
        const { data, shape } = toFileLayout(all, 'nhwc', [1, H, W, C]);
        return {
          method: 'occlusion',
          values: data,
          shape,
          alike: true,
          target: context.unit ? undefined : target,
          score,
          baselineScore,
          signed: true,
          evaluations: rows.length,
          millis: performance.now() - start,
        };
      },
      dispose: () => scorer.dispose(),
    };
  },
};
