// preprocess.ts: from pixels to what a network takes, and back: as numbers, and as a graph for gradients to flow through.
//
//   input = (low + (high - low) * pixel - mean) / std      pixel in 0..1, [low, high] the range, a mean and std a channel

import { labelled, type Tensor, type Value } from '../engine/graph.ts';
import { add, matmul, mul } from '../engine/ops/index.ts';
import { ModelError } from './error.ts';
import { resample } from './resample.ts';

/** `raw` where the channels are no colours: such a network takes arrays, and no picture can be given to it. */
export type ChannelOrder = 'RGB' | 'BGR' | 'gray' | 'raw';

export interface Preprocess {
  /** Order of the network's channels; `gray` is one channel, the luma of the picture. */
  readonly order: ChannelOrder;
  /** What black and white become before mean and std: [0,1], [0,255], [-1,1]. */
  readonly range: readonly [number, number];
  /** In the order of the network's channels, in units of the range; one number stands for all channels. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** [height, width] that pictures are brought to, where it is not the model's business. */
  readonly size?: readonly [number, number];
  /** Name of the preset it is, if it is one. */
  readonly name?: string;
  /** Where it is known from: the file's metadata, the kind of network, nowhere, or the user. */
  readonly source: 'metadata' | 'registry' | 'family' | 'default' | 'given';
}

/** Pixels as decoders give them: rows from the top, 8 bits a channel. 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly data: Uint8Array | Uint8ClampedArray;
}

const preset = (
  name: string,
  order: ChannelOrder,
  range: readonly [number, number],
  mean: number[],
  std: number[],
): Preprocess => ({
  name,
  order,
  range,
  mean,
  std,
  source: 'given',
});

const imagenet = preset('imagenet', 'RGB', [0, 1], [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
const inception = preset('inception', 'RGB', [-1, 1], [0], [1]);

/** By the name that `--preprocess` takes. */
export const presets: Readonly<Record<string, Preprocess>> = {
  imagenet,
  torchvision: imagenet,
  caffe: preset('caffe', 'BGR', [0, 255], [104, 117, 123], [1]),
  inception,
  tf: inception,
  unit: preset('unit', 'RGB', [0, 1], [0], [1]),
  cifar10: preset('cifar10', 'RGB', [0, 1], [0.4914, 0.4822, 0.4465], [0.2471, 0.2435, 0.2616]),
  mnist: preset('mnist', 'gray', [0, 1], [0.1307], [0.3081]),
  gray: preset('gray', 'gray', [0, 1], [0], [1]),
};

export function findPreset(name: string): Preprocess {
  const found = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (found) return found;
  throw new ModelError(`there is no preprocessing "${name}". Give one of ${Object.keys(presets).join(', ')}.`);
}

function channelsOf({ order }: Preprocess): number {
  if (order !== 'raw') return order === 'gray' ? 1 : 3;
  throw new ModelError(
    'the channels of this network are no colours, so no picture can be given to it, nor made of its input. ' +
      'The command line takes arrays (.npy) and writes them (--raw).',
  );
}

/** Whether pictures can be given to a network of so many channels. */
export const takesPictures = (channels: number): boolean => channels === 1 || channels === 3;

/** Throws unless the numbers make sense for a network of so many channels. */
export function checkPreprocess(preprocess: Preprocess, channels: number): void {
  const { mean, std, range } = preprocess;
  if (!takesPictures(channels)) {
    if (preprocess.order === 'raw') return;
    throw new ModelError(
      `the network takes ${channels} channels, which are no colours: no preprocessing of pictures fits it. Leave it out.`,
    );
  }
  if (channelsOf(preprocess) !== channels) {
    throw new ModelError(
      `the preprocessing gives ${channelsOf(preprocess)} channels (${preprocess.order}), the network takes ${channels}. ` +
        `Use the order ${channels === 1 ? 'gray' : 'RGB or BGR'}.`,
    );
  }
  for (const [what, list] of [
    ['mean', mean],
    ['std', std],
  ] as const) {
    if ((list.length !== 1 && list.length !== channels) || !list.every(Number.isFinite)) {
      throw new ModelError(`the ${what} [${list}] of the preprocessing must be 1 or ${channels} numbers.`);
    }
  }
  if (std.some((v) => v === 0)) throw new ModelError(`the std [${std}] of the preprocessing must not hold 0.`);
  if (range.length !== 2 || !(range[1] > range[0])) {
    throw new ModelError(
      `the range [${range}] of the preprocessing must be two ascending numbers, as [0,1] or [0,255].`,
    );
  }
}

/** ITU-R BT.601 luma, as decoders and PIL compute grey. */
const LUMA = [0.299, 0.587, 0.114];

/**
 * input[k] = sum over RGB c of matrix[c][k] * pixel[c] + bias[k]: the whole of a preprocessing as one affine map of the
 * pixels in 0..1.
 */
function affine(preprocess: Preprocess): { matrix: number[][]; bias: number[] } {
  const { order, range, mean, std } = preprocess;
  const channels = Array.from({ length: channelsOf(preprocess) }, (_, k) => k);
  const at = (list: readonly number[], k: number) => list[list.length === 1 ? 0 : k];
  const share = (c: number, k: number): number => {
    if (order === 'gray') return LUMA[c];
    return Number(c === (order === 'BGR' ? 2 - k : k));
  };
  return {
    matrix: [0, 1, 2].map((c) => channels.map((k) => (share(c, k) * (range[1] - range[0])) / at(std, k))),
    bias: channels.map((k) => (range[0] - at(mean, k)) / at(std, k)),
  };
}

