// build.ts: a plan made ready on one GPUDevice: buffers, pipelines and bind groups, made once; running only encodes. After
// a loss the program makes another build.

import { areLoaded, loadedKernels, loadKernels, loadShaders } from '../../kernels/families.ts';
import type { Kernel, KernelContext, Shape } from '../../kernels/types.ts';
import { nameOf, type OpNode, type Tensor } from '../graph.ts';
import { type Place, type Plan, type PlannedStep, UNIFORM_ALIGNMENT } from '../plan.ts';
import { halvesOf } from '../storage.ts';
import type { Target } from '../target.ts';
import { packUniforms, shaderText } from '../wgsl.ts';
import type { Cell } from './cell.ts';
import type { Connection } from './connection.ts';
import { DeviceError, DeviceLostError } from './errors.ts';
import { Watch } from './scopes.ts';

/** Picks among an op's kernels. */
export type Choose = (kernels: readonly Kernel[], node: OpNode) => Kernel;

/** One dispatch, ready to encode, with what a profiler or a reader wants to know of it. */
export interface Step {
  readonly label: string;
  readonly op: string;
  readonly variant: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
  readonly source: string;
  /** What was chosen of the op's kernels: shader file, overrides, uniforms. */
  readonly kernel: Kernel;
  /** Its place in the plan: node, buffers of its inputs and its output. */
  readonly planned: PlannedStep;
}

interface Prepared {
  readonly step: PlannedStep;
  readonly label: string;
  readonly kernel: Kernel;
  readonly source: string;
  readonly uniforms: ArrayBuffer;
}

/** What a build is made of. */
export interface Recipe {
  readonly plan: Plan;
  readonly label: string;
  readonly choose?: Choose;
  /** What was measured when the program was compiled: after a loss the same kernels are chosen. */
  readonly measured?: Target['measured'];
  /** Inputs and states by name. */
  readonly cells: ReadonlyMap<string, Cell>;
  /** Those whose buffers belong to this program. */
  readonly owned: readonly Cell[];
}

export class Build {
  /** The dispatches of one replay, in order. */
  steps: readonly Step[] = [];
  /** Hears what is reported about this build: while it is made, and while it runs. */
  readonly watch: Watch;
  readonly #recipe: Recipe;
  readonly #buffers: GPUBuffer[] = [];
  #tensors: Tensor[] = [];
  readonly #constants = new Map<number, GPUBuffer>();
  #slots: readonly GPUBuffer[] = [];
  #baked: readonly GPUBuffer[] = [];

  private constructor(
    readonly connection: Connection,
    recipe: Recipe,
  ) {
    this.#recipe = recipe;
    this.watch = new Watch(connection.gpu);
  }

  /** `check` is called right before buffers are made. What was made before an error is freed. */
  static async make(connection: Connection, recipe: Recipe, check: () => void = () => undefined): Promise<Build> {
    const build = new Build(connection, recipe);
    try {
      await build.#make(check);
      return build;
    } catch (error) {
      build.free();
      throw await connection.explain(error);
    }
  }

