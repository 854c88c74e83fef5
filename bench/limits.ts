// limits.ts: what the device can do at most, as works beside the others: the engine's own measure of its roofline.

import { copyLimit, type Limit, multiplyAddLimit } from '../src/engine/gpu/roofline.ts';
import type { Device } from '../src/index.ts';
import type { Work } from './measure.ts';

function workOf({ gpu }: Device, limit: Limit): Work {
  const { name, flops, bytes, dispose } = limit;
  const run = () => {
    const encoder = gpu.createCommandEncoder();
    limit.encode(encoder);
    gpu.queue.submit([encoder.finish()]);
  };
  return { name, flops, bytes, run, dispose };
}

export const multiplyAddPeak = async (device: Device): Promise<Work> => workOf(device, await multiplyAddLimit(device));

export const copyPeak = async (device: Device): Promise<Work> => workOf(device, copyLimit(device));
