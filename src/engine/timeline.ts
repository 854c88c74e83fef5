// timeline.ts: the plan's memory over the steps of a replay: which buffer holds which value from when to when.

import { sizeOf } from '../kernels/shape.ts';
import type { Shape } from '../kernels/types.ts';
import { layersOf } from './describe.ts';
import type { OpNode } from './graph.ts';
import { type Place, type Plan, samePlace } from './plan.ts';

/** A value in a shared buffer. */
export interface Lifetime {
  readonly slot: number;
  readonly label: string;
  readonly shape: Shape;
  readonly bytes: number;
  /** The step that writes it and the last that reads it, counted from 0; for what is kept, the last of the plan. */
  readonly first: number;
  readonly last: number;
  /** Whether it is an output, which stays after the run. */
  readonly kept: boolean;
}

/** All in bytes. */
export interface MemoryTimeline {
  readonly lifetimes: readonly Lifetime[];
  /** Sizes of the shared buffers, which are held all the time. */
  readonly slots: readonly number[];
  /** Values alive during each step. */
  readonly live: readonly number[];
  /** The largest of `live`: no plan can do with less. */
  readonly peakLive: number;
  /** Weights, precomputed values, states, inputs and uniforms. */
  readonly fixed: number;
}

export function memoryTimeline(plan: Plan): MemoryTimeline {
  const { steps, slotBytes, memory } = plan;
  const layers = layersOf(plan);
  type Open = { -readonly [K in keyof Lifetime]: Lifetime[K] };
  const lifetimes: Open[] = [];
  const open: (Open | undefined)[] = slotBytes.map(() => undefined);
  const isOutput = (place: Place): boolean => [...plan.outputs.values()].some((output) => samePlace(output, place));
  // The concat whose parts were last written to each slot.
  const joined: (OpNode | undefined)[] = slotBytes.map(() => undefined);
  steps.forEach(({ node, inputs, output, slice }, k) => {
    for (const place of inputs) {
      const value = place.kind === 'slot' ? open[place.index] : undefined;
      if (value) value.last = k;
    }
    if (output.kind !== 'slot') return;
    const known = open[output.index];
    if (slice && known && joined[output.index] === slice.whole) {
      known.last = k;
      return;
    }
    joined[output.index] = slice?.whole;
    const { shape } = slice?.whole ?? node;
    const value = {
      slot: output.index,
      label: slice?.whole.label ?? layers[k],
      shape,
      bytes: 4 * sizeOf(shape),
      first: k,
      last: k,
      kept: false,
    };
    open[output.index] = value;
    lifetimes.push(value);
  });
  for (const value of open) {
    if (!value || !isOutput({ kind: 'slot', index: value.slot })) continue;
    value.last = steps.length - 1;
    value.kept = true;
  }
  const live = steps.map((_, k) =>
    lifetimes.reduce((sum, { first, last, bytes }) => (first <= k && k <= last ? sum + bytes : sum), 0),
  );
  return {
    lifetimes,
    slots: slotBytes,
    live,
    peakLive: Math.max(0, ...live),
    fixed: memory.total - memory.temporary - memory.slots,
  };
}
