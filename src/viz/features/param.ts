// param.ts: how the optimized picture is represented: pixels or Fourier coefficients, plain or decorrelated colours.
// Lucid's `param.image`.

import { type Graph, labelled, type Tensor, type Value } from '../../engine/graph.ts';
import { div, irfft2, matmul, mul, reshape, sigmoid, clip } from '../../engine/ops/index.ts';
import { sizeOf } from '../../kernels/shape.ts';
import { normals, rng } from '../../training/random.ts';

export interface ImageParam {
  /** [height, width] in pixels. */
  readonly size: readonly [number, number];
  readonly batch: number;
  /** 3 for colour, 1 for grey. */
  readonly channels: number;
  /** Optimize Fourier coefficients instead of pixels. */
  readonly fft: boolean;
  /** Coefficients are scaled by 1 / frequency^decay. */
  readonly decay: number;
  /** Standard deviation of the initial parameters. */
  readonly sd: number;
  /** Colour space of the parameters: the axes along which natural colours vary independently, or plain RGB. */
  readonly decorrelate: boolean;
  /** How parameters become values in 0..1. */
  readonly squash: 'sigmoid' | 'clip';
  readonly seed: number;
}

/** Lucid's defaults. */
export const defaultParam: ImageParam = {
  size: [128, 128],
  batch: 1,
  channels: 3,
  fft: true,
  decay: 1,
  sd: 0.01,
  decorrelate: true,
  squash: 'sigmoid',
  seed: 0,
};

/**
 * Square root of the covariance of colours in ImageNet, one row for each of R, G, B (Lucid, `color.py`, measured there);
 * divided by its largest column norm when used.
 */
const COLOR_CORRELATION = [
  [0.26, 0.09, 0.02],
  [0.27, 0.0, -0.05],
  [0.27, -0.09, 0.03],
];

/** rgb = C · t for decorrelated t: [3,3], rows R, G, B. */
export function colorMatrix(): number[][] {
  const norms = [0, 1, 2].map((column) => Math.hypot(...COLOR_CORRELATION.map((row) => row[column])));
  const largest = Math.max(...norms);
  return COLOR_CORRELATION.map((row) => row.map((value) => value / largest));
}

/** Lucid divides the inverse transform by this; it sets how strong a step of the optimizer is in the picture. */
const FOURIER_SCALE = 4;

/** Frequencies in cycles a pixel of the half spectrum's rows and columns, as NumPy's fftfreq and rfftfreq. */
const frequency = (k: number, n: number): number => (k <= n / 2 ? k : k - n) / n;

/**
 * Scale of each coefficient, [1, H, W/2+1, 1, 1]: sqrt(H·W) / max(f, 1/max(H,W))^decay, so that with decay 1 every
 * scale of structure starts with equal energy.
 */
export function fourierScale([height, width]: readonly [number, number], decay: number): Tensor {
  const columns = Math.floor(width / 2) + 1;
  const data = new Float32Array(height * columns);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < columns; column++) {
      const f = Math.hypot(frequency(row, height), column / width);
      data[row * columns + column] = Math.sqrt(height * width) / Math.max(f, 1 / Math.max(height, width)) ** decay;
    }
  }
  return { shape: [1, height, columns, 1, 1], data };
}

/** Adds the parameters to the graph as a state. */
export function traceParam(graph: Graph, param: ImageParam): { readonly state: Value; readonly image: Value } {
  const [height, width] = param.size;
  const { batch, channels } = param;
  const shape = param.fft ? [batch, height, Math.floor(width / 2) + 1, channels, 2] : [batch, height, width, channels];
  const state = graph.state('param', { shape, data: normals(rng(param.seed, 0), sizeOf(shape), param.sd) });
  const plain = param.fft ? fromFourier(state, param) : state;
  const image = squash(param.decorrelate && channels === 3 ? correlate(plain) : plain, param.squash);
  return { state, image: labelled(image, 'image') };
}

function fromFourier(spectrum: Value, param: ImageParam): Value {
  const scale = spectrum.graph.constant(fourierScale(param.size, param.decay));
  return div(irfft2(mul(spectrum, scale), param.size[1]), FOURIER_SCALE);
}

function correlate(t: Value): Value {
  const { shape } = t;
  const pixels = shape[0] * shape[1] * shape[2];
  const matrix = colorMatrix();
  // Pixels are rows, so the matrix enters transposed.
  const data = Float32Array.from({ length: 9 }, (_, i) => matrix[i % 3][Math.floor(i / 3)]);
  return reshape(matmul(reshape(t, [pixels, 3]), t.graph.constant({ shape: [3, 3], data })), shape);
}

const squash = (value: Value, kind: ImageParam['squash']): Value =>
  kind === 'sigmoid' ? sigmoid(value) : clip(value, 0, 1);
