// pool.ts: pooling over spatial windows. Global average pooling is `mean(x, [1, 2])`.

import * as definitions from '../../kernels/pool.ts';
import type { Window } from '../../kernels/window.ts';
import { applying } from '../extra.ts';
import type { Value } from '../graph.ts';
import { averagePoolRules, maxPoolRules } from '../rules/pool.ts';

const applyMax = /* @__PURE__ */ applying({
  ops: {
    maxPool: definitions.maxPool,
    maxPoolSwitches: definitions.maxPoolSwitches,
    maxPoolInput: definitions.maxPoolInput,
    maxPoolGather: definitions.maxPoolGather,
  },
  rules: () => maxPoolRules,
});
const applyAverage = /* @__PURE__ */ applying({
  ops: { averagePool: definitions.averagePool, averagePoolInput: definitions.averagePoolInput },
  rules: () => averagePoolRules,
});

type Pair = readonly [number, number];

export interface PoolOptions {
  /** Rows and columns of a window. */
  readonly kernel: Pair;
  /** Steps between windows; 1 by default. */
  readonly strides?: Pair;
  /** [top, left, bottom, right]; 0 by default. */
  readonly pads?: readonly [number, number, number, number];
  /** Lets the last window hang over the end of the input. */
  readonly ceilMode?: boolean;
  readonly label?: string;
}
export interface MaxPoolOptions extends PoolOptions {
  readonly dilations?: Pair;
}
export interface AveragePoolOptions extends PoolOptions {
  /** Count padding as pixels of value 0. False by default, as in ONNX; PyTorch's default is true. */
  readonly countIncludePad?: boolean;
}

const windowOf = ({
  kernel,
  strides = [1, 1],
  pads = [0, 0, 0, 0],
  dilations = [1, 1],
  ceilMode = false,
}: MaxPoolOptions): Window => ({
  kernel,
  strides,
  pads,
  dilations,
  ceilMode,
});

/** x: [N,H,W,C] -> [N,P,Q,C]: the largest value of each window; padding never wins. */
export const maxPool = (x: Value, options: MaxPoolOptions): Value =>
  applyMax('maxPool', [x], windowOf(options), options.label);

/** x: [N,H,W,C] -> [N,P,Q,C]: which tap (r * S + s) of each window holds its first maximum. */
export const maxPoolSwitches = (x: Value, window: Window): Value =>
  applyMax('maxPoolSwitches', [x], pickWindow(window));

/** Adds each dy to the pixel its window's switch points at. `inputSize` is [H, W] of what was pooled. */
export const maxPoolInput = (switches: Value, dy: Value, window: Window, inputSize: Pair): Value =>
  applyMax('maxPoolInput', [switches, dy], { ...pickWindow(window), inputSize });

/** The value of x: [N,H,W,C] that each switch points at. */
export const maxPoolGather = (switches: Value, x: Value, window: Window): Value =>
  applyMax('maxPoolGather', [switches, x], pickWindow(window));

/** x: [N,H,W,C] -> [N,P,Q,C]: the mean of each window. */
export const averagePool = (x: Value, options: AveragePoolOptions): Value =>
  applyAverage(
    'averagePool',
    [x],
    { ...windowOf(options), countIncludePad: options.countIncludePad ?? false },
    options.label,
  );

/** dy: [N,P,Q,C] -> [N,H,W,C]: spreads each dy evenly over its window. */
export const averagePoolInput = (dy: Value, attrs: definitions.AverageAttrs, inputSize: Pair): Value =>
  applyAverage('averagePoolInput', [dy], { ...pickWindow(attrs), countIncludePad: attrs.countIncludePad, inputSize });

/** The window alone of attributes that may hold more, so that equal windows are equal attributes. */
const pickWindow = ({ kernel, strides, pads, dilations, ceilMode }: Window): Window => ({
  kernel,
  strides,
  pads,
  dilations,
  ceilMode,
});
