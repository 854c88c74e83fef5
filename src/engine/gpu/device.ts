// device.ts: the GPU as programs know it. Its GPUDevice may be lost, as happens when a driver resets or a browser's GPU
// process ends; the Device stays, gets another one, and has every program rebuilt on it.

import { fetched } from '../../kernels/families.ts';
import type { DeviceTraits } from '../../kernels/types.ts';
import type { Tensor } from '../graph.ts';
import { loadPasses } from '../optimize.ts';
import { deviceKey, type Target } from '../target.ts';
import type { Tuning } from '../tuning.ts';
import { knownChoices } from '../tuning_known.ts';
import { type AdapterDescription, type AdapterOptions, type Opened, requestGpu } from './adapter.ts';
import { Connection, type MemoryAccount } from './connection.ts';
import { DeviceError, DeviceLostError } from './errors.ts';
import { defaultBudget } from './memory.ts';

export type { AdapterDescription } from './adapter.ts';
export { DeviceError, DeviceLostError, OutOfMemoryError } from './errors.ts';

export interface OpenOptions extends AdapterOptions {
  /** What all buffers together may take, in MiB; `defaultBudget` says what it is where this is left out. */
  readonly memoryMiB?: number;
  /** Memory of the machine in bytes, where it is known; browsers tell it roughly. */
  readonly hostBytes?: number;
  /** Pipelines that are asked for at a time; no limit by default. A device that is closed may have to wait for them. */
  readonly pipelinesAtOnce?: number;
  /** After a loss: the waits before each try to get the GPU back, in milliseconds. */
  readonly recoveryMillis?: readonly number[];
}

type DeviceOptions = Required<Pick<OpenOptions, 'pipelinesAtOnce' | 'recoveryMillis'>>;

/** At once, for a driver that was only reset; then while a browser starts its GPU process again. */
const RECOVERY_MILLIS = [0, 100, 400, 1000, 2000, 4000];

/** Opens the best adapter offered. Throws a `DeviceError` that says what to do where there is none. */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  const opened = await requestGpu(options);
  const { maxBufferSize } = opened.gpu.limits;
  const hostBytes = options.hostBytes ?? hostBytesOfBrowser();
  const budget = options.memoryMiB
    ? options.memoryMiB * 2 ** 20
    : defaultBudget({ software: opened.adapter.software, maxBufferSize, hostBytes });
  const device = new Device(opened, budget, () => requestGpu(options), {
    pipelinesAtOnce: options.pipelinesAtOnce ?? Number.POSITIVE_INFINITY,
    recoveryMillis: options.recoveryMillis ?? RECOVERY_MILLIS,
  });
  await Promise.all([loadPasses(device.traits.kind), device.useTuning(undefined)]);
  return device;
}

/** Rounded to a power of two and capped by the browser; not every browser tells. */
function hostBytesOfBrowser(): number | undefined {
  const { deviceMemory } = (globalThis.navigator ?? {}) as { deviceMemory?: number };
  return deviceMemory === undefined ? undefined : deviceMemory * 2 ** 30;
}

/** What a tuning says: `Target.measured`, and how many of its entries count. */
interface Answers {
  readonly measured?: Target['measured'];
  readonly tuned?: number;
}

/** What is rebuilt on the new GPUDevice after a loss, in the order in which it was added. */
interface Rebuildable {
  /** Never rejects: what cannot be rebuilt keeps its error for those who use it. */
  rebuild(connection: Connection): Promise<void>;
  /** What was reported about its work so far, told once. */
  settle(): Promise<DeviceError | undefined>;
}

export class Device {
  /** Buffers alive and their bytes; `peakBytes` is the most so far. */
  readonly memory: MemoryAccount = { buffers: 0, bytes: 0, peakBytes: 0 };
  /** Resolves when the device is closed, or lost for good. */
  readonly ended: Promise<void>;
  #end: () => void = () => undefined;
  #current: Connection;
  readonly #reopen: () => Promise<Opened>;
  readonly #options: DeviceOptions;
  readonly #rebuildables = new Set<Rebuildable>();
  readonly #listeners = new Set<() => void>();
  /** While the GPU is being got back. */
  #recovery: Promise<void> | undefined;
  /** The loss that was for good, or the closing. */
  #failure: DeviceError | undefined;
  #tuned: Tuning | undefined;
  /** The one that is to be used, while its kernels are loading. */
  #asked: Tuning | undefined;
  #answers: Answers = {};

  constructor(
    opened: Opened,
    /** What all buffers together may take; programs that do not fit are refused. */
    readonly budgetBytes: number,
    reopen: () => Promise<Opened>,
    options: DeviceOptions,
  ) {
    this.#reopen = reopen;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#current = this.#connect(opened);
  }

  /** The GPUDevice there is now. After a loss it is another one, so do not keep it. */
  get gpu(): GPUDevice {
    return this.#current.gpu;
  }

  get connection(): Connection {
    return this.#current;
  }

  get adapter(): AdapterDescription {
    return this.#current.adapter;
  }

  get traits(): DeviceTraits {
    return this.#current.traits;
  }

