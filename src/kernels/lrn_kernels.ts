// lrn_kernels.ts: the dispatches of local response normalization.

import lrnParams from '../../shaders/shared/lrn_params.wgsl';
import lrnRunParams from '../../shaders/shared/lrn_run_params.wgsl';
import lrnScale from '../../shaders/shared/lrn_scale.wgsl';
import lrnWindow from '../../shaders/shared/lrn_window.wgsl';
import './shared.ts';
import { epilogueText } from './elementwise_text.ts';
import type { KernelsOf } from './index.ts';
import { type LrnAttrs, reach } from './lrn.ts';
import { grid1d, sizeOf } from './shape.ts';
import type { Kernel, KernelContext } from './types.ts';

const WORKGROUP = 64;
/** How far a window may reach from its channel for the vector kernels: one vector. */
const VECTOR_REACH = 4;
const SHORTEST_RUN = 4;
/** Invocations that keep a device busy. */
const ENOUGH_INVOCATIONS = 8192;

function lrnKernels(op: 'lrn' | 'lrn_input', context: KernelContext<LrnAttrs>): Kernel[] {
  const { output, attrs, device } = context;
  const { before, after } = reach(attrs.size);
  const channels = output[output.length - 1];
  const count = sizeOf(output);
  const { beta, bias } = attrs;
  const rate = attrs.alpha / attrs.size;
  const naive: Kernel = {
    variant: 'naive',
    shader: op,
    text: { WORKGROUP, ...(op === 'lrn_input' ? epilogueText(context, 1) : {}) },
    uniforms: { count, channels, before, after, rate, beta, bias },
    workgroups: grid1d(count, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
  if (channels % 4 !== 0 || after > VECTOR_REACH) return [naive];
  const vectors = channels / 4;
  const pixels = count / channels;
  // As long as possible, for each run computes some scales its neighbour has too; short enough to occupy the device.
  const run = Math.max(SHORTEST_RUN, Math.min(vectors, Math.ceil((vectors * pixels) / ENOUGH_INVOCATIONS)));
  const runs = Math.ceil(vectors / run);
  const walk: Kernel = {
    variant: 'run',
    shader: `${op}_run`,
    text: {
      WORKGROUP,
      SIZE: attrs.size,
      BEFORE: before,
      THREE_QUARTERS: beta === 0.75,
      ...(op === 'lrn_input' ? epilogueText(context, 4) : {}),
    },
    uniforms: { count: pixels * runs, channels: vectors, run, runs, rate, beta, bias },
    workgroups: grid1d(pixels * runs, WORKGROUP, device.maxWorkgroupsPerDimension),
  };
  return [naive, walk];
}

export const kernels = {
  lrn: (context) => lrnKernels('lrn', context),
  lrnInput: (context) => lrnKernels('lrn_input', context),
} satisfies KernelsOf<'lrn' | 'lrnInput'>;

export const shaders = {
  lrn: () => import('../../shaders/lrn.wgsl'),
  lrn_input: () => import('../../shaders/lrn_input.wgsl'),
  lrn_run: () => import('../../shaders/lrn_run.wgsl'),
  lrn_input_run: () => import('../../shaders/lrn_input_run.wgsl'),
};

export const includes = {
  lrn_params: lrnParams,
  lrn_run_params: lrnRunParams,
  lrn_scale: lrnScale,
  lrn_window: lrnWindow,
};
