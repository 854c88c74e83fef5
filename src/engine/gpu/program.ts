// program.ts: a plan made runnable: buffers, pipelines and bind groups are made once; a replay only encodes.

import { opDef } from '../../kernels/index.ts';
import { sameShape, showShape, sizeOf } from '../../kernels/shape.ts';
import type { Cost, Kernel, KernelContext, Shape } from '../../kernels/types.ts';
import type { Computation, OpNode, StateNode, Tensor } from '../graph.ts';
import { optimize } from '../optimize.ts';
import { makePlan, type Place, type Plan, type PlannedStep, UNIFORM_ALIGNMENT } from '../plan.ts';
import { printPlan } from '../print.ts';
import { packUniforms, shaderText } from '../wgsl.ts';
import { type Device, DeviceError } from './device.ts';
import { checkFits } from './memory.ts';

/** One dispatch, ready to encode, with what a profiler or a reader wants to know of it. */
export interface Step {
  readonly label: string;
  readonly op: string;
  readonly variant: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
  readonly cost: Cost;
  readonly source: string;
}

export interface CompileOptions {
  readonly label?: string;
  /** Skip the optimizing passes: every traced op is a dispatch of its own. */
  readonly optimize?: boolean;
  /** Picks among an op's kernels; the last one by default. */
  readonly choose?: (kernels: readonly Kernel[], node: OpNode) => Kernel;
  /** States of equal names are taken over from this program, which stays their owner. */
  readonly shareStates?: Program;
}

interface Prepared {
  readonly step: PlannedStep;
  readonly kernel: Kernel;
  readonly source: string;
  readonly uniforms: ArrayBuffer;
  readonly cost: Cost;
}

function prepare(step: PlannedStep, plan: Plan, device: Device, choose: CompileOptions['choose']): Prepared {
  const { node } = step;
  const def = opDef(node.op);
  const shapeOf = (id: number): Shape => plan.graph.nodes[id].shape;
  const context: KernelContext<unknown> = {
    inputs: node.inputs.map(shapeOf),
    attrs: node.attrs,
    output: node.shape,
    device: device.traits,
    epilogue: node.epilogue && { program: node.epilogue.program, operands: node.epilogue.operands.map(shapeOf) },
    inPlace: step.inPlace,
  };
  const kernels = def.kernels(context);
  const kernel = choose ? choose(kernels, node) : kernels[kernels.length - 1];
  const source = shaderText(kernel.shader, kernel.text);
  return {
    step,
    kernel,
    source,
    uniforms: packUniforms(source, kernel.uniforms),
    cost: def.cost(context.inputs, node.attrs, node.shape),
  };
}

/** Builds the program of a computation. All pipelines compile in parallel. */
export async function compile(
  device: Device,
  computation: Computation,
  options: CompileOptions = {},
): Promise<Program> {
  device.check();
  const plan = makePlan(options.optimize === false ? computation : optimize(computation));
  const owner = options.shareStates;
  checkFits(device, plan, options.label ?? 'program', (state) => owner?.hasState(state) ?? false);
  const program = new Program(device, plan, options);
  try {
    await program.build(options);
  } catch (error) {
    program.dispose();
    throw error;
  }
  return program;
}

export class Program {
  /** The dispatches of one replay, in order. */
  steps: readonly Step[] = [];
  private readonly label: string;
  private readonly owned: GPUBuffer[] = [];
  private readonly tensors: Tensor[] = [];
  private slots: readonly GPUBuffer[] = [];
  private baked: readonly GPUBuffer[] = [];
  private readonly constants = new Map<number, GPUBuffer>();
  private readonly named = new Map<string, { buffer: GPUBuffer; shape: Shape }>();
  private readonly states = new Map<string, GPUBuffer>();
  private disposed = false;

  constructor(
    readonly device: Device,
    readonly plan: Plan,
    options: CompileOptions,
  ) {
    this.label = options.label ?? 'program';
  }

  /** Makes the buffers; what was made before an error is freed by `dispose`. */
  private allocate({ shareStates }: CompileOptions): void {
    const { plan, device } = this;
    this.slots = plan.slotBytes.map((bytes, k) => this.create(`slot ${k}`, bytes));
    this.baked = plan.bakedBytes.map((bytes, k) => this.create(`baked ${k}`, bytes));
    for (const node of plan.graph.nodes) {
      if (node.kind === 'constant') {
        this.constants.set(node.id, device.acquireTensor(node.tensor));
        this.tensors.push(node.tensor);
      } else if (node.kind === 'input') {
        this.named.set(node.name, { buffer: this.create(node.name, 4 * sizeOf(node.shape)), shape: node.shape });
      } else if (node.kind === 'state') this.adoptState(node, shareStates);
    }
  }

