// types.ts: a row of the op test table: one op on one interesting shape.

import type { OpName } from '../../src/kernels/index.ts';
import type { Shape } from '../../src/kernels/types.ts';
import type { Value } from '../../src/engine/graph.ts';

export interface Case {
  /** The op this row covers; every op has at least one. */
  readonly op: OpName;
  /** What is interesting about it. */
  readonly name: string;
  readonly inputs: readonly Shape[];
  build(inputs: readonly Value[]): Value;
  /** Inputs are drawn uniformly from this range; -1..1 by default. */
  readonly range?: readonly [number, number];
  /** Inputs are distinct multiples of a step, in random order, so that no finite difference crosses a kink or a tie. */
  readonly distinct?: boolean;
  /** Contents of inputs that cannot be random (indices, counters, matrices), by position. */
  readonly data?: Readonly<Record<number, readonly number[]>>;
  /** Inputs whose gradient is checked; all by default, none for `[]`. */
  readonly wrt?: readonly number[];
  /** Float32 rounding units that the device's function itself may be off by, from the WGSL specification; 0 by default. */
  readonly ulps?: number;
}
