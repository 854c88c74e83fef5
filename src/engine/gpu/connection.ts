// connection.ts: one GPUDevice and all that is made on it: buffers, shared weights, layouts, pipelines. It ends with its
// GPUDevice; what outlives a loss is in device.ts and program.ts.

import { packHalves } from '../../kernels/half.ts';
import type { DeviceTraits } from '../../kernels/types.ts';
import { type Tensor, tensorBytes } from '../graph.ts';
import { bufferBytes } from '../plan.ts';
import { mebibytes } from '../print.ts';
import type { AdapterDescription, Opened } from './adapter.ts';
import { DeviceError, DeviceLostError } from './errors.ts';
import { Watch } from './scopes.ts';
import { Turns } from './turns.ts';

/** Buffers alive and their bytes; `peakBytes` is the most so far. */
export interface MemoryAccount {
  buffers: number;
  bytes: number;
  peakBytes: number;
}

interface SharedTensor {
  readonly buffer: GPUBuffer;
  /** What was reported about its upload, for each who acquires it. */
  readonly answer: Promise<DeviceError | undefined>;
  users: number;
}

/** A loss is told so much later, at most, than the failures that follow from it. */
const LOSS_IS_TOLD_MILLIS = 100;

const wait = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));

export class Connection {
  readonly gpu: GPUDevice;
  readonly adapter: AdapterDescription;
  readonly traits: DeviceTraits;
  /** The loss of this GPUDevice, once it is known. */
  lost: DeviceLostError | undefined;
  /** Resolves when the GPUDevice is gone. */
  readonly #gone: Promise<void>;
  /** Hears what is reported about work of no program: of the canvas, of a benchmark. */
  readonly watch: Watch;
  readonly #memory: MemoryAccount;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #compiling: Turns;
  readonly #layouts = new Map<number, GPUBindGroupLayout>();
  readonly #tensors = new Map<Tensor, SharedTensor>();
  readonly #buffers = new Set<GPUBuffer>();
  #uncaught: unknown;

