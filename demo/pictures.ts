// pictures.ts: pictures in and out of the page: decoding files, painting pixels, saving PNG.

import { PageError } from './status.ts';

/** RGBA bytes, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 4;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** A picture with a longer side than this, in pixels, is scaled down at once: networks take far less. */
const LONGEST_SIDE = 1024;

export async function decodePicture(file: File): Promise<Picture> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  } catch {
    const why = file.size === 0 ? 'the file is empty' : 'it is no picture that this browser can read';
    throw new PageError(`"${file.name}" cannot be opened: ${why}. Use a PNG, JPEG or WebP file.`);
  }
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const context = contextOf(new OffscreenCanvas(width, height));
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return { width, height, channels: 4, data: context.getImageData(0, 0, width, height).data as Picture['data'] };
}

/** RGB bytes to RGBA. */
export function withAlpha(rgb: Uint8Array, width: number, height: number): Picture {
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) data.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
  return { width, height, channels: 4, data };
}

type Paintable = Pick<Picture, 'width' | 'height' | 'data'>;

/** Gives the canvas the picture's own size; the page scales it. */
export function paint(canvas: HTMLCanvasElement | OffscreenCanvas, { width, height, data }: Paintable): void {
  canvas.width = width;
  canvas.height = height;
  contextOf(canvas).putImageData(new ImageData(data, width, height), 0, 0);
}

function contextOf(canvas: HTMLCanvasElement | OffscreenCanvas) {
  return canvas.getContext('2d', { willReadFrequently: true }) as
    | CanvasRenderingContext2D
    | OffscreenCanvasRenderingContext2D;
}

export async function savePng(picture: Paintable, name: string): Promise<void> {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  paint(canvas, picture);
  saveFile(await canvas.convertToBlob({ type: 'image/png' }), name);
}

/** Hands a file to the browser's downloads. */
export function saveFile(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  // The download reads the URL after this task.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
