// dawn.node.ts: WebGPU in Node through Dawn (the `webgpu` package): the GPU of the machine, or the software adapter of
// an installed Chromium.

import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism, homedir, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { type Device, DeviceError, openDevice, type OpenOptions } from './device.ts';
import { calmTicks } from './ticks.node.ts';

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

/** The same in the browsers that Playwright installs, as `chromium-1234/chrome-linux/`. */
function playwrightDrivers(): string[] {
  const root = process.env.PLAYWRIGHT_BROWSERS_PATH ?? path.join(homedir(), '.cache', 'ms-playwright');
  const foldersIn = (folder: string) =>
    existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : [];
  return foldersIn(root)
    .filter((folder) => path.basename(folder).startsWith('chromium-'))
    .flatMap(foldersIn)
    .map((folder) => path.join(folder, 'vk_swiftshader_icd.json'));
}

const softwareDriver = (): string | undefined =>
  [...SOFTWARE_DRIVERS, ...playwrightDrivers()].find((file) => existsSync(file));

/** Drivers that the environment names in place of the system's; of the two variables Vulkan's loader prefers the first. */
const namedDriver = (): string | undefined => process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;

/**
 * Opens a device in Node. `auto` takes a GPU where there is one, else the software adapter. Throws a `DeviceError` that
 * says what to install.
 */
export async function openNodeDevice(
  choice: AdapterChoice = 'auto',
  options: Pick<OpenOptions, 'memoryMiB'> = {},
): Promise<Device> {
  if (choice === 'gpu' && !hasHardware()) throw new DeviceError(NO_GPU);
  // The drivers look for a window system, and complain on standard error where this is unset; nothing is shown here.
  process.env.XDG_RUNTIME_DIR ??= tmpdir();
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  if (choice !== 'software' && (hasHardware() || namedDriver())) {
    try {
      const device = await hold(create([]), options);
      if (choice === 'auto' || !device.adapter.software) return device;
      device.close();
      throw new DeviceError(NO_GPU);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      if (choice === 'gpu') throw new DeviceError(NO_GPU);
    }
  }
  const driver = softwareDriver() ?? namedDriver(); // what is named may be a GPU's
  if (!driver) throw new DeviceError(NO_ADAPTER);
  process.env.VK_DRIVER_FILES = process.env.VK_ICD_FILENAMES = driver; // older loaders know the second only
  try {
    return await hold(create([]), options);
  } catch (error) {
    throw error instanceof DeviceError ? new DeviceError(NO_ADAPTER) : error;
  }
}

/** Dawn ends with the object that opened it, so that is kept until its device is; after a loss it is asked again. */
const alive = new Set<GPU>();

/** Pipelines asked for beyond those that the cores compile, so that no core waits for the script. */
const ASKED_AHEAD = 2;

/** A driver that still compiles or computes while the process takes it down may crash it, so the end waits for that. */
const open = new Set<Device>();
process.once('exit', () => {
  for (const device of open) device.close();
});

async function hold(gpu: GPU, options: OpenOptions): Promise<Device> {
  alive.add(gpu);
  try {
    const pipelinesAtOnce = availableParallelism() + ASKED_AHEAD;
    const device = await openDevice({ gpu, hostBytes: hostBytes(), pipelinesAtOnce, ...options });
    open.add(device);
    device.ended.then(() => {
      alive.delete(gpu);
      open.delete(device);
    });
    if (device.adapter.software) calmTicks();
    return device;
  } catch (error) {
    alive.delete(gpu);
    throw error;
  }
}

/** A container may be allowed less than the machine has. */
function hostBytes(): number {
  const allowed = process.constrainedMemory?.() ?? 0; // 0, or a number beyond all memory, where there is no limit
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
}

const NO_ADAPTER =
  "There is no GPU and no software adapter. Install Chromium, whose SwiftShader is used, and Vulkan's loader " +
  '(Debian: apt-get install chromium libvulkan1; Ubuntu: apt-get install libvulkan1 && npx playwright install --with-deps chromium).';
const NO_GPU = 'There is no GPU that Vulkan can drive here. Install its driver, or use --adapter software.';
