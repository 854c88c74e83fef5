// reduce_kernels.ts: the dispatches of sums and maxima over axes.

import reduceParams from '../../shaders/shared/reduce_params.wgsl';
import './shared.ts';
import type { KernelsOf } from './index.ts';
import type { ReduceAttrs } from './reduce.ts';
import { grid1d, sizeOf, stridesOf } from './shape.ts';
import { type Kernel, type KernelContext, OpError, type Shape } from './types.ts';

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

export const kernels = {
  sum: (context) => reduceKernels('sum', context),
  reduceMax: (context) => reduceKernels('max', context),
} satisfies KernelsOf<'sum' | 'reduceMax'>;

export const shaders = {
  reduce: () => import('../../shaders/reduce.wgsl'),
  reduce_workgroup: () => import('../../shaders/reduce_workgroup.wgsl'),
};

export const includes = { reduce_params: reduceParams };
