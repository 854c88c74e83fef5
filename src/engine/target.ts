// target.ts: what a computation is optimized for: the kind of device, and what was measured on it.

import type { DeviceTraits } from '../kernels/types.ts';
import type { OpNode } from './graph.ts';

export interface Target {
  readonly traits: DeviceTraits;
  /**
   * The variant that was measured to be the fastest for an op of these shapes and attributes; undefined where nothing was
   * measured, and the heuristics decide.
   */
  readonly measured?: (op: OpNode, inputs: readonly (readonly number[])[]) => string | undefined;
}

interface NamedAdapter {
  readonly vendor: string;
  readonly architecture: string;
  readonly name: string;
}

/** Adapter and driver as far as they tell, and whether kernels may use subgroups. */
export const deviceKey = ({ vendor, architecture, name }: NamedAdapter, { kind, subgroups }: DeviceTraits): string =>
  [vendor, architecture, name, kind, subgroups ? 'subgroups' : 'no subgroups'].join(' | ');
