// reduce.ts: sums and maxima over axes.

import { forEachIndex, grid1d, normalizeAxis, sizeOf, stridesOf } from './shape.ts';
import { defineOp, type Kernel, type KernelContext, OpError, type NdArray, type Shape } from './types.ts';

export interface ReduceAttrs {
  /** Axes counted from the front, ascending. */
  readonly axes: readonly number[];
  /** Keep reduced axes with size 1. */
  readonly keepDims: boolean;
}

/** Axes sorted, counted from the front, each once. */
export function normalizeAxes(op: string, axes: readonly number[], rank: number): number[] {
  return [...new Set(axes.map((axis) => normalizeAxis(op, axis, rank)))].sort((a, b) => a - b);
}

function reducedShape(op: string, shape: Shape, { axes, keepDims }: ReduceAttrs): Shape {
  for (const axis of axes) normalizeAxis(op, axis, shape.length);
  return shape.flatMap((d, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [d]));
}

type Fold = { readonly initial: number; readonly step: (acc: number, value: number) => number };

function reduceReference(fold: Fold, x: NdArray, axes: readonly number[], output: Shape): Float64Array {
  const y = new Float64Array(sizeOf(output)).fill(fold.initial);
  const kept = x.shape.map((d, axis) => (axes.includes(axis) ? 1 : d));
  const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
  forEachIndex(x.shape, (index, flat) => {
    const at = index.reduce((sum, i, axis) => sum + i * strides[axis], 0);
    y[at] = fold.step(y[at], x.data[flat]);
  });
  return y;
}

/** Splits the axes into those kept and those reduced, neighbours merged: [size, stride] pairs, outermost first. */
function splitAxes(shape: Shape, axes: readonly number[]): { kept: [number, number][]; reduced: [number, number][] } {
  const strides = stridesOf(shape);
  const kept: [number, number][] = [];
  const reduced: [number, number][] = [];
  let previous: [number, number][] | undefined;
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const list = axes.includes(axis) ? reduced : kept;
    if (list === previous) list[list.length - 1] = [list[list.length - 1][0] * size, strides[axis]];
    else list.push([size, strides[axis]]);
    previous = list;
  });
  return { kept, reduced };
}

/** More axes than this after merging are rare enough to ask the caller for two reductions. */
const MAX_GROUPS = 2;
const WORKGROUP = 64;
/**
 * Fewer results than this leave most of the device idle if each is one invocation's work. On a software adapter barriers are
 * dear: of the gradient of a bias, 128 results of 3,136 terms, the workgroup took six times as long.
 */
const FEW_RESULTS = { software: 8, gpu: 256 } as const;
/** Below this many terms a whole workgroup for one result does not pay. */
const LONG_REDUCTION = 256;

function reduceKernels(op: 'sum' | 'max', { inputs, attrs, output, device }: KernelContext<ReduceAttrs>): Kernel[] {
  const { kept, reduced } = splitAxes(inputs[0], attrs.axes);
  if (kept.length > MAX_GROUPS || reduced.length > MAX_GROUPS) {
    throw new OpError(
      `reduce: more than ${MAX_GROUPS} separate groups of axes at once. Reduce them one after another.`,
    );
  }
  const pad = (list: [number, number][]): [number, number][] => [
    ...Array.from({ length: MAX_GROUPS - list.length }, (): [number, number] => [1, 0]),
    ...list,
  ];
  const [k0, k1] = pad(kept);
  const [r0, r1] = pad(reduced);
  const count = sizeOf(output);
  const length = r0[0] * r1[0];
  const uniforms = {
    count,
    length,
    kept_inner: k1[0],
    kept_stride0: k0[1],
    kept_stride1: k1[1],
    reduced_inner: r1[0],
    reduced_stride0: r0[1],
    reduced_stride1: r1[1],
  };
  const each: Kernel = {
    variant: 'naive',
    shader: 'reduce',
    text: { WORKGROUP, MAX: op === 'max' },
    uniforms,
    workgroups: grid1d(count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
  const together: Kernel = {
    variant: 'workgroup',
    shader: 'reduce_workgroup',
    text: { WORKGROUP, MAX: op === 'max' },
    uniforms,
    workgroups: grid1d(count, 1, device.maxWorkgroupsPerDimension),
  };
  return count < FEW_RESULTS[device.kind] && length >= LONG_REDUCTION ? [each, together] : [each];
}

const reduceOp = (op: 'sum' | 'max', fold: Fold) =>
  defineOp<ReduceAttrs>({
    shape: ([x], attrs) => reducedShape(op, x, attrs),
    reference: ([x], { axes }, output) => reduceReference(fold, x, axes, output),
    cost: ([x], _, output) => ({
      flops: sizeOf(x),
      bytes: 4 * (sizeOf(x) + sizeOf(output)),
      terms: sizeOf(x) / Math.max(1, sizeOf(output)),
    }),
    kernels: (context) => reduceKernels(op, context),
  });

export const sum = reduceOp('sum', { initial: 0, step: (acc, value) => acc + value });
export const reduceMax = reduceOp('max', { initial: -Infinity, step: Math.max });
