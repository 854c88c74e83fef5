// data.ts: the numbers that works are done on: the same for all engines, from a seed.

import { type Work, outputSize } from './peerWorks.ts';

/** Class whose logit is differentiated; the tabby cat of ImageNet, or what a smaller network has at its place. */
export const targetOf = (classes: number): number => 281 % classes;

/** A third of the way through a visualized layer. */
export const channelOf = (channels: number): number => Math.floor(channels / 3);

/** Of gradient descent in the training step. */
export const TRAINING_RATE = 0.05;
/** Steps after which the loss is compared: by then updates of weights have passed through the network again. */
export const TRAINING_STEPS = 3;
/** Of Adam in the visualization step. */
export const ADAM = { rate: 0.05, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** Masked pictures that go through the network at once. */
export const MASK_BATCH = 64;
/** Masks whose scores are compared with those of naive kernels. */
export const CHECKED_MASKS = 16;

/** Uniform in [low, high): Mulberry32. */
export function uniform(seed: number, count: number, low = -1, high = 1): Float32Array<ArrayBuffer> {
  const numbers = new Float32Array(count);
  let state = (seed * 0x9e3779b1) | 0;
  for (let i = 0; i < count; i++) {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    numbers[i] = low + ((high - low) * ((bits ^ (bits >>> 14)) >>> 0)) / 2 ** 32;
  }
  return numbers;
}

/** Picture [H,W,C] that a network takes, of pixels that are noise: [low, high] of each channel after preprocessing. */
export function noisePicture(seed: number, pixels: number, ranges: readonly (readonly [number, number])[]) {
  const numbers = uniform(seed, pixels * ranges.length, 0, 1);
  return numbers.map((value, i) => {
    const [low, high] = ranges[i % ranges.length];
    return low + (high - low) * value;
  });
}

/** Rows of `grid`² cells, 1 where the cell is shown. */
export function coalitions(count: number, grid: number): Uint8Array {
  return Uint8Array.from(uniform(11, count * grid * grid, 0, 1), (value) => (value < 0.5 ? 0 : 1));
}

/** Which cell of the grid each pixel belongs to. */
export function cellsOf(height: number, width: number, grid: number): Int32Array {
  const cellAt = (at: number, size: number) => Math.floor((at * grid) / size);
  return Int32Array.from(
    { length: height * width },
    (_, i) => cellAt(Math.floor(i / width), height) * grid + cellAt(i % width, width),
  );
}

/** 1 where a pixel is shown, [count, H*W], for coalitions `first` to `first + count - 1`. */
export function pixelMasks(sets: Uint8Array, cells: Int32Array, players: number, first: number, count: number) {
  const masks = new Float32Array(count * cells.length);
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < cells.length; i++) masks[n * cells.length + i] = sets[(first + n) * players + cells[i]];
  }
  return masks;
}

export interface ConvData {
  /** [1,H,W,C] */
  readonly x: Float32Array<ArrayBuffer>;
  /** [R,S,C/groups,K] */
  readonly w: Float32Array<ArrayBuffer>;
  /** [1,P,Q,K] */
  readonly dy: Float32Array<ArrayBuffer>;
}

export function convData({ conv }: Extract<Work, { kind: 'conv' | 'convInput' }>): ConvData {
  const { size, channels, filters, taps, groups } = conv;
  return {
    x: uniform(1, size * size * channels),
    w: uniform(2, taps * taps * (channels / groups) * filters, -0.1, 0.1),
    dy: uniform(3, outputSize(conv) ** 2 * filters),
  };
}

export const matmulData = (size: number) => ({ a: uniform(4, size * size), b: uniform(5, size * size) });

/** Half a spectrum of a picture, [1, size, size / 2 + 1, channels] real and imaginary parts, as rfft2 could have made it. */
export function spectrumData(size: number, channels: number) {
  const half = size / 2 + 1;
  const count = size * half * channels;
  const [real, imaginary] = [uniform(6, count), uniform(7, count)];
  const at = (row: number, column: number, channel: number) => (row * half + column) * channels + channel;
  // Columns 0 and size / 2 of a real picture's spectrum are their own mirror images; engines differ on what else to do.
  for (const column of [0, half - 1]) {
    for (let row = 0; row < size; row++) {
      const mirror = (size - row) % size;
      for (let channel = 0; channel < channels; channel++) {
        const [here, there] = [at(row, column, channel), at(mirror, column, channel)];
        if (here === there) imaginary[here] = 0;
        else if (row < mirror) {
          real[there] = real[here];
          imaginary[there] = -imaginary[here];
        }
      }
    }
  }
  return { real, imaginary };
}
