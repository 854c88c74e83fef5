// adapter.ts: asks for the best adapter and a GPUDevice of it: when a device is opened, and again after a loss.

import { DeviceError } from './errors.ts';

/** What the adapter says of itself. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly name: string;
  /** True for a CPU behind the API. */
  readonly software: boolean;
  readonly features: readonly string[];
}

export interface AdapterOptions {
  /** Where adapters come from; the browser's `navigator.gpu` by default. In Node use `openNodeDevice`. */
  readonly gpu?: GPU;
  readonly powerPreference?: GPUPowerPreference;
  /** Ask for the fallback (software) adapter. */
  readonly software?: boolean;
}

const WANTED_FEATURES: readonly GPUFeatureName[] = ['timestamp-query', 'subgroups', 'shader-f16'];

/** Limits worth having as large as the adapter allows. */
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupsPerDimension',
] as const;

export interface Opened {
  readonly gpu: GPUDevice;
  readonly adapter: AdapterDescription;
}

/** Throws a `DeviceError` that says what to do where there is none. */
export async function requestGpu(options: AdapterOptions): Promise<Opened> {
  const source = options.gpu ?? globalThis.navigator?.gpu;
  if (!source) {
    throw new DeviceError(
      'This browser offers no WebGPU here. Use a current Chrome, Edge, Firefox or Safari, over https or on localhost.',
    );
  }
  // A browser that has just started stands still in here until its GPU process does, so what the caller begins besides, like
  // the download of a network, goes first.
  await Promise.resolve();
  const adapter = await source.requestAdapter({
    powerPreference: options.powerPreference ?? 'high-performance',
    forceFallbackAdapter: options.software ?? false,
  });
  if (!adapter) {
    throw new DeviceError(
      'WebGPU finds no adapter. In Chrome on Linux start with --enable-unsafe-webgpu (chrome://flags/#enable-unsafe-webgpu) ' +
        'or install the Vulkan driver of your GPU; chrome://gpu shows what is missing.',
    );
  }
  const gpu = await adapter.requestDevice({
    label: 'facet',
    requiredFeatures: WANTED_FEATURES.filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((limit) => [limit, adapter.limits[limit]])),
  });
  return { gpu, adapter: describeAdapter(adapter) };
}

export function describeAdapter(adapter: GPUAdapter): AdapterDescription {
  const { vendor, architecture, device, description } = adapter.info;
  const name = description || device || architecture || vendor || 'unknown adapter';
  const software = adapter.info.isFallbackAdapter || /swiftshader|llvmpipe|software/i.test(`${architecture} ${name}`);
  return { vendor, architecture, name, software, features: [...adapter.features].sort() };
}
