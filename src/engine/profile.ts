// profile.ts: what a profile says: a row for each dispatch, and the sums by op. No GPU object appears here; the timing is in
// gpu/profile.ts.

import type { Shape } from '../kernels/types.ts';
import type { BufferUse } from './describe.ts';
import type { Bound, MeasuredRoofline } from './roofline.ts';
import type { MemoryTimeline } from './timeline.ts';

/** One dispatch of a program. */
export interface StepProfile {
  /** Its place in the replay, from 0. */
  readonly index: number;
  /** The layer, where it belongs to one; else the op. */
  readonly label: string;
  readonly op: string;
  /** The op and what was fused into it, in order. */
  readonly ops: readonly string[];
  /** The same in one line: `conv2d + bias + relu`. */
  readonly title: string;
  readonly variant: string;
  /** Of the output. */
  readonly shape: Shape;
  readonly workgroups: readonly [number, number, number];
  /** Invocations of a workgroup. */
  readonly workgroupSize: readonly [number, number, number];
  /** Of one dispatch: the median, and the quartiles around it. */
  readonly micros: number;
  readonly low: number;
  readonly high: number;
  /** Dispatches that were timed together, so that the clock resolves them. */
  readonly repeats: number;
  readonly flops: number;
  /** Read and written, each operand once. */
  readonly bytes: number;
  readonly gflops: number;
  readonly gbytes: number;
  /** Of the roofline: the least time that arithmetic and memory allow, over the time taken. */
  readonly share: number;
  readonly bound: Bound;
  readonly buffers: readonly BufferUse[];
  readonly kernel: KernelText;
  /** Where a pass made several dispatches, or one of another kind, of an op of the network. */
  readonly partOf?: LoweredOp;
}

/** An op that runs as others. */
export interface LoweredOp {
  readonly op: string;
  /** `winograd-4`, `rotated`, `split-8`. */
  readonly variant: string;
  /** The steps of a replay that it is made of. */
  readonly steps: readonly number[];
}

/** What the device was given. */
export interface KernelText {
  /** The file of the shader, below `shaders/`. */
  readonly file: string;
  /** Final WGSL. */
  readonly source: string;
  readonly overrides: Readonly<Record<string, number>>;
  readonly uniforms: Readonly<Record<string, number>>;
}

export interface Profile {
  readonly program: string;
  readonly adapter: string;
  /** How dispatches were timed: on the device itself, or around submits. */
  readonly clock: 'timestamps' | 'wall';
  /** Rounds in which each step was timed once. */
  readonly rounds: number;
  readonly roofline: MeasuredRoofline;
  readonly steps: readonly StepProfile[];
  /** Sum of the steps. */
  readonly stepMicros: number;
  /** A whole replay by the wall clock, with all that lies between the steps. */
  readonly replayMicros: number;
  readonly memory: MemoryTimeline;
}

/** Sum over steps of one kind. */
export interface KindTotal {
  /** Op and variant. */
  readonly op: string;
  readonly variant: string;
  readonly count: number;
  readonly micros: number;
  readonly flops: number;
  readonly bytes: number;
  readonly gflops: number;
  readonly gbytes: number;
  /** Ideal over measured time, of all of them together. */
  readonly share: number;
}

/** Sums by op and variant, the slowest first. */
export function totalsByKind(steps: readonly StepProfile[]): KindTotal[] {
  const groups = new Map<string, StepProfile[]>();
  for (const step of steps) {
    const key = `${step.op} ${step.variant}`;
    groups.set(key, [...(groups.get(key) ?? []), step]);
  }
  return [...groups.values()].map(totalOf).sort((a, b) => b.micros - a.micros);
}

function totalOf(group: readonly StepProfile[]): KindTotal {
  const sum = (pick: (step: StepProfile) => number): number => group.reduce((total, step) => total + pick(step), 0);
  const [micros, flops, bytes] = [sum((s) => s.micros), sum((s) => s.flops), sum((s) => s.bytes)];
  const { op, variant } = group[0];
  return {
    op,
    variant,
    count: group.length,
    micros,
    flops,
    bytes,
    gflops: perMicro(flops, micros),
    gbytes: perMicro(bytes, micros),
    share: micros > 0 ? sum((s) => s.share * s.micros) / micros : 0,
  };
}

/** So many in so many microseconds -> thousands of millions a second. */
export const perMicro = (count: number, micros: number): number => (micros > 0 ? count / micros / 1e3 : 0);

/** Of the whole replay: what arithmetic and memory allow for all steps, over what they take. */
export const shareOf = (steps: readonly StepProfile[]): number =>
  steps.reduce((sum, { share, micros }) => sum + share * micros, 0) /
  Math.max(
    1e-9,
    steps.reduce((sum, { micros }) => sum + micros, 0),
  );
