// program.ts: a computation made runnable: written to, run, read. What it holds on the GPU is a `Build`, made anew after
// a loss; inputs and states are kept in `Cell`s.

import { fetched, loadKernels } from '../../kernels/families.ts';
import { sameShape, showShape, sizeOf } from '../../kernels/shape.ts';
import type { Shape } from '../../kernels/types.ts';
import { unlessAborted } from '../abort.ts';
import type { Computation } from '../graph.ts';
import { loadPasses, optimize } from '../optimize.ts';
import { makePlan, type Plan } from '../plan.ts';
import type { Target } from '../target.ts';
import { Build, type Choose, type Recipe, type Step } from './build.ts';
import { Cell } from './cell.ts';
import type { Connection } from './connection.ts';
import { type Device, DeviceError, DeviceLostError } from './device.ts';
import { checkFits } from './memory.ts';

export type { Step } from './build.ts';

export interface CompileOptions {
  readonly label?: string;
  /** Skip the optimizing passes: every traced op is a dispatch of its own. */
  readonly optimize?: boolean;
  /**
   * How filters and matrices that do not change are stored on the device. `float16` takes half the memory; sums stay in
   * float32, and each number is off by at most 2^-11 of itself, or 2^-25 where it is below 2^-14. Those that halves have no
   * room for (beyond 65504) stay as they are. `float32` by default.
   */
  readonly weights?: 'float32' | 'float16';
  /** Picks among an op's kernels; by default the one that `target` measured, or the last. */
  readonly choose?: Choose;
  /** What passes and kernels are chosen for; the device's own by default. */
  readonly target?: Target;
  /** States of equal names are taken over from this program, which stays their owner. */
  readonly shareStates?: Program;
  /**
   * Called when the GPU was lost and is back and the states this program owns are those of the last checkpoint again (at
   * first: their initial values). Without it, the next use of states that went back throws a `DeviceLostError`, unless they
   * were written anew before.
   */
  readonly onRestored?: (states: ReadonlyMap<string, Float32Array>) => void;
  /** Ends the waiting with its reason; pipelines that are being compiled finish by themselves, and all of it is freed then. */
  readonly signal?: AbortSignal;
}

/**
 * Builds the program of a computation. Throws an `OutOfMemoryError` where it does not fit, before anything is made if the
 * budget tells, and a `DeviceError` that names the op for what the GPU refuses; what was made is freed, and the device
 * works on.
 */
export async function compile(
  device: Device,
  computation: Computation,
  options: CompileOptions = {},
): Promise<Program> {
  const { target = device.target, signal } = options;
  signal?.throwIfAborted();
  await loadPasses(target.traits.kind);
  const optimized = options.optimize === false ? computation : optimize(computation, target);
  const plan = makePlan(options.weights === 'float16' ? await inHalves(optimized) : optimized);
  const ops = [...plan.prologue, ...plan.steps].map(({ node }) => node);
  const program = loadKernels(ops, device.traits.kind).then(() =>
    device.retry(() => Program.create(device, plan, { ...options, target })),
  );
  return unlessAborted(program, signal, (program) => program.dispose());
}

async function inHalves(source: Computation): Promise<Computation> {
  const { halves } = await fetched('The pass that stores weights in halves', import('../passes/halves.ts'));
  return halves(source);
}

export class Program {
  readonly #options: CompileOptions;
  readonly #recipe: Recipe;
  /** Cells that a run changes. */
  readonly #updated: readonly Cell[];
  #build!: Build;
  #hasRun = false;
  /** Whether outputs are those of a run before the last loss, and so are gone. */
  #isStale = false;
  #isDisposed = false;
  /** Why it could not be rebuilt after a loss. */
  #broken: unknown;

