// types.ts: what an op is. Pure data and functions; no GPU object appears here.

import type { ShaderName } from './families.ts';

/** Sizes of the axes, outermost first. A scalar is `[]`. Activations are [N, H, W, C]. */
export type Shape = readonly number[];

/** A float64 array with its shape: what references compute on. */
export interface NdArray {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** Work of one dispatch. `terms` is the longest chain of additions behind one output; tolerances derive from it. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
  readonly terms: number;
}

/** What kernels may know of the device they run on. */
export interface DeviceTraits {
  /** `software`: a CPU behind the API (SwiftShader, llvmpipe). Barriers and workgroup memory are slow there. */
  readonly kind: 'software' | 'gpu';
  readonly subgroups: boolean;
  readonly maxWorkgroupsPerDimension: number;
  readonly maxWorkgroupStorageBytes: number;
  readonly maxInvocationsPerWorkgroup: number;
}

/**
 * An elementwise computation over operands of broadcastable shapes, as straight-line code. Argument k of a step is
 * operand k where k < operands, else the result of step k - operands. The last step is the result.
 */
export interface ScalarProgram {
  readonly operands: number;
  readonly steps: readonly ScalarStep[];
}
export type ScalarStep = { readonly op: string; readonly args: readonly number[] } | { readonly literal: number };

/** An elementwise program applied to an op's result before it is stored. Operand 0 is the result itself. */
interface Epilogue {
  readonly program: ScalarProgram;
  /** Shapes of operands 1, 2, … */
  readonly operands: readonly Shape[];
}

/** Values for the conditions, holes and loops of a shader file. A boolean drives `#if`; the rest fill `{{HOLES}}`. */
export type TextParams = Readonly<Record<string, string | number | boolean>>;

/**
 * One dispatch, ready to be built. Bindings of every shader: 0 the uniforms (struct `Params`), 1 the output, 2 … the
 * inputs in order, then the operands of the epilogue.
 */
export interface Kernel {
  /** Short name of the variant, `naive` for the first. */
  readonly variant: string;
  /** File of its text: `shaders/NAME.wgsl`. The module of the kernel lists it. */
  readonly shader: ShaderName;
  readonly text?: TextParams;
  readonly overrides?: Readonly<Record<string, number>>;
  /** Members of the shader's `struct Params` by name; types are read off the struct. */
  readonly uniforms?: Readonly<Record<string, number>>;
  readonly workgroups: readonly [number, number, number];
}

/** Where a result lies that is written as part of a larger one, beside others along the last axis. */
export interface ChannelSlice {
  /** Channels of the whole. */
  readonly channels: number;
  /** The first that is this op's. */
  readonly first: number;
}

export interface KernelContext<A> {
  readonly inputs: readonly Shape[];
  readonly attrs: A;
  readonly output: Shape;
  readonly device: DeviceTraits;
  readonly epilogue?: Epilogue;
  /** The input that shares the output's buffer, if any (see `OpDef.inPlace`). */
  readonly inPlace?: number;
  /** Inputs that are stored in halves (see `OpDef.readsHalves`). */
  readonly halves?: readonly number[];
  /** Set for ops that can write a slice (see `OpDef.writesSlices`) where the result goes straight into a concat's. */
  readonly slice?: ChannelSlice;
}

/**
 * The definition of one op, as far as tracing and planning ask for it. Its meaning and its cost are in `references/`, its dispatches in the
 * module that `families.ts` names for it, its gradient rule in `src/engine/rules`.
 */
export interface OpDef<A = unknown> {
  /** Shape of the result. Throws an `OpError` that names the argument and the remedy. */
  shape(inputs: readonly Shape[], attrs: A): Shape;
  /** True when the shaders of this op apply an epilogue before storing. */
  readonly epilogue?: boolean;
  /** True when the op only renames the axes of its input: no kernel, the buffer is shared. */
  readonly alias?: boolean;
  /** True when each output element depends on the same element of equal-shaped inputs, so it may overwrite one of them. */
  readonly inPlace?: boolean;
  /** True when the result is stored in halves: 16 bits a number, two to a word. */
  readonly inHalves?: boolean;
  /** The inputs that every kernel for these can read in halves: filters and matrices, not what flows through a network. */
  readsHalves?(inputs: readonly Shape[], attrs: A): readonly number[];
  /** Whether every kernel for these inputs can write its result as a slice of a larger one (`KernelContext.slice`). */
  writesSlices?(inputs: readonly Shape[], attrs: A): boolean;
}

/** The meaning of an op, in plain float64 loops. */
export type Reference<A = unknown> = (inputs: readonly NdArray[], attrs: A, output: Shape) => Float64Array;

/** What one dispatch of an op computes and moves. */
export type CostOf<A = unknown> = (inputs: readonly Shape[], attrs: A, output: Shape) => Cost;

/** Ways to run an op, naive first. The engine takes what was measured to be the fastest, or the last. */
export type Kernels<A = unknown> = (context: KernelContext<A>) => Kernel[];

/** A user's mistake at an op: the message names op, argument, shapes and remedy. */
export class OpError extends Error {
  override name = 'OpError';
}

/** Typing aid: checks a definition and keeps its attribute type. (Of a function like this a bundler leaves nothing.) */
export function defineOp<A>(def: OpDef<A>): OpDef<A> {
  return def;
}
