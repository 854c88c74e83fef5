// dawn.node.ts: WebGPU in Node through Dawn (the `webgpu` package): the GPU of the machine, or the software adapter of
// an installed Chromium.

import { existsSync, readdirSync } from 'node:fs';
import { type Device, DeviceError, openDevice } from './device.ts';

export type AdapterChoice = 'auto' | 'gpu' | 'software';

/** Where Chromium's packages put SwiftShader's Vulkan driver. */
const SOFTWARE_DRIVERS = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
  '/opt/microsoft/msedge/vk_swiftshader_icd.json',
  '/snap/chromium/current/usr/lib/chromium-browser/vk_swiftshader_icd.json',
];

/** Loading Vulkan drivers prints warnings on machines without a GPU, so they are tried only where one is visible. */
function hasHardware(): boolean {
  if (process.platform !== 'linux') return true;
  const nodes = ['/dev/dri', '/dev'].flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []));
  return nodes.some((node) => /^(renderD\d+|nvidia\d+|dxg)$/.test(node));
}

export const softwareDriver = (): string | undefined => SOFTWARE_DRIVERS.find((file) => existsSync(file));

/**
 * Opens a device in Node. `auto` takes a GPU where there is one, else the software adapter. Throws a `DeviceError` that
 * says what to install.
 */
export async function openNodeDevice(choice: AdapterChoice = 'auto'): Promise<Device> {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  if (choice !== 'software' && (choice === 'gpu' || hasHardware() || process.env.VK_ICD_FILENAMES)) {
    try {
      return await openDevice({ gpu: create([]) });
    } catch (error) {
      if (choice === 'gpu' || !(error instanceof DeviceError)) throw withoutGpu(error);
    }
  }
  const driver = process.env.VK_ICD_FILENAMES ?? softwareDriver();
  if (!driver) {
    throw new DeviceError(
      'There is no GPU and no software adapter. Install Chromium (Debian, Ubuntu: apt-get install chromium): its SwiftShader is used.',
    );
  }
  process.env.VK_ICD_FILENAMES = driver;
  // Mesa's layer that picks among GPUs has nothing to pick here, and complains on standard error without a desktop.
  process.env.NODEVICE_SELECT = '1';
  return openDevice({ gpu: create([]) });
}

const withoutGpu = (error: unknown): Error =>
  error instanceof DeviceError
    ? new DeviceError('There is no GPU that Vulkan can drive here. Install its driver, or use --adapter software.')
    : (error as Error);
