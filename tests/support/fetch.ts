// fetch.ts: files that GPU tests read: data beside the project, fixtures, the shipped networks. In a page they are fetched
// from the runner, which serves ../shared, tests/fixtures and assets as /shared, /fixtures and /assets; in Node
// dawn-entry.ts has them read from there.

import type { Tensor } from '../../src/engine/graph.ts';
import { parseNpy } from './npy.ts';
import type { Golden } from './shared.ts';

interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 4;
  readonly data: Uint8Array;
}

interface Source {
  /** Undefined where there is no such file. */
  bytes(place: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** RGBA of a picture, as it is in the file. */
  pixels(file: Uint8Array<ArrayBuffer>): Promise<Pixels>;
}

let source: Source = {
  async bytes(place) {
    const response = await fetch(place);
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
  },
  async pixels(file) {
    const options = { colorSpaceConversion: 'none', premultiplyAlpha: 'none' } as const;
    const bitmap = await createImageBitmap(new Blob([file]), options);
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext(
      '2d',
    ) as OffscreenCanvasRenderingContext2D;
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    return { width: bitmap.width, height: bitmap.height, channels: 4, data: new Uint8Array(data.buffer) };
  },
};

export const useSource = (other: Source): void => void (source = other);

/** A file of ../shared. */
export async function fetchBytes(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await source.bytes(`/shared/${file}`);
  if (!bytes) throw new Error(`${file} is missing: this test needs the data folder ../shared.`);
  return bytes;
}

/** A file of tests/fixtures. */
export async function fetchFixture(file: string): Promise<Uint8Array> {
  const bytes = await source.bytes(`/fixtures/${file}`);
  if (!bytes) throw new Error(`tests/fixtures/${file} is missing.`);
  return bytes;
}

/** A shipped network, as "assets/drawings.onnx". */
export async function fetchAsset(file: string): Promise<Uint8Array> {
  const bytes = await source.bytes(`/${file}`);
  if (!bytes)
    throw new Error(
      `${file} is missing: take it from the repository, or have \`npm run train:drawings\` make drawings.onnx.`,
    );
  return bytes;
}

export const fetchArray = async (file: string): Promise<Tensor> => parseNpy(await fetchBytes(file), file);

export const fetchManifest = async (): Promise<Golden[]> =>
  JSON.parse(new TextDecoder().decode(await fetchBytes('golden/manifest.json')));

export const fetchPixels = async (file: string): Promise<Pixels> => source.pixels(await fetchBytes(file));
