// half_text.ts: how shaders read numbers that may be stored in halves (half.ts). Sums stay in float32. WGSL unpacks halves on every
// device; `shader-f16`, which computes in them, is not needed.

import type { KernelContext } from './types.ts';

/** By numbers read at once: how they are stored, and read as element i of the binding `name`. */
const ofFloats = {
  1: { stored: 'f32', read: (name: string) => `${name}[i]` },
  2: { stored: 'vec2f', read: (name: string) => `${name}[i]` },
  4: { stored: 'vec4f', read: (name: string) => `${name}[i]` },
} as const;
const ofHalves = {
  1: { stored: 'u32', read: (name: string) => `unpack2x16float(${name}[i / 2u])[i % 2u]` },
  2: { stored: 'u32', read: (name: string) => `unpack2x16float(${name}[i])` },
  4: { stored: 'vec2u', read: (name: string) => `four_halves(${name}[i])` },
} as const;

/**
 * Whether input `position` of an op comes in halves, for a shader that declares its binding `name` as array<{{STORED}}> and
 * reads `unit` numbers at a time by {{READ}}, element i of it.
 */
export function storedText(context: KernelContext<unknown>, position: number, name: string, unit: 1 | 2 | 4) {
  const { stored, read } = (context.halves?.includes(position) ? ofHalves : ofFloats)[unit];
  return { STORED: stored, READ: read(name) };
}
