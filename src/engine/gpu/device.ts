// device.ts: opens the GPU and keeps what programs share: pipelines, weights, and the account of memory.

import type { DeviceTraits } from '../../kernels/types.ts';
import type { Tensor } from '../graph.ts';
import { bufferBytes } from '../plan.ts';
import { DeviceError } from './errors.ts';
import { defaultBudget } from './memory.ts';

/** What the adapter says of itself. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly name: string;
  /** True for a CPU behind the API. */
  readonly software: boolean;
  readonly features: readonly string[];
}

export interface OpenOptions {
  /** Where adapters come from; the browser's `navigator.gpu` by default. In Node use `openNodeDevice`. */
  readonly gpu?: GPU;
  readonly powerPreference?: GPUPowerPreference;
  /** Ask for the fallback (software) adapter. */
  readonly software?: boolean;
  /** What all buffers together may take, in MiB; `defaultBudget` says what it is where this is left out. */
  readonly memoryMiB?: number;
  /** Memory of the machine in bytes, where it is known; browsers tell it roughly. */
  readonly hostBytes?: number;
}

export { DeviceError, DeviceLostError, OutOfMemoryError } from './errors.ts';

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

/** Opens the best adapter offered. Throws a `DeviceError` that says what to do where there is none. */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  const gpu = options.gpu ?? globalThis.navigator?.gpu;
  if (!gpu) {
    throw new DeviceError(
      'This browser offers no WebGPU here. Use a current Chrome, Edge, Firefox or Safari, over https or on localhost.',
    );
  }
  const adapter = await gpu.requestAdapter({
    powerPreference: options.powerPreference ?? 'high-performance',
    forceFallbackAdapter: options.software ?? false,
  });
  if (!adapter) {
    throw new DeviceError(
      'WebGPU finds no adapter. In Chrome on Linux start with --enable-unsafe-webgpu (chrome://flags/#enable-unsafe-webgpu) ' +
        'or install the Vulkan driver of your GPU; chrome://gpu shows what is missing.',
    );
  }
  const device = await adapter.requestDevice({
    label: 'facet',
    requiredFeatures: WANTED_FEATURES.filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((limit) => [limit, adapter.limits[limit]])),
  });
  const description = describe(adapter);
  const { maxBufferSize } = device.limits;
  const hostBytes = options.hostBytes ?? hostBytesOfBrowser();
  const budget = options.memoryMiB
    ? options.memoryMiB * 2 ** 20
    : defaultBudget({ software: description.software, maxBufferSize, hostBytes });
  return new Device(device, description, budget);
}

/** Rounded to a power of two and capped by the browser; not every browser tells. */
function hostBytesOfBrowser(): number | undefined {
  const { deviceMemory } = (globalThis.navigator ?? {}) as { deviceMemory?: number };
  return deviceMemory === undefined ? undefined : deviceMemory * 2 ** 30;
}

function describe(adapter: GPUAdapter): AdapterDescription {
  const { vendor, architecture, device, description } = adapter.info;
  const name = description || device || architecture || vendor || 'unknown adapter';
  const software = adapter.info.isFallbackAdapter || /swiftshader|llvmpipe|software/i.test(`${architecture} ${name}`);
  return { vendor, architecture, name, software, features: [...adapter.features].sort() };
}

const lostDevice = (details: string): DeviceError =>
  new DeviceError(`The GPU device was lost. Reload the page, or start again. (${details})`);

interface SharedTensor {
  readonly buffer: GPUBuffer;
  users: number;
}

export class Device {
  readonly traits: DeviceTraits;
  /** Buffers alive and their bytes; `peakBytes` is the most so far. */
  readonly memory = { buffers: 0, bytes: 0, peakBytes: 0 };
  private readonly pipelines = new Map<string, Promise<GPUComputePipeline>>();
  private readonly layouts = new Map<number, GPUBindGroupLayout>();
  private readonly tensors = new Map<Tensor, SharedTensor>();
  private failure: DeviceError | undefined;
  private closed = false;

  constructor(
    readonly gpu: GPUDevice,
    readonly adapter: AdapterDescription,
    /** What all buffers together may take; programs that do not fit are refused. */
    readonly budgetBytes: number,
  ) {
    this.traits = {
      kind: adapter.software ? 'software' : 'gpu',
      subgroups: gpu.features.has('subgroups'),
      maxWorkgroupsPerDimension: gpu.limits.maxComputeWorkgroupsPerDimension,
      maxWorkgroupStorageBytes: gpu.limits.maxComputeWorkgroupStorageSize,
      maxInvocationsPerWorkgroup: gpu.limits.maxComputeInvocationsPerWorkgroup,
    };
    gpu.addEventListener('uncapturederror', (event) => {
      this.failure ??= new DeviceError(
        `The GPU reported an error: ${(event as GPUUncapturedErrorEvent).error.message}`,
      );
    });
    gpu.lost.then((info) => {
      if (!this.closed) this.failure = lostDevice(info.message || info.reason);
    });
  }

