// fetch.ts: files that lie beside the project, for tests in the browser. The runner serves ../shared under /shared/.

import type { Tensor } from '../../src/engine/graph.ts';
import { parseNpy } from './npy.ts';
import type { Golden } from './shared.ts';

async function fetchShared(file: string): Promise<Response> {
  const response = await fetch(`/shared/${file}`);
  if (!response.ok) throw new Error(`${file} is missing: this test needs the data folder ../shared.`);
  return response;
}

export const fetchBytes = async (file: string): Promise<Uint8Array> =>
  new Uint8Array(await (await fetchShared(file)).arrayBuffer());

/** A file of tests/fixtures. */
export async function fetchFixture(file: string): Promise<Uint8Array> {
  const response = await fetch(`/fixtures/${file}`);
  if (!response.ok) throw new Error(`tests/fixtures/${file} is missing.`);
  return new Uint8Array(await response.arrayBuffer());
}

export const fetchArray = async (file: string): Promise<Tensor> => parseNpy(await fetchBytes(file), file);

export const fetchManifest = async (): Promise<Golden[]> => (await fetchShared('golden/manifest.json')).json();

/** RGBA of a picture, as it is in the file. */
export async function fetchPixels(file: string) {
  const blob = await (await fetchShared(file)).blob();
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext(
    '2d',
  ) as OffscreenCanvasRenderingContext2D;
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return { width: bitmap.width, height: bitmap.height, channels: 4 as const, data: new Uint8Array(data.buffer) };
}
