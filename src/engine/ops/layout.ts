// layout.ts: renaming, stretching, cutting and joining axes.

import { sameShape } from '../../kernels/shape.ts';
import type { Shape } from '../../kernels/types.ts';
import { apply, type Value } from '../graph.ts';

/** The same elements under other axes. */
export const reshape = (x: Value, shape: Shape, label?: string): Value =>
  sameShape(x.shape, shape) && !label ? x : apply('reshape', [x], { shape }, label);

/** Stretches axes of size 1, and missing leading ones. */
export const broadcastTo = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : apply('broadcastTo', [x], { shape });