  /** Throws what went wrong on the device since it was opened, if anything. */
  check(): void {
    if (this.failure) throw this.failure;
  }

  /** Of one buffer that shaders see. */
  get maxBufferBytes(): number {
    return Math.min(this.gpu.limits.maxBufferSize, this.gpu.limits.maxStorageBufferBindingSize);
  }

  /** Whether the numbers of a tensor are on the device already. */
  holds(tensor: Tensor): boolean {
    return this.tensors.has(tensor);
  }

  createBuffer(label: string, sizeBytes: number, usage: GPUBufferUsageFlags, mapped = false): GPUBuffer {
    const size = bufferBytes(sizeBytes);
    const buffer = this.gpu.createBuffer({ label, size, usage, mappedAtCreation: mapped });
    this.memory.buffers++;
    this.memory.bytes += size;
    this.memory.peakBytes = Math.max(this.memory.peakBytes, this.memory.bytes);
    return buffer;
  }

  destroyBuffer(buffer: GPUBuffer): void {
    this.memory.buffers--;
    this.memory.bytes -= buffer.size;
    buffer.destroy();
  }

  /** The buffer of a tensor, uploaded on first use and shared by all who acquire it. Release it as often. */
  acquireTensor(tensor: Tensor): GPUBuffer {
    let shared = this.tensors.get(tensor);
    if (!shared) {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
      const buffer = this.createBuffer('tensor', tensor.data.byteLength, usage, true);
      new Float32Array(buffer.getMappedRange()).set(tensor.data);
      buffer.unmap();
      shared = { buffer, users: 0 };
      this.tensors.set(tensor, shared);
    }
    shared.users++;
    return shared.buffer;
  }

  releaseTensor(tensor: Tensor): void {
    const shared = this.tensors.get(tensor);
    if (!shared || --shared.users > 0) return;
    this.tensors.delete(tensor);
    this.destroyBuffer(shared.buffer);
  }

  /** Bindings of every compute shader: 0 uniforms, 1 the output, then `inputs` read-only buffers. */
  bindGroupLayout(inputs: number): GPUBindGroupLayout {
    let layout = this.layouts.get(inputs);
    if (!layout) {
      const visibility = GPUShaderStage.COMPUTE;
      const types: GPUBufferBindingType[] = [
        'uniform',
        'storage',
        ...Array<GPUBufferBindingType>(inputs).fill('read-only-storage'),
      ];
      layout = this.gpu.createBindGroupLayout({
        label: `${inputs} inputs`,
        entries: types.map((type, binding) => ({ binding, visibility, buffer: { type } })),
      });
      this.layouts.set(inputs, layout);
    }
    return layout;
  }

  /** The pipeline of a final text, compiled once for the device. */
  pipeline(
    label: string,
    code: string,
    inputs: number,
    overrides: Readonly<Record<string, number>> = {},
  ): Promise<GPUComputePipeline> {
    const key = `${inputs} ${JSON.stringify(overrides)}\n${code}`;
    let pipeline = this.pipelines.get(key);
    if (!pipeline) {
      pipeline = this.compile(label, code, inputs, overrides);
      this.pipelines.set(key, pipeline);
      // A failure is not kept: it may have been the device's, not the text's.
      pipeline.catch(() => this.pipelines.delete(key));
    }
    return pipeline;
  }

  get pipelineCount(): number {
    return this.pipelines.size;
  }

  private async compile(
    label: string,
    code: string,
    inputs: number,
    overrides: Readonly<Record<string, number>>,
  ): Promise<GPUComputePipeline> {
    try {
      const shader = this.gpu.createShaderModule({ label, code });
      return await this.gpu.createComputePipelineAsync({
        label,
        layout: this.gpu.createPipelineLayout({ bindGroupLayouts: [this.bindGroupLayout(inputs)] }),
        compute: { module: shader, constants: overrides },
      });
    } catch (error) {
      this.check();
      throw new DeviceError(
        `The shader "${label}" does not compile: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  /** Copies `sizeBytes` of a buffer to the CPU, as it is after all work submitted so far. */
  async read(buffer: GPUBuffer, sizeBytes: number): Promise<Float32Array<ArrayBuffer>> {
    this.check();
    const staging = this.createBuffer('read', sizeBytes, GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ);
    try {
      const encoder = this.gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, Math.ceil(sizeBytes / 4) * 4);
      this.gpu.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      this.check(); // failed work leaves old numbers in the buffer
      return new Float32Array(staging.getMappedRange().slice(0, sizeBytes));
    } catch (error) {
      this.check();
      throw error;
    } finally {
      this.destroyBuffer(staging);
    }
  }

  /** Resolves when all submitted work is done; throws if any of it failed. */
  async idle(): Promise<void> {
    try {
      await this.gpu.queue.onSubmittedWorkDone();
    } catch (error) {
      this.check();
      throw lostDevice(String(error)); // the queue fails before the device says that it is lost
    }
    this.check();
  }

  /** Frees everything; programs of this device are dead afterwards. */
  close(): void {
    this.closed = true;
    this.gpu.destroy();
  }
}