  /** At most `pipelinesAtOnce` are compiled, or wait for that in the GPUDevice. */
  constructor(
    { gpu, adapter }: Opened,
    pipelinesAtOnce: number,
    memory: MemoryAccount,
    onLost: (reason: string) => void,
  ) {
    this.#compiling = new Turns(pipelinesAtOnce);
    this.#memory = memory;
    this.gpu = gpu;
    this.adapter = adapter;
    this.watch = new Watch(gpu);
    this.traits = {
      kind: adapter.software ? 'software' : 'gpu',
      subgroups: gpu.features.has('subgroups'),
      maxWorkgroupsPerDimension: gpu.limits.maxComputeWorkgroupsPerDimension,
      maxWorkgroupStorageBytes: gpu.limits.maxComputeWorkgroupStorageSize,
      maxInvocationsPerWorkgroup: gpu.limits.maxComputeInvocationsPerWorkgroup,
    };
    gpu.addEventListener('uncapturederror', (event) => {
      const { message } = (event as GPUUncapturedErrorEvent).error;
      this.report(new DeviceError(`The GPU reported an error: ${message}`));
    });
    this.#gone = gpu.lost.then(({ message, reason }) => {
      const details = message || reason;
      this.lost = new DeviceLostError(`The GPU was lost while it worked; start what it did again. (${details})`);
      this.#forget();
      onLost(details);
    });
  }

  /** The buffers of a lost GPUDevice are gone: nobody has to free them, and they no longer count. */
  #forget(): void {
    for (const buffer of this.#buffers) this.#memory.bytes -= buffer.size;
    this.#memory.buffers -= this.#buffers.size;
    this.#buffers.clear();
    this.#tensors.clear();
    this.#pipelines.clear();
    this.#layouts.clear();
  }

  /** Keeps what nobody waits for until `check`; the first of several. */
  report(error: unknown): void {
    this.#uncaught ??= error;
  }

  /** Throws what was reported and no scope caught, once. */
  check(): void {
    const error = this.#uncaught;
    this.#uncaught = undefined;
    if (error) throw error;
  }

  /** The error to report: what follows from a loss is the loss. */
  async explain(error: unknown): Promise<unknown> {
    if (!this.lost) await Promise.race([this.#gone, wait(LOSS_IS_TOLD_MILLIS)]);
    return this.lost ?? error;
  }

  /** Throws what was reported about the work that was watched, or the loss. */
  async settle(watch: Watch): Promise<void> {
    const error = await watch.settle();
    if (error) throw await this.explain(error);
    if (this.lost) throw this.lost;
  }

  createBuffer(
    label: string,
    sizeBytes: number,
    usage: GPUBufferUsageFlags,
    watch = this.watch,
    mappedAtCreation = false,
  ): GPUBuffer {
    const size = bufferBytes(sizeBytes);
    const buffer = watch.during(
      () => `${label}, ${mebibytes(size)}`,
      () => this.gpu.createBuffer({ label, size, usage, mappedAtCreation }),
    );
    if (this.lost) return buffer; // it is of no use, and counts as little as the others
    this.#buffers.add(buffer);
    this.#memory.buffers++;
    this.#memory.bytes += size;
    this.#memory.peakBytes = Math.max(this.#memory.peakBytes, this.#memory.bytes);
    return buffer;
  }

  destroyBuffer(buffer: GPUBuffer): void {
    if (!this.#buffers.delete(buffer)) return;
    this.#memory.buffers--;
    this.#memory.bytes -= buffer.size;
    buffer.destroy();
  }

  holds(tensor: Tensor): boolean {
    return this.#tensors.has(tensor);
  }

  /** The buffer of a tensor, uploaded on first use and shared by all who acquire it. Release it as often. */
  acquireTensor(tensor: Tensor, label: string, watch: Watch): GPUBuffer {
    let shared = this.#tensors.get(tensor);
    if (!shared) {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
      const upload = new Watch(this.gpu);
      const buffer = this.createBuffer(label, tensorBytes(tensor), usage, upload, true);
      try {
        const range = buffer.getMappedRange();
        if (tensor.inHalves) packHalves(tensor.data, new Uint32Array(range));
        else new Float32Array(range).set(tensor.data);
        buffer.unmap();
      } catch (error) {
        this.destroyBuffer(buffer);
        throw error;
      }
      shared = { buffer, answer: upload.settle(), users: 0 };
      this.#tensors.set(tensor, shared);
    }
    shared.users++;
    watch.add(shared.answer);
    return shared.buffer;
  }

  releaseTensor(tensor: Tensor): void {
    const shared = this.#tensors.get(tensor);
    if (!shared || --shared.users > 0) return;
    this.#tensors.delete(tensor);
    this.destroyBuffer(shared.buffer);
  }

  /** Bindings of every compute shader: 0 uniforms, 1 the output, then `inputs` read-only buffers. */
  bindGroupLayout(inputs: number): GPUBindGroupLayout {
    let layout = this.#layouts.get(inputs);
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
      this.#layouts.set(inputs, layout);
    }
    return layout;
  }

  /** The pipeline of a final text, compiled once. */
  pipeline(
    label: string,
    code: string,
    inputs: number,
    overrides: Readonly<Record<string, number>> = {},
  ): Promise<GPUComputePipeline> {
    const key = `${inputs} ${JSON.stringify(overrides)}\n${code}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#compile(label, code, inputs, overrides);
      this.#pipelines.set(key, pipeline);
      // A failure is not kept: it may have been the device's, not the text's.
      pipeline.catch(() => this.#pipelines.delete(key));
    }
    return pipeline;
  }

  get pipelineCount(): number {
    return this.#pipelines.size;
  }

  async #compile(
    label: string,
    code: string,
    inputs: number,
    overrides: Readonly<Record<string, number>>,
  ): Promise<GPUComputePipeline> {
    const watch = new Watch(this.gpu);
    try {
      const [module, layout] = watch.during(
        () => `The shader "${label}"`,
        () => [
          this.gpu.createShaderModule({ label, code }),
          this.gpu.createPipelineLayout({ bindGroupLayouts: [this.bindGroupLayout(inputs)] }),
        ],
      );
      // It rejects with what is wrong in the text; only the module's own message says where.
      return await this.#compiling.take(() =>
        this.gpu.createComputePipelineAsync({ label, layout, compute: { module, constants: overrides } }),
      );
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      const reported = await watch.settle();
      throw await this.explain(reported ?? new DeviceError(`The shader "${label}" does not compile: ${message}`));
    }
  }

  /** Copies the beginnings of buffers to the CPU, as they are after all work submitted so far. */
  async read(
    parts: readonly { readonly buffer: GPUBuffer; readonly bytes: number }[],
    label: string,
  ): Promise<Float32Array<ArrayBuffer>[]> {
    const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    const watch = new Watch(this.gpu);
    const staging = this.createBuffer(
      `${label}, read`,
      total,
      GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
      watch,
    );
    try {
      watch.during(
        () => `${label}, read`,
        () => {
          const encoder = this.gpu.createCommandEncoder();
          let at = 0;
          for (const { buffer, bytes } of parts) {
            if (bytes > 0) encoder.copyBufferToBuffer(buffer, 0, staging, at, bytes);
            at += bytes;
          }
          this.gpu.queue.submit([encoder.finish()]);
        },
      );
      const failure: unknown = await staging.mapAsync(GPUMapMode.READ).then(
        () => undefined,
        (error) => error,
      );
      const error = (await watch.settle()) ?? failure;
      if (error) throw await this.explain(error);
      const all = staging.getMappedRange();
      let at = 0;
      return parts.map(({ bytes }) => new Float32Array(all.slice(at, (at += bytes))));
    } finally {
      this.destroyBuffer(staging);
    }
  }

  /** Frees everything. A GPUDevice cannot be told to stop compiling: in Node this waits for what it was asked for. */
  close(why: DeviceError): void {
    this.#compiling.clear(why);
    this.gpu.destroy();
  }

  /** Resolves when all submitted work is done; throws the loss, and what went wrong with work of no program. */
  async idle(): Promise<void> {
    try {
      await this.gpu.queue.onSubmittedWorkDone();
    } catch (error) {
      throw await this.explain(error instanceof Error ? new DeviceError(error.message) : error);
    }
    await this.settle(this.watch);
    this.check();
  }
}