  /** What computations are optimized for. */
  get target(): Target {
    return { traits: this.traits, measured: this.#answers.measured };
  }

  /** Ops that are not left to heuristics: those timed on this device with the kernels there are, and those known of its like. */
  get choices(): { readonly tuned: number; readonly known: number } {
    return { tuned: this.#answers.tuned ?? 0, known: Object.keys(this.#known ?? {}).length };
  }

  /** What comes with the engine for such devices. */
  get #known(): Readonly<Record<string, string>> | undefined {
    return knownChoices.find(({ architecture }) => architecture === this.adapter.architecture)?.variants;
  }

  /** Names adapter and driver; a tuning is of one such key. */
  get key(): string {
    return deviceKey(this.adapter, this.traits);
  }

  /** The tuning in use, if there is one. */
  get tuning(): Tuning | undefined {
    return this.#tuned;
  }

  /**
   * Programs compiled from now on take the variants that were measured to be the fastest; undefined forgets them. What was
   * measured on another device is kept and not used. Another variant rounds differently, so results change within rounding.
   * Resolves when the kernels that a tuning speaks of are loaded; it holds from then on.
   */
  async useTuning(tuning: Tuning | undefined): Promise<void> {
    this.#asked = tuning;
    const answers = await this.#answersOf(tuning);
    if (this.#asked !== tuning) return; // another one was asked for meanwhile
    this.#tuned = tuning;
    this.#answers = answers;
  }

  /** What `target` answers from, once the kernels are loaded that it looks into; empty where nothing was measured. */
  async #answersOf(tuning: Tuning | undefined): Promise<Answers> {
    const own = tuning?.device === this.key ? tuning : undefined;
    if (!own && !this.#known) return {};
    const { loadAnswers } = await fetched('What reads tunings', import('../tuning.ts'));
    return loadAnswers(own, this.#known ?? {}, this.traits);
  }

  get pipelineCount(): number {
    return this.#current.pipelineCount;
  }

  /** Of one buffer that shaders see. */
  get maxBufferBytes(): number {
    return Math.min(this.gpu.limits.maxBufferSize, this.gpu.limits.maxStorageBufferBindingSize);
  }

  /** Whether the numbers of a tensor are on the device already. */
  holds(tensor: Tensor): boolean {
    return this.#current.holds(tensor);
  }

  /** False while the GPU is being got back after a loss, and when it is gone for good. */
  get isReady(): boolean {
    return !this.#recovery && !this.#failure;
  }

  /** Waits until the GPU is back after a loss. Throws where it is gone for good. */
  async ready(): Promise<void> {
    await this.#recovery;
    if (this.#failure) throw this.#failure;
  }

  /**
   * Does work that depends on nothing the GPU holds but weights and checkpoints, and does it once more where a loss
   * interrupted it. Compiling and `Program.evaluate` do so by themselves; what accumulates in states over several runs
   * begins with writing them, and goes in here as a whole.
   */
  async retry<T>(work: () => Promise<T>): Promise<T> {
    if (!this.isReady) await this.ready(); // else the work is submitted at once, in the order of the calls
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
    }
    await this.ready();
    return work();
  }

  /** Called after each loss, when the GPU is back and all programs are rebuilt. Returns how to stop that. */
  onRecovered(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(rebuildable: Rebuildable): void {
    this.#rebuildables.add(rebuildable);
  }

  remove(rebuildable: Rebuildable): void {
    this.#rebuildables.delete(rebuildable);
  }

  /** Throws the loss that was for good, or an error that nobody waited for, once. */
  check(): void {
    if (this.#failure) throw this.#failure;
    this.#current.check();
  }

  /** Resolves when all submitted work is done; throws if any of it failed. */
  async idle(): Promise<void> {
    const connection = this.#current;
    await connection.idle();
    for (const rebuildable of this.#rebuildables) {
      const error = await rebuildable.settle();
      if (error) throw await connection.explain(error);
    }
  }

  #connect(opened: Opened): Connection {
    const connection = new Connection(opened, this.#options.pipelinesAtOnce, this.memory, (reason) => {
      // A loss during recovery is seen by the recovery itself.
      if (!this.#failure && connection === this.#current) this.#recovery ??= this.#recover(reason);
    });
    return connection;
  }

  async #recover(reason: string): Promise<void> {
    let why: unknown = reason;
    for (const millis of this.#options.recoveryMillis) {
      if (millis > 0) await new Promise((resolve) => setTimeout(resolve, millis));
      if (this.#failure) return; // closed meanwhile
      try {
        await this.#restore();
      } catch (error) {
        why = error;
        continue;
      }
      if (this.#failure) return;
      this.#recovery = undefined;
      return this.#tellRecovered();
    }
    const details = why instanceof Error ? why.message : why;
    this.#fail(
      new DeviceLostError(
        `The GPU was lost (${reason}) and could not be restored: ${details} Reload the page, or start again.`,
      ),
    );
  }

  /** What a listener throws is its own fault: the others are told, and whoever waits for the device next hears of it. */
  #tellRecovered(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#current.report(error);
      }
    }
  }

  async #restore(): Promise<void> {
    const opened = await this.#reopen();
    if (this.#failure) return opened.gpu.destroy();
    const connection = this.#connect(opened);
    this.#current = connection;
    await loadPasses(this.traits.kind);
    this.#answers = await this.#answersOf(this.#tuned);
    // In order: programs that own states come before those that share them.
    for (const rebuildable of this.#rebuildables) await rebuildable.rebuild(connection);
    await connection.idle(); // throws where this one was lost too
  }

  #fail(error: DeviceError): void {
    this.#failure ??= error;
    this.#recovery = undefined;
    this.#end();
  }

  /** Frees everything; programs of this device are dead afterwards. */
  close(): void {
    const closed = new DeviceError('This device was closed. Open another one.');
    this.#fail(closed);
    this.#current.close(closed);
  }
}
