// noise.ts: seeded normal numbers for initial parameters, the same on every machine.

import { sizeOf } from '../../kernels/shape.ts';
import type { Shape } from '../../kernels/types.ts';
import { rng } from '../../training/random.ts';

/** Normal numbers with mean 0 (Box and Muller 1958), in row-major order of `shape`. */
export function gaussian(shape: Shape, deviation: number, seed: number): Float32Array {
  const next = rng(seed, 0);
  const data = new Float32Array(sizeOf(shape));
  for (let i = 0; i < data.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    data[i] = radius * Math.cos(angle);
    if (i + 1 < data.length) data[i + 1] = radius * Math.sin(angle);
  }
  return data;
}