  /**
   * Compiling takes longest, so all pipelines are asked for first, and are compiled while weights are put in order and
   * uploaded, and while the prologue runs.
   */
  async #make(check: () => void): Promise<void> {
    const { plan } = this.#recipe;
    const { connection, watch } = this;
    const { kind } = connection.traits;
    const planned = [...plan.prologue, ...plan.steps];
    const ops = planned.map(({ node }) => node);
    // `compile` has loaded them, unless a loss left another kind of device.
    if (!areLoaded(ops, kind)) await loadKernels(ops, kind);
    const kernels = planned.map((step) => this.#chooseKernel(step));
    // All at once; a pipeline is asked for as soon as its own text is there.
    const texts = kernels.map(({ shader }) => loadShaders([shader]));
    for (const text of texts) text.catch(() => undefined); // awaited below, if nothing else goes wrong before
    const prepared: Prepared[] = [];
    const compiling: Promise<GPUComputePipeline>[] = [];
    for (const [k, step] of planned.entries()) {
      await texts[k];
      const entry = this.#prepare(step, kernels[k]);
      const pipeline = this.#pipelineOf(entry);
      pipeline.catch(() => undefined); // awaited below, if nothing else goes wrong before
      prepared.push(entry);
      compiling.push(pipeline);
      await Promise.resolve(); // a browser sends what was asked for when the script pauses
    }
    check();
    this.#allocate();
    const uniforms = this.#uploadUniforms(prepared);
    await connection.settle(watch); // no bind group is made of a buffer that there is no memory for
    const makeSteps = async (from: number, to: number): Promise<Step[]> => {
      const pipelines = await Promise.all(compiling.slice(from, to));
      return pipelines.map((pipeline, k) => this.#makeStep(prepared[from + k], pipeline, uniforms, from + k));
    };
    const first = plan.prologue.length;
    if (first > 0) this.#submit(await makeSteps(0, first), 1);
    this.steps = await makeSteps(first, prepared.length);
    await connection.settle(watch);
    this.#freeTemporary();
  }

  /** What only the prologue read, now that it has run. */
  #freeTemporary(): void {
    const { baked, tensors } = this.#recipe.plan.temporary;
    for (const k of baked) this.connection.destroyBuffer(this.#baked[k]);
    for (const tensor of this.#tensors) if (tensors.includes(tensor)) this.connection.releaseTensor(tensor);
    this.#tensors = this.#tensors.filter((tensor) => !tensors.includes(tensor));
  }

  #chooseKernel(step: PlannedStep): Kernel {
    const { plan, choose = this.#chooseMeasured } = this.#recipe;
    const { traits, gpu } = this.connection;
    const { node } = step;
    const shapeOf = (id: number): Shape => plan.graph.nodes[id].shape;
    const context: KernelContext<unknown> = {
      inputs: node.inputs.map(shapeOf),
      attrs: node.attrs,
      output: node.shape,
      device: traits,
      epilogue: node.epilogue && { program: node.epilogue.program, operands: node.epilogue.operands.map(shapeOf) },
      inPlace: step.inPlace,
      halves: halvesOf(plan.graph, node),
      slice: step.slice && { channels: step.slice.whole.shape.at(-1) as number, first: step.slice.first },
    };
    const kernel = choose(loadedKernels(node, traits.kind)(context), node);
    const most = gpu.limits.maxComputeWorkgroupsPerDimension;
    if (kernel.workgroups.some((count) => count > most)) {
      throw new DeviceError(
        `${this.#nameOf(nameOf(node))} takes a grid of ${kernel.workgroups.join('x')} workgroups; this device allows ${most} a dimension. ` +
          'Use a smaller picture or batch.',
      );
    }
    return kernel;
  }

  #prepare(step: PlannedStep, kernel: Kernel): Prepared {
    const { node } = step;
    const source = shaderText(kernel.shader, kernel.text);
    return {
      step,
      label: nameOf(node),
      kernel,
      source,
      uniforms: packUniforms(source, kernel.uniforms),
    };
  }

  /** What was measured to be the fastest, else the last: what the op takes for it. */
  readonly #chooseMeasured: Choose = (kernels, node) => {
    const { plan, measured } = this.#recipe;
    const name = measured?.(
      node,
      node.inputs.map((id) => plan.graph.nodes[id].shape),
    );
    return kernels.find(({ variant }) => variant === name) ?? kernels[kernels.length - 1];
  };

