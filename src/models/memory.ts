// memory.ts: what running a network will take on the device, worked out from the plan alone: no GPU is touched.

import { gradient } from '../autodiff/gradient.ts';
import { type Computation, computation, Graph } from '../engine/graph.ts';
import { optimize } from '../engine/optimize.ts';
import { makePlan } from '../engine/plan.ts';
import { OpError } from '../kernels/types.ts';
import type { Model } from './model.ts';

/** Bytes of buffers for one run of a computation. */
export interface RunMemory {
  /**
   * Input, what is precomputed from the weights, and intermediate values as planned: their buffers are used again once
   * nobody reads them any more.
   */
  readonly planned: number;
  /** The same with a buffer for each value. */
  readonly unshared: number;
  /** How many buffers the intermediate values take as planned. */
  readonly buffers: number;
  /** How many dispatches a run is. */
  readonly dispatches: number;
}

/** All in bytes. Weights are on the device once, whatever runs. */
export interface MemoryReport {
  readonly batch: number;
  readonly weights: number;
  /** From the picture to the logits. */
  readonly forward: RunMemory;
  /** Logits, and the gradient of one with respect to the picture; undefined where an op has no gradient. */
  readonly gradient?: RunMemory;
}

export interface MemoryOptions {
  /** [height, width]; the model's nominal size by default. */
  readonly size?: readonly [number, number];
  /** Pictures at once; 1 by default. */
  readonly batch?: number;
}

/** Memory that a model takes on the device. Throws where it does not fit the size. */
export function memoryReport(model: Model, { size = model.nominalSize, batch = 1 }: MemoryOptions = {}): MemoryReport {
  const graph = new Graph();
  const x = graph.input('x', [batch, ...size, model.input.channels]);
  const { output } = model.trace(x);
  const forward = plan(computation({ output }));
  return { batch, weights: forward.constants, forward: forward.run, gradient: backward()?.run };

  function backward() {
    try {
      // The class is chosen by a seed that is written before each run, as attributions do.
      const [dx] = gradient(output, [x], { seed: graph.input('seed', output.shape) });
      return plan(computation({ output, dx }));
    } catch (error) {
      if (error instanceof OpError) return undefined;
      throw error;
    }
  }
}

function plan(source: Computation) {
  const { memory, slotBytes, steps } = makePlan(optimize(source));
  const { slots, unshared, inputs, constants, baked } = memory;
  const run: RunMemory = {
    planned: inputs + baked + slots,
    unshared: inputs + baked + unshared,
    buffers: slotBytes.length,
    dispatches: steps.length,
  };
  return { constants, run };
}