  private adoptState(node: StateNode, owner: Program | undefined): void {
    const shared = owner?.states.get(node.name);
    const shape = owner?.named.get(node.name)?.shape;
    if (shared && shape && !sameShape(shape, node.shape)) {
      throw new DeviceError(
        `${this.label}: state "${node.name}" is ${showShape(node.shape)} here and ${showShape(shape)} in the program it is taken over from.`,
      );
    }
    const buffer = shared ?? this.create(node.name, 4 * sizeOf(node.shape));
    if (!shared) this.device.gpu.queue.writeBuffer(buffer, 0, node.initial as Float32Array<ArrayBuffer>);
    this.states.set(node.name, buffer);
    this.named.set(node.name, { buffer, shape: node.shape });
  }

  private create(label: string, sizeBytes: number): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.device.createBuffer(`${this.label}: ${label}`, sizeBytes, usage);
    this.owned.push(buffer);
    return buffer;
  }

  /** Called once by `compile`. */
  async build(options: CompileOptions): Promise<void> {
    this.allocate(options);
    const planned = [...this.plan.prologue, ...this.plan.steps];
    const prepared = planned.map((step) => prepare(step, this.plan, this.device, options.choose));
    const uniforms = this.uploadUniforms(prepared);
    const pipelines = await Promise.all(
      prepared.map(({ step, kernel, source }) =>
        this.device.pipeline(`${step.node.op} ${kernel.variant}`, source, boundInputs(step).length, kernel.overrides),
      ),
    );
    const steps = prepared.map((entry, k) => this.makeStep(entry, pipelines[k], uniforms, k));
    this.steps = steps.slice(this.plan.prologue.length);
    if (this.plan.prologue.length > 0) this.encode(steps.slice(0, this.plan.prologue.length), 1);
  }

  private uploadUniforms(prepared: readonly Prepared[]): GPUBuffer {
    const usage = GPUBufferUsage.UNIFORM;
    const buffer = this.device.createBuffer(
      `${this.label}: uniforms`,
      UNIFORM_ALIGNMENT * Math.max(1, prepared.length),
      usage,
      true,
    );
    this.owned.push(buffer);
    const bytes = new Uint8Array(buffer.getMappedRange());
    prepared.forEach(({ uniforms, kernel }, k) => {
      if (uniforms.byteLength > UNIFORM_ALIGNMENT)
        throw new Error(`${kernel.shader}: uniforms exceed ${UNIFORM_ALIGNMENT} bytes.`);
      bytes.set(new Uint8Array(uniforms), k * UNIFORM_ALIGNMENT);
    });
    buffer.unmap();
    return buffer;
  }

  private makeStep(
    { step, kernel, source, uniforms, cost }: Prepared,
    pipeline: GPUComputePipeline,
    buffer: GPUBuffer,
    k: number,
  ): Step {
    const inputs = boundInputs(step);
    // Bindings of size 0 are not allowed; a shader without uniforms ignores this one.
    const size = Math.max(16, Math.ceil(uniforms.byteLength / 16) * 16);
    const bindGroup = this.device.gpu.createBindGroup({
      layout: this.device.bindGroupLayout(inputs.length),
      entries: [
        { binding: 0, resource: { buffer, offset: k * UNIFORM_ALIGNMENT, size } },
        ...[step.output, ...inputs].map((place, i) => ({ binding: i + 1, resource: { buffer: this.bufferAt(place) } })),
      ],
    });
    const { node } = step;
    return {
      label: node.label ?? node.op,
      op: node.op,
      variant: kernel.variant,
      pipeline,
      bindGroup,
      workgroups: kernel.workgroups,
      cost,
      source,
    };
  }

  private bufferAt(place: Place): GPUBuffer {
    switch (place.kind) {
      case 'slot':
        return this.slots[place.index];
      case 'baked':
        return this.baked[place.index];
      case 'constant':
        return this.constants.get(place.id) as GPUBuffer;
      default:
        return (this.named.get(place.name) as { buffer: GPUBuffer }).buffer;
    }
  }

  private encode(steps: readonly Step[], times: number): void {
    const encoder = this.device.gpu.createCommandEncoder({ label: this.label });
    const pass = encoder.beginComputePass({ label: this.label });
    for (let n = 0; n < times; n++) {
      for (const step of steps) {
        pass.setPipeline(step.pipeline);
        pass.setBindGroup(0, step.bindGroup);
        pass.dispatchWorkgroups(...step.workgroups);
      }
    }
    pass.end();
    this.device.gpu.queue.submit([encoder.finish()]);
  }

  /** Work on a destroyed buffer would be an error of the device, and of all programs on it. */
  private checkAlive(): void {
    if (this.disposed) throw new DeviceError(`${this.label}: this program was disposed of.`);
  }

  /** Encodes and submits `times` replays; does not wait for them. */
  run(times = 1): void {
    this.checkAlive();
    this.encode(this.steps, times);
  }

  /** Fills an input, or overwrites a state. Data has the layout of the traced value. */
  write(name: string, data: Float32Array): void {
    this.checkAlive();
    const target = this.named.get(name) ?? this.unknown(name, this.named.keys());
    if (data.length !== sizeOf(target.shape)) {
      throw new DeviceError(
        `${this.label}: "${name}" takes ${sizeOf(target.shape)} numbers ([${target.shape}]), got ${data.length}.`,
      );
    }
    this.device.gpu.queue.writeBuffer(target.buffer, 0, data as Float32Array<ArrayBuffer>);
  }

  /** Copies an output, input or state to the CPU. */
  read(name: string): Promise<Float32Array<ArrayBuffer>> {
    const { buffer, shape } = this.lookup(name);
    return this.device.read(buffer, 4 * sizeOf(shape));
  }

  /**
   * Writes the inputs, runs once and reads outputs, by name: all of them, or those asked for. Several calls may wait at
   * once. The way to use a program whose results depend on its inputs alone.
   */
  evaluate<Name extends string = string>(
    inputs: Readonly<Record<string, Float32Array>>,
    outputs: readonly Name[] = [...this.plan.outputs.keys()] as Name[],
  ): Promise<Record<Name, Float32Array<ArrayBuffer>>> {
    for (const [name, data] of Object.entries(inputs)) this.write(name, data);
    this.run();
    return this.readAll(outputs);
  }

  /** Copies several outputs, inputs or states to the CPU, all as they are now. */
  async readAll<Name extends string>(names: readonly Name[]): Promise<Record<Name, Float32Array<ArrayBuffer>>> {
    const entries = await Promise.all(names.map(async (name) => [name, await this.read(name)] as const));
    return Object.fromEntries(entries) as Record<Name, Float32Array<ArrayBuffer>>;
  }

  hasState(name: string): boolean {
    return this.states.has(name);
  }

  /** The buffer of an output, input or state, for a render pass or a copy on the device. */
  buffer(name: string): GPUBuffer {
    return this.lookup(name).buffer;
  }

  shapeOf(name: string): Shape {
    return this.lookup(name).shape;
  }

  private lookup(name: string): { buffer: GPUBuffer; shape: Shape } {
    this.checkAlive();
    const place = this.plan.outputs.get(name);
    if (place) return { buffer: this.bufferAt(place), shape: this.plan.outputShapes.get(name) as Shape };
    return this.named.get(name) ?? this.unknown(name, [...this.plan.outputs.keys(), ...this.named.keys()]);
  }

  private unknown(name: string, known: Iterable<string>): never {
    const list = [...known].map((key) => `"${key}"`).join(', ');
    throw new DeviceError(`${this.label}: there is no "${name}". Known are ${list}.`);
  }

  /** Plan, steps and memory as text. */
  print(): string {
    const lines = this.steps.map((step, k) => `${k} ${step.op} ${step.variant} [${step.workgroups}] ${step.label}`);
    return [...lines, printPlan(this.plan)].join('\n');
  }

  /** Frees the program's buffers; shared weights and taken-over states stay with their owners. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    for (const buffer of this.owned) this.device.destroyBuffer(buffer);
    for (const tensor of this.tensors) this.device.releaseTensor(tensor);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Inputs with a binding of their own. */
const boundInputs = (step: PlannedStep): readonly Place[] => step.inputs.filter((_, k) => k !== step.inPlace);