/**
 * The network's input [1,H,W,C] from a picture. If `size` [height, width] differs from the picture's, the picture is
 * scaled until it covers it and the middle is cut out. Transparent pixels lie on white, as logos and drawings expect.
 */
export function preprocessPixels(pixels: Pixels, preprocess: Preprocess, size?: readonly [number, number]): Tensor {
  const [H, W] = size ?? preprocess.size ?? [pixels.height, pixels.width];
  return preprocessRgb(pixelsToRgb(pixels, [H, W]), preprocess, [H, W]);
}

/** RGB in 0..1, [H,W,3], of the given size: what pictures are shown and optimized in. */
export function pixelsToRgb(pixels: Pixels, [H, W]: readonly [number, number]): Float32Array {
  const { width, height, channels, data } = pixels;
  if (width < 1 || height < 1 || data.length !== width * height * channels) {
    throw new ModelError(
      `a picture of ${width}x${height} with ${channels} channels has ${width * height * channels} bytes, not ${data.length}. ` +
        'Decode it again.',
    );
  }
  const rgb = new Float32Array(width * height * 3);
  const isGray = channels < 3;
  const hasAlpha = channels === 2 || channels === 4;
  for (let i = 0; i < width * height; i++) {
    const alpha = hasAlpha ? data[i * channels + channels - 1] / 255 : 1;
    for (let c = 0; c < 3; c++) {
      const value = data[i * channels + (isGray ? 0 : c)] / 255;
      rgb[i * 3 + c] = alpha * value + (1 - alpha);
    }
  }
  return resample(rgb, [height, width], [H, W]);
}

/** The network's input from RGB in 0..1, [.., 3]. */
export function preprocessRgb(rgb: Float32Array, preprocess: Preprocess, [H, W]: readonly [number, number]): Tensor {
  const { matrix, bias } = affine(preprocess);
  const C = bias.length;
  const count = rgb.length / 3;
  const data = new Float32Array(count * C);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < C; k++) {
      let sum = bias[k];
      for (let c = 0; c < 3; c++) sum += matrix[c][k] * rgb[i * 3 + c];
      data[i * C + k] = sum;
    }
  }
  return { shape: [count / (H * W), H, W, C], data };
}

/** RGB in 0..1, [.., 3], from a network's input [.., C]; grey becomes three equal channels. Not cut to 0..1. */
export function unpreprocess(input: ArrayLike<number>, preprocess: Preprocess): Float32Array {
  const { order, range, mean, std } = preprocess;
  const C = channelsOf(preprocess);
  const at = (list: readonly number[], k: number) => list[list.length === 1 ? 0 : k];
  const rgb = new Float32Array((input.length / C) * 3);
  for (let i = 0; i < rgb.length; i++) {
    const c = i % 3;
    const k = order === 'gray' ? 0 : order === 'BGR' ? 2 - c : c;
    const value = input[((i - c) / 3) * C + k] * at(std, k) + at(mean, k);
    rgb[i] = (value - range[0]) / (range[1] - range[0]);
  }
  return rgb;
}

/** Tensors of each preprocessing, made once: their identity decides what is uploaded once. */
const tensors = new WeakMap<Preprocess, { scale?: Tensor; grayScale: Tensor; matrix: Tensor; bias: Tensor }>();

function tensorsOf(preprocess: Preprocess) {
  const known = tensors.get(preprocess);
  if (known) return known;
  const { matrix, bias } = affine(preprocess);
  const C = bias.length;
  const made = {
    // In the order of the picture, a number a channel does; otherwise channels mix.
    scale:
      preprocess.order === 'RGB' ? { shape: [C], data: Float32Array.from(bias, (_, k) => matrix[k][k]) } : undefined,
    /** Of a picture that is grey already: what R = G = B would come to. */
    grayScale: { shape: [1], data: Float32Array.of(matrix.reduce((sum, row) => sum + row[0], 0)) },
    matrix: { shape: [3, C], data: Float32Array.from(matrix.flat()) },
    bias: { shape: [C], data: Float32Array.from(bias) },
  };
  tensors.set(preprocess, made);
  return made;
}

/**
 * image: [N,H,W,3], RGB in 0..1, or for a network of grey pictures also [N,H,W,1]  ->  the network's input [N,H,W,C].
 * Gradients flow to the image.
 */
export function preprocessGraph(image: Value, preprocess: Preprocess): Value {
  const channels = image.shape[image.shape.length - 1];
  const isGray = channels === 1 && preprocess.order === 'gray';
  if (channels !== 3 && !isGray) {
    throw new ModelError(`preprocessing takes RGB [N,H,W,3], not [${image.shape.join(',')}].`);
  }
  const { graph } = image;
  const { scale: colorScale, grayScale, matrix, bias } = tensorsOf(preprocess);
  const scale = isGray ? grayScale : colorScale;
  const scaled = scale ? mul(image, graph.constant(scale)) : matmul(image, graph.constant(matrix));
  return labelled(bias.data.every((v) => v === 0) ? scaled : add(scaled, graph.constant(bias)), 'preprocessing');
}
