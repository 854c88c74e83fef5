// session.ts: what a command holds while it runs: the device, opened late and closed surely, and the way results go out.

import { openNodeDevice } from '../src/engine/gpu/dawn.node.ts';
import type { Device } from '../src/index.ts';
import type { GlobalOptions } from './options.ts';
import { loadTuning } from './tuning.ts';

/** Opens the GPU for `work`, with the kernels that `facet tune` found for it, and closes it. Open it only when all that needs no GPU has been checked. */
export async function withDevice<T>(
  { adapter, memory }: GlobalOptions,
  work: (device: Device) => Promise<T>,
): Promise<T> {
  const device = await openNodeDevice(adapter, { memoryMiB: memory });
  try {
    await device.useTuning(loadTuning(device));
    const result = await work(device);
    device.check();
    return result;
  } catch (error) {
    device.check(); // what the GPU itself reported says more than what followed from it
    throw error;
  } finally {
    device.close();
  }
}

/** One JSON object for scripts, or text for people. */
export function report(asJson: boolean | undefined, json: () => object, text: () => string): void {
  process.stdout.write(asJson ? `${JSON.stringify(json())}\n` : `${text()}\n`);
}