  #nameOf(label: string): string {
    return `${this.#recipe.label}: "${label}"`;
  }

  #allocate(): void {
    const { plan, label, owned } = this.#recipe;
    this.#slots = plan.slotBytes.map((bytes, k) => this.#create(`slot ${k}`, bytes));
    this.#baked = plan.bakedBytes.map((bytes, k) => this.#create(`precomputed ${k}`, bytes));
    for (const cell of owned) cell.place(this.connection, this.#create(`${cell.kind} "${cell.name}"`, cell.bytes));
    for (const node of plan.graph.nodes) {
      if (node.kind !== 'constant') continue;
      const what = `${label}: weights [${node.shape}]`;
      this.#constants.set(node.id, this.connection.acquireTensor(node.tensor, what, this.watch));
      this.#tensors.push(node.tensor);
    }
  }

  #create(what: string, sizeBytes: number): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.connection.createBuffer(`${this.#recipe.label}: ${what}`, sizeBytes, usage, this.watch);
    this.#buffers.push(buffer);
    return buffer;
  }

  #uploadUniforms(prepared: readonly Prepared[]): GPUBuffer {
    const buffer = this.connection.createBuffer(
      `${this.#recipe.label}: uniforms`,
      UNIFORM_ALIGNMENT * Math.max(1, prepared.length),
      GPUBufferUsage.UNIFORM,
      this.watch,
      true,
    );
    this.#buffers.push(buffer);
    const bytes = new Uint8Array(buffer.getMappedRange());
    prepared.forEach(({ uniforms, kernel }, k) => {
      if (uniforms.byteLength > UNIFORM_ALIGNMENT)
        throw new Error(`${kernel.shader}: uniforms exceed ${UNIFORM_ALIGNMENT} bytes.`);
      bytes.set(new Uint8Array(uniforms), k * UNIFORM_ALIGNMENT);
    });
    buffer.unmap();
    return buffer;
  }

  async #pipelineOf({ step, kernel, source, label }: Prepared): Promise<GPUComputePipeline> {
    const { op } = step.node;
    try {
      return await this.connection.pipeline(
        `${op} ${kernel.variant}`,
        source,
        boundInputs(step).length,
        kernel.overrides,
      );
    } catch (error) {
      // Programs share pipelines, so only here is it known which op of which program wanted this one.
      if (!(error instanceof DeviceError) || error instanceof DeviceLostError) throw error;
      throw new DeviceError(`${this.#nameOf(label)}: ${error.message}`);
    }
  }

  #makeStep(
    { step, label, kernel, source, uniforms }: Prepared,
    pipeline: GPUComputePipeline,
    buffer: GPUBuffer,
    k: number,
  ): Step {
    const inputs = boundInputs(step);
    // Bindings of size 0 are not allowed; a shader without uniforms ignores this one.
    const size = Math.max(16, Math.ceil(uniforms.byteLength / 16) * 16);
    const { gpu } = this.connection;
    const bindGroup = this.watch.during(
      () => this.#nameOf(label),
      () =>
        gpu.createBindGroup({
          label,
          layout: this.connection.bindGroupLayout(inputs.length),
          entries: [
            { binding: 0, resource: { buffer, offset: k * UNIFORM_ALIGNMENT, size } },
            ...[step.output, ...inputs].map((place, i) => ({
              binding: i + 1,
              resource: { buffer: this.bufferAt(place) },
            })),
          ],
        }),
    );
    const { variant, workgroups } = kernel;
    return {
      label,
      op: step.node.op,
      variant,
      pipeline,
      bindGroup,
      workgroups,
      source,
      kernel,
      planned: step,
    };
  }

  bufferAt(place: Place): GPUBuffer {
    switch (place.kind) {
      case 'slot':
        return this.#slots[place.index];
      case 'baked':
        return this.#baked[place.index];
      case 'constant':
        return this.#constants.get(place.id) as GPUBuffer;
      default:
        return (this.#recipe.cells.get(place.name) as Cell).buffer;
    }
  }

  /** Encodes and submits `times` replays. */
  run(times: number): void {
    this.#submit(this.steps, times);
  }

  #submit(steps: readonly Step[], times: number): void {
    this.watch.during(
      () => `${this.#recipe.label}, a run of ${steps.length} ${steps.length === 1 ? 'step' : 'steps'}`,
      () => this.connection.gpu.queue.submit([this.#encode(steps, times)]),
      (error) => this.#diagnose(steps, error),
    );
  }

  #encode(steps: readonly Step[], times: number, isEmpty = false): GPUCommandBuffer {
    const { label } = this.#recipe;
    const encoder = this.connection.gpu.createCommandEncoder({ label });
    const pass = encoder.beginComputePass({ label });
    for (let n = 0; n < times; n++) {
      for (const step of steps) {
        pass.setPipeline(step.pipeline);
        pass.setBindGroup(0, step.bindGroup);
        if (isEmpty) pass.dispatchWorkgroups(0);
        else pass.dispatchWorkgroups(...step.workgroups);
      }
    }
    pass.end();
    return encoder.finish();
  }

  /**
   * A submit that fails is refused as a whole. Which step it was: each is encoded by itself, and each is submitted with an
   * empty grid, which is checked like any other and changes nothing.
   */
  async #diagnose(steps: readonly Step[], error: DeviceError): Promise<DeviceError> {
    const alone = steps.map((step) => {
      const watch = new Watch(this.connection.gpu);
      const what = () => this.#nameOf(step.label);
      watch.during(what, () => this.#encode([step], 1));
      watch.during(what, () => this.connection.gpu.queue.submit([this.#encode([step], 1, true)]));
      return watch.settle();
    });
    return (await Promise.all(alone)).find((found) => found !== undefined) ?? error;
  }

  /** Frees its buffers; shared weights stay with the others that use them. */
  free(): void {
    for (const buffer of this.#buffers) this.connection.destroyBuffer(buffer);
    for (const tensor of this.#tensors) this.connection.releaseTensor(tensor);
  }
}

/** Inputs with a binding of their own. */
const boundInputs = (step: PlannedStep): readonly Place[] => step.inputs.filter((_, k) => k !== step.inPlace);
