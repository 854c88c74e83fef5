// golden.ts: the recorded numbers of PyTorch and Captum, for GPU tests of attribution methods.

import type { Device } from '../../src/engine/gpu/device.ts';
import { type Model, parseModel } from '../../src/models/model.ts';
import { fromFileLayout } from '../../src/models/onnx/layout.ts';
import type { Method } from '../../src/viz/attribution/method.ts';
import type { Attribution } from '../../src/viz/attribution/result.ts';
import { close } from './close.ts';
import { fetchArray, fetchBytes, fetchManifest } from './fetch.ts';
import type { Golden } from './shared.ts';

const models = new Map<string, Promise<Model>>();

/** A shared network, opened once. */
export function openShared(file: string): Promise<Model> {
  const open = models.get(file) ?? fetchBytes(`data/models/${file}`).then((bytes) => parseModel(bytes, { name: file }));
  models.set(file, open);
  return open;
}

/** The input of a recording, [H,W,C], and its size. */
export async function recordedInput({ input, index }: Golden) {
  const { data, shape } = await fetchArray(`golden/inputs/${input}`);
  const [, C, H, W] = shape;
  const row = data.subarray(index * C * H * W, (index + 1) * C * H * W);
  return { data: fromFileLayout(row, 'nhwc', [1, C, H, W]).data, size: [H, W] as const };
}

export const recordings = async (what: string, file: string): Promise<Golden[]> =>
  (await fetchManifest()).filter((row) => row.what === what && row.model === file);

/** Relative to the largest magnitude: convsmall and ResNet, then the ImageNet networks. */
const toleranceOf = (file: string): number => (/^(googlenet|squeezenet)/.test(file) ? 1e-3 : 1e-4);

/** Runs a method as a recording was made, and compares the arrays. */
export async function compareRecorded(
  device: Device,
  method: Method,
  row: Golden,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Attribution> {
  const model = await openShared(row.model);
  const { data, size } = await recordedInput(row);
  const attributor = await method.prepare({ device, model, size, layer: row.layer }, options);
  try {
    const attribution = await attributor.attribute({ input: data, target: row.target });
    const expected = await fetchArray(`golden/${row.file}`);
    close(attribution.values, expected.data, { relative: toleranceOf(row.model) }, row.file);
    return attribution;
  } finally {
    attributor.dispose();
  }
}
