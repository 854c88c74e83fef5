// profileReport.ts: what `facet profile` found, as a JSON object and as tables for people.

import {
  type CompileOptions,
  type Device,
  type Profile,
  rooflineWarning,
  shareOf,
  type StepProfile,
  type TaskName,
  totalsByKind,
} from '../src/index.ts';
import { byteCount, duration, grouped, scaled, table } from './terminal.ts';

/** A profile, and how long it took. */
export interface Timed {
  readonly profile: Profile;
  readonly compileMillis: number;
  readonly profileMillis: number;
  /** Ops not left to heuristics, and the same in words. */
  readonly choices: Device['choices'];
  readonly chosenBy: string;
}

interface Subject {
  readonly model: string;
  readonly task: TaskName;
  readonly batch: number;
  readonly weights: CompileOptions['weights'];
  readonly files: readonly string[];
}

export function profileJson({ profile, chosenBy: _, ...spent }: Timed, { files, ...subject }: Subject): object {
  const { steps, ...rest } = profile;
  return {
    ...subject,
    ...rest,
    share: shareOf(steps),
    warning: rooflineWarning(profile.roofline),
    totals: totalsByKind(steps),
    // The texts of the shaders are long: --source prints them.
    steps: steps.map(({ kernel: { source, ...kernel }, ...step }) => ({ ...step, kernel })),
    ...spent,
    files,
  };
}

/** Of a whole that may be nothing: a program without dispatches, or all too short for the clock. */
const ratio = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);
const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const rate = (value: number): string => (value > 0 ? value.toFixed(2) : '');
const micros = (value: number): string => (value < 100 ? value.toFixed(1) : grouped(value));
const giga = (perSecond: number): string => (perSecond / 1e9).toFixed(2);

const CLOCKS: Record<Profile['clock'], string> = {
  timestamps: 'timestamps of the GPU',
  wall: 'the wall clock, for the GPU gives no timestamps',
};

/** The `top` slowest steps, 0 for all; the sums by kernel; the whole against the limits of the device. */
export function profileText(
  { profile, compileMillis, profileMillis, chosenBy }: Timed,
  { top, buffers, files }: { readonly top: number; readonly buffers?: boolean; readonly files: readonly string[] },
): string {
  const { steps, stepMicros, rounds, clock, adapter } = profile;
  const sorted = [...steps].sort((a, b) => b.micros - a.micros);
  const listed = top === 0 ? sorted : sorted.slice(0, top);
  return [
    stepTable(listed, stepMicros, buffers),
    ...(listed.length < steps.length ? [`… ${steps.length - listed.length} more: --top 0 lists all`] : []),
    '',
    totalTable(profile),
    '',
    ...summary(profile),
    `kernels   ${chosenBy}`,
    `timed     ${rounds} ${rounds === 1 ? 'round' : 'rounds'} by ${CLOCKS[clock]}, on ${adapter}; ${duration(profileMillis)} after ${duration(compileMillis)} of preparation`,
    ...files.map((file) => `wrote ${file}`),
  ].join('\n');
}

function summary({ steps, roofline, stepMicros, replayMicros, memory }: Profile): string[] {
  const flops = steps.reduce((sum, step) => sum + step.flops, 0);
  const gap = ratio(replayMicros - stepMicros, stepMicros);
  const { flopsPerSecond, loopFlopsPerSecond, bytesPerSecond, copyBytesPerSecond, dispatchMicros, worst } = roofline;
  const warning = rooflineWarning(roofline);
  const held = memory.slots.reduce((sum, bytes) => sum + bytes, 0);
  return [
    `steps     ${steps.length} dispatches, ${duration(stepMicros / 1000)} in all, ${scaled(flops)}FLOP: ` +
      `${giga(1e6 * ratio(flops, stepMicros))} GFLOP/s, ${percent(shareOf(steps))} of the roofline`,
    `replay    ${duration(replayMicros / 1000)} by the wall clock, ${Math.abs(100 * gap).toFixed(0)} % ${gap < 0 ? 'less' : 'more'} than the steps one by one`,
    `roofline  ${giga(flopsPerSecond)} GFLOP/s (multiply-adds; ${giga(loopFlopsPerSecond)} in a plain loop), ` +
      `${giga(bytesPerSecond)} GB/s (copy by a kernel; ${giga(copyBytesPerSecond)} by the device itself), ${micros(dispatchMicros)} µs an empty dispatch`,
    `  worst   ${giga(worst.flopsPerSecond)} GFLOP/s, ${giga(worst.bytesPerSecond)} GB/s, ${micros(worst.dispatchMicros)} µs, of ${roofline.rounds} measurements`,
    ...(warning ? [`warning   ${warning}`] : []),
    `memory    ${byteCount(memory.peakLive)} of values alive at most, in ${memory.slots.length} shared buffers of ` +
      `${byteCount(held)}; ${byteCount(memory.fixed)} of weights, states and inputs`,
  ];
}

/** `slot 1 <- input "x", weights, weights`. */
function buffersText({ buffers }: StepProfile): string {
  const read = buffers.filter(({ role }) => role !== 'output').map(({ place }) => place);
  return `${buffers[0].place} <- ${read.join(', ')}`;
}

function stepTable(steps: readonly StepProfile[], total: number, buffers = false): string {
  const header = [
    'step',
    'layer',
    'does',
    'kernel',
    'grid',
    'µs',
    'of all',
    'GFLOP/s',
    'GB/s',
    'roof',
    'bound',
    ...(buffers ? ['buffers'] : []),
  ];
  const rows = steps.map((step) => [
    String(step.index),
    step.label,
    step.title,
    step.variant,
    `${step.workgroups.join('x')} of ${step.workgroupSize.join('x')}`.replaceAll(/(x1)+(?= |$)/g, ''),
    micros(step.micros),
    percent(ratio(step.micros, total)),
    rate(step.gflops),
    rate(step.gbytes),
    percent(step.share),
    step.bound,
    ...(buffers ? [buffersText(step)] : []),
  ]);
  return table([header, ...rows], [0, 5, 6, 7, 8, 9]);
}

function totalTable({ steps, stepMicros }: Profile): string {
  const header = ['op', 'kernel', 'steps', 'µs', 'of all', 'GFLOP/s', 'GB/s', 'roof'];
  const rows = totalsByKind(steps).map((kind) => [
    kind.op,
    kind.variant,
    String(kind.count),
    micros(kind.micros),
    percent(ratio(kind.micros, stepMicros)),
    rate(kind.gflops),
    rate(kind.gbytes),
    percent(kind.share),
  ]);
  return table([header, ...rows], [2, 3, 4, 5, 6, 7]);
}
