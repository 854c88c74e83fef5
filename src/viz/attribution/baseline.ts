// baseline.ts: what absence means: the picture that stands where a feature is taken away, or where a path begins.

import { normalNumbers } from '../../kernels/random.ts';
import { ModelError } from '../../models/error.ts';
import type { Option } from './options.ts';

/** One number for all, the picture's mean colour, the picture blurred, noise of its mean and spread, or another picture [H,W,C]. */
export type Baseline = number | 'mean' | 'blur' | 'noise' | Float32Array;

const NAMES = ['mean', 'blur', 'noise'] as const;

export const baselineOption = (fallback: Baseline = 0): Option<Baseline> => ({
  fallback,
  description: 'what absence means: a number in the units of the network input, mean, blur or noise',
  placeholder: `number|${NAMES.join('|')}|file`,
  words: NAMES,
  takesArray: 'picture',
  parse: (text) => {
    const name = NAMES.find((each) => each === text);
    if (name) return name;
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isFinite(value)) return value;
    throw new ModelError(`"${text}" is no baseline. Give a number, ${NAMES.join(', ')}, or an .npy file.`);
  },
});

type Shape = readonly [height: number, width: number, channels: number];

/** Standard deviation of the blur, as a share of the shorter side: enough that no object can be told. */
const BLUR_SHARE = 1 / 10;
const NOISE_STREAM = 77;

/** The baseline picture [H,W,C]. */
export function makeBaseline(baseline: Baseline, input: Float32Array, shape: Shape, seed = 0): Float32Array {
  const [H, W, C] = shape;
  if (baseline instanceof Float32Array) {
    if (baseline.length === input.length) return baseline;
    throw new ModelError(
      `the baseline holds ${baseline.length} numbers, the network input ${input.length} ([${shape}]).`,
    );
  }
  if (typeof baseline === 'number') return new Float32Array(input.length).fill(baseline);
  if (baseline === 'blur') return gaussianBlur(input, shape, BLUR_SHARE * Math.min(H, W));
  const { means, deviations } = channelMoments(input, C);
  if (baseline === 'mean') return input.map((_, i) => means[i % C]);
  const noise = normalNumbers(input.length, { seed, stream: NOISE_STREAM });
  return noise.map((value, i) => means[i % C] + deviations[i % C] * value);
}

/** Mean and standard deviation of each channel of [..,C]. */
export function channelMoments(input: Float32Array, C: number) {
  const count = input.length / C;
  const [sums, squares] = [new Float64Array(C), new Float64Array(C)];
  input.forEach((value, i) => {
    sums[i % C] += value;
    squares[i % C] += value * value;
  });
  const means = sums.map((sum) => sum / count);
  return { means, deviations: squares.map((sum, c) => Math.sqrt(Math.max(0, sum / count - means[c] ** 2))) };
}

/** Gaussian weights to four standard deviations, which sum to 1. */
function gaussianKernel(sigma: number): Float64Array {
  const radius = Math.ceil(4 * sigma);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const total = kernel.reduce((sum, weight) => sum + weight, 0);
  return kernel.map((weight) => weight / total);
}

/** x: [H,W,C] blurred by a Gaussian of `sigma` pixels; beyond the edge the edge pixels go on. */
export function gaussianBlur(x: Float32Array, [H, W, C]: Shape, sigma: number): Float32Array {
  if (!(sigma > 0)) return x.slice();
  const kernel = gaussianKernel(sigma);
  const radius = (kernel.length - 1) / 2;
  const along = (from: Float32Array, length: number, stride: number, starts: (k: number) => number, lines: number) => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line++) {
      const start = starts(line);
      for (let i = 0; i < length; i++) {
        let sum = 0;
        for (let t = -radius; t <= radius; t++) {
          const at = Math.min(Math.max(i + t, 0), length - 1);
          sum += kernel[t + radius] * from[start + at * stride];
        }
        to[start + i * stride] = sum;
      }
    }
    return to;
  };
  const columns = along(x, H, W * C, (line) => line, W * C);
  return along(columns, W, C, (line) => Math.floor(line / C) * W * C + (line % C), H * C);
}
