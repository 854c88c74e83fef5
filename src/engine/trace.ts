// trace.ts: a profile as a Chrome trace, which chrome://tracing and https://ui.perfetto.dev open: steps as slices, the plan's
// shared buffers as tracks of the values in them, and the memory in use as a counter.
//
// Format: "Trace Event Format", Google; JSON Object Format. Times are microseconds.

import { showShape } from '../kernels/shape.ts';
import type { Profile, StepProfile } from './profile.ts';

/** An event of the trace: X has a duration, C is a counter, M names a track. */
export interface TraceEvent {
  readonly name: string;
  readonly ph: 'X' | 'C' | 'M';
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

export interface ChromeTrace {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: 'ms';
  readonly otherData: Readonly<Record<string, unknown>>;
}

const STEPS = 1;
const BUFFERS = 2;

/** The steps follow each other without gaps, each as long as it took by itself. */
export function chromeTrace(profile: Profile): ChromeTrace {
  const { steps, memory } = profile;
  const starts: number[] = [];
  let now = 0;
  for (const { micros } of steps) {
    starts.push(now);
    now += micros;
  }
  const endOf = (step: number): number => starts[step] + steps[step].micros;
  const track = (pid: number, tid: number, what: 'process_name' | 'thread_name', name: string): TraceEvent => ({
    name: what,
    ph: 'M',
    pid,
    tid,
    args: { name },
  });
  return {
    traceEvents: [
      track(STEPS, 1, 'process_name', `${profile.program}, one replay`),
      track(STEPS, 1, 'thread_name', profile.adapter),
      track(BUFFERS, 0, 'process_name', 'shared buffers'),
      ...memory.slots.map((bytes, slot) =>
        track(BUFFERS, slot, 'thread_name', `slot ${slot}, ${(bytes / 2 ** 20).toFixed(2)} MiB`),
      ),
      ...steps.map(
        (step, k): TraceEvent => ({
          name: `${step.label}: ${step.title}`,
          cat: step.op,
          ph: 'X',
          pid: STEPS,
          tid: 1,
          ts: starts[k],
          dur: step.micros,
          args: argsOf(step),
        }),
      ),
      ...memory.lifetimes.map(
        ({ slot, label, shape, bytes, first, last }): TraceEvent => ({
          name: label,
          cat: 'buffer',
          ph: 'X',
          pid: BUFFERS,
          tid: slot,
          ts: starts[first],
          dur: endOf(last) - starts[first],
          args: { shape: showShape(shape), bytes },
        }),
      ),
      ...memory.live.map(
        (bytes, k): TraceEvent => ({
          name: 'intermediate values (bytes)',
          ph: 'C',
          pid: STEPS,
          tid: 1,
          ts: starts[k],
          args: { alive: bytes },
        }),
      ),
      { name: 'intermediate values (bytes)', ph: 'C', pid: STEPS, tid: 1, ts: now, args: { alive: 0 } },
    ],
    displayTimeUnit: 'ms',
    otherData: {
      program: profile.program,
      adapter: profile.adapter,
      clock: profile.clock,
      rounds: profile.rounds,
      stepMicros: profile.stepMicros,
      replayMicros: profile.replayMicros,
      roofline: profile.roofline,
    },
  };
}

const argsOf = (step: StepProfile): Record<string, unknown> => ({
  step: step.index,
  op: step.op,
  variant: step.variant,
  shader: step.kernel.file,
  shape: showShape(step.shape),
  workgroups: step.workgroups.join(' x '),
  workgroupSize: step.workgroupSize.join(' x '),
  flops: step.flops,
  bytes: step.bytes,
  'GFLOP/s': round(step.gflops),
  'GB/s': round(step.gbytes),
  'share of roofline': round(step.share),
  bound: step.bound,
  ...(step.partOf ? { 'part of': `${step.partOf.op} as ${step.partOf.variant}` } : {}),
  buffers: step.buffers.map(({ role, place, shape }) => `${role}: ${place} ${showShape(shape)}`),
});

const round = (value: number): number => Number(value.toPrecision(4));