  private constructor(
    readonly device: Device,
    readonly plan: Plan,
    options: CompileOptions,
  ) {
    this.#options = options;
    const label = options.label ?? 'program';
    const cells = new Map<string, Cell>();
    for (const node of plan.graph.nodes) {
      if (node.kind !== 'input' && node.kind !== 'state') continue;
      const shared = node.kind === 'state' ? options.shareStates?.stateCell(node.name) : undefined;
      if (shared && !sameShape(shared.shape, node.shape)) {
        throw new DeviceError(
          `${label}: state "${node.name}" is ${showShape(node.shape)} here and ${showShape(shared.shape)} in the program it is taken over from.`,
        );
      }
      cells.set(node.name, shared ?? new Cell(node));
    }
    const owned = [...cells.values()].filter((cell) => options.shareStates?.stateCell(cell.name) !== cell);
    this.#recipe = { plan, label, choose: options.choose, measured: options.target?.measured, cells, owned };
    this.#updated = plan.steps.flatMap(({ output }) =>
      output.kind === 'state' ? [cells.get(output.name) as Cell] : [],
    );
  }

  /** Called by `compile`. */
  static async create(device: Device, plan: Plan, options: CompileOptions): Promise<Program> {
    const program = new Program(device, plan, options);
    const { shareStates } = options;
    const isShared = (state: string): boolean => shareStates?.stateCell(state) !== undefined;
    const check = () => checkFits(device, plan, program.label, isShared);
    check();
    // Once more when its buffers are made, as another program may have made its own meanwhile.
    program.#build = await Build.make(device.connection, program.#recipe, check);
    device.add(program);
    return program;
  }

  /** After a loss. Called by the device, for the owner of shared states before the others. */
  async rebuild(connection: Connection): Promise<void> {
    const { owned, cells } = this.#recipe;
    try {
      const orphan = [...cells.values()].find((cell) => !owned.includes(cell) && !cell.isOn(connection));
      if (orphan) throw new DeviceError(`${this.label}: the program that owns its state "${orphan.name}" is gone.`);
      const build = await Build.make(connection, this.#recipe);
      if (this.#isDisposed) return build.free();
      this.#build = build;
      this.#broken = undefined;
      this.#isStale = this.#hasRun;
      if (!this.#options.onRestored) return;
      this.acknowledgeLoss();
      const states = owned.filter(({ kind }) => kind === 'state');
      this.#options.onRestored(new Map(states.map(({ name, saved }) => [name, saved as Float32Array])));
    } catch (error) {
      if (!connection.lost) this.#broken = error; // else it is rebuilt again
    }
  }

  /** Waits until its work is done; throws what went wrong with it. */
  async idle(): Promise<void> {
    const { connection, watch } = this.#ready();
    await connection.settle(watch);
    await connection.idle();
  }

  /** What was reported about its runs, told once. */
  settle(): Promise<DeviceError | undefined> {
    return this.#build.watch.settle();
  }

  /** The dispatches of one replay, in order. */
  get steps(): readonly Step[] {
    return this.#build.steps;
  }

  get label(): string {
    return this.#recipe.label;
  }

  /** What runs now, for the profiler. Another one after a loss. */
  get built(): Build {
    const build = this.#ready();
    this.#checkStates(this.#recipe.cells.values());
    return build;
  }

  private stateCell(name: string): Cell | undefined {
    const cell = this.#recipe.cells.get(name);
    return cell?.kind === 'state' ? cell : undefined;
  }

  /** Work on a destroyed buffer would be an error of the device. */
  #ready(): Build {
    if (this.#isDisposed) throw new DeviceError(`${this.label}: this program was disposed of.`);
    if (this.#broken) throw this.#broken;
    return this.#build;
  }

  /** To go on with states that went back, as if nothing had happened, would give wrong results without a word. */
  #checkStates(cells: Iterable<Cell>): void {
    if (![...cells].some((cell) => cell.wentBack)) return;
    this.acknowledgeLoss();
    throw new DeviceLostError(
      `${this.label}: the GPU was lost and is back; the states are those of the last checkpoint, or the first ones. Begin again from there.`,
    );
  }

  /** Encodes and submits `times` replays; does not wait for them. */
  run(times = 1): void {
    const build = this.#ready();
    this.#checkStates(this.#recipe.cells.values());
    for (const cell of this.#updated) cell.isChanged = true;
    this.#hasRun = true;
    this.#isStale = false;
    build.run(times);
  }

  /** Fills an input, or overwrites a state. Data has the layout of the traced value. */
  write(name: string, data: Float32Array): void {
    const { watch } = this.#ready();
    const cell = this.#recipe.cells.get(name) ?? this.#unknown(name, this.#recipe.cells.keys());
    if (data.length !== sizeOf(cell.shape)) {
      throw new DeviceError(
        `${this.label}: "${name}" takes ${sizeOf(cell.shape)} numbers ([${cell.shape}]), got ${data.length}.`,
      );
    }
    cell.write(data, watch, this.label);
  }

  /** Copies an output, input or state to the CPU, as it is after all runs so far. */
  read(name: string): Promise<Float32Array<ArrayBuffer>> {
    return this.readAll([name]).then((read) => read[name]);
  }

  /** Copies several outputs, inputs or states to the CPU, all as they are after the runs so far. */
  readAll<Name extends string>(names: readonly Name[]): Promise<Record<Name, Float32Array<ArrayBuffer>>> {
    const build = this.#ready();
    return this.#fetch(
      build,
      names.map((name) => [name, this.#lookup(name)]),
    );
  }

  async #fetch<Name extends string>(
    { connection, watch }: Build,
    entries: readonly (readonly [Name, { readonly buffer: GPUBuffer; readonly shape: Shape }])[],
  ): Promise<Record<Name, Float32Array<ArrayBuffer>>> {
    const parts = entries.map(([, { buffer, shape }]) => ({ buffer, bytes: 4 * sizeOf(shape) }));
    const [arrays] = await Promise.all([connection.read(parts, this.label), connection.settle(watch)]);
    return Object.fromEntries(entries.map(([name], k) => [name, arrays[k]])) as Record<Name, Float32Array<ArrayBuffer>>;
  }

  /**
   * Writes the inputs, runs once and reads outputs, by name: all of them, or those asked for. The way to use a program
   * whose results depend on its inputs alone: a loss of the GPU in between costs time and nothing else. Several calls may
   * wait at once.
   */
  async evaluate<Name extends string = string>(
    inputs: Readonly<Record<string, Float32Array>>,
    outputs: readonly Name[] = [...this.plan.outputs.keys()] as Name[],
  ): Promise<Record<Name, Float32Array<ArrayBuffer>>> {
    const once = () => {
      for (const [name, data] of Object.entries(inputs)) this.write(name, data);
      this.run();
      return this.readAll(outputs);
    };
    if (this.#updated.length === 0) return this.device.retry(once);
    if (!this.device.isReady) await this.device.ready();
    return once(); // with states that went back, the same run again would give something else
  }

  /**
   * Reads the states it owns to the CPU. After a loss they begin again from here; `write` counts as a checkpoint of what
   * it overwrites.
   */
  async checkpoint(): Promise<ReadonlyMap<string, Float32Array>> {
    const states = this.#recipe.owned.filter(({ kind }) => kind === 'state');
    const build = this.#ready();
    this.#checkStates(states);
    // Runs submitted while the numbers are on their way count as later ones.
    for (const cell of states) cell.isChanged = false;
    try {
      const read = await this.#fetch(
        build,
        states.map((cell) => [cell.name, cell]),
      );
      for (const cell of states) cell.saved = read[cell.name];
    } catch (error) {
      for (const cell of states) cell.isChanged = true;
      throw error;
    }
    return new Map(states.map(({ name, saved }) => [name, saved as Float32Array]));
  }

  /** For a caller who knows of the loss: states that went back to the checkpoint are used without another word. */
  acknowledgeLoss(): void {
    for (const cell of this.#recipe.cells.values()) cell.wentBack = false;
  }

  /** The buffer of an output, input or state, for a render pass or a copy on the device. Another one after a loss. */
  buffer(name: string): GPUBuffer {
    this.#ready();
    return this.#lookup(name).buffer;
  }

  shapeOf(name: string): Shape {
    const shape = this.plan.outputShapes.get(name) ?? this.#recipe.cells.get(name)?.shape;
    return shape ?? this.#unknown(name, this.#names());
  }

  #names(): string[] {
    return [...this.plan.outputs.keys(), ...this.#recipe.cells.keys()];
  }

  #lookup(name: string): { buffer: GPUBuffer; shape: Shape } {
    const place = this.plan.outputs.get(name);
    if (!place) {
      const cell = this.#recipe.cells.get(name) ?? this.#unknown(name, this.#names());
      this.#checkStates([cell]);
      return cell;
    }
    const isKept = 'name' in place || place.kind === 'baked' || place.kind === 'constant';
    if (this.#isStale && !isKept) {
      throw new DeviceLostError(
        `${this.label}: the GPU was lost after "${name}" was computed, and is back. Run it again.`,
      );
    }
    return { buffer: this.#build.bufferAt(place), shape: this.shapeOf(name) };
  }

  #unknown(name: string, known: Iterable<string>): never {
    const list = [...known].map((key) => `"${key}"`).join(', ');
    throw new DeviceError(`${this.label}: there is no "${name}". Known are ${list}.`);
  }

  /** Frees the program's buffers; shared weights and taken-over states stay with their owners. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.device.remove(this);
    this.#build.free();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
