// resample.ts: brings a picture to a size: scaled until it covers it, the middle cut out. Linear between pixels when it
// grows, averaged over all pixels it stands for when it shrinks (a triangle as wide as the scale, PIL's bilinear).

interface Taps {
  /** First input pixel of each output pixel, and the weights from there on. */
  readonly first: Int32Array;
  readonly weights: readonly Float64Array[];
}

/** How `count` outputs are made of the inputs [from, from + length) of an axis with `size` pixels. */
function tapsFor(size: number, from: number, length: number, count: number): Taps {
  const scale = length / count;
  const reach = Math.max(1, scale); // half the width of the triangle, in input pixels
  const first = new Int32Array(count);
  const weights: Float64Array[] = [];
  for (let i = 0; i < count; i++) {
    const centre = from + (i + 0.5) * scale - 0.5;
    const low = Math.max(0, Math.ceil(centre - reach));
    const high = Math.min(size - 1, Math.floor(centre + reach));
    const row = Float64Array.from({ length: high - low + 1 }, (_, k) =>
      Math.max(0, 1 - Math.abs(low + k - centre) / reach),
    );
    const total = row.reduce((sum, w) => sum + w, 0);
    first[i] = low;
    weights.push(row.map((w) => w / total));
  }
  return { first, weights };
}

/** data: [H,W,3]  ->  [h,w,3], sizes [height, width]. The same array where the size is right already. */
export function resample(
  data: Float32Array,
  [H, W]: readonly [number, number],
  [h, w]: readonly [number, number],
): Float32Array {
  if (H === h && W === w) return data;
  const scale = Math.max(h / H, w / W);
  const [usedH, usedW] = [Math.min(H, h / scale), Math.min(W, w / scale)];
  const down = tapsFor(H, (H - usedH) / 2, usedH, h);
  const across = tapsFor(W, (W - usedW) / 2, usedW, w);
  const CHANNELS = 3;
  const rows = new Float32Array(H * w * CHANNELS);
  for (let y = 0; y < H; y++) {
    for (let x = 0; x < w; x++) {
      for (let c = 0; c < CHANNELS; c++) {
        let sum = 0;
        across.weights[x].forEach((weight, k) => {
          sum += weight * data[(y * W + across.first[x] + k) * CHANNELS + c];
        });
        rows[(y * w + x) * CHANNELS + c] = sum;
      }
    }
  }
  const result = new Float32Array(h * w * CHANNELS);
  for (let y = 0; y < h; y++) {
    down.weights[y].forEach((weight, k) => {
      const from = (down.first[y] + k) * w * CHANNELS;
      for (let i = 0; i < w * CHANNELS; i++) result[y * w * CHANNELS + i] += weight * rows[from + i];
    });
  }
  return result;
}

/** Pictures of an open size stay as they are between these sides, in pixels. */
const SMALLEST_SIDE = 32;
const LARGEST_SIDE = 320;

/**
 * [height, width] at which a picture goes through a network: the one asked for; else the one the file fixes; else the
 * picture's own if both sides are within 32..320; else the size that the network was made for.
 */
export function inputSize(
  model: {
    readonly input: { readonly height?: number; readonly width?: number };
    readonly nominalSize: readonly [number, number];
  },
  picture: { readonly height: number; readonly width: number },
  asked?: readonly [number, number],
): [number, number] {
  const { height, width } = model.input;
  const isUsual = (side: number) => side >= SMALLEST_SIDE && side <= LARGEST_SIDE;
  const isOwn = isUsual(picture.height) && isUsual(picture.width);
  const [h, w] = asked ?? (isOwn ? [picture.height, picture.width] : model.nominalSize);
  return [height ?? h, width ?? w];
}
