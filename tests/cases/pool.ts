// pool.ts: rows for pooling: overlapping windows, ceil mode, padding, dilation, ties, vec4 and scalar channels.

import {
  averagePool,
  averagePoolInput,
  type MaxPoolOptions,
  maxPool,
  maxPoolGather,
  maxPoolInput,
  maxPoolSwitches,
  relu,
} from '../../src/engine/ops/index.ts';
import type { Window } from '../../src/kernels/window.ts';
import type { Case } from './types.ts';

const overlapping: MaxPoolOptions = { kernel: [3, 3], strides: [2, 2] };
const hanging: MaxPoolOptions = { ...overlapping, ceilMode: true };
const inception: MaxPoolOptions = { kernel: [3, 3], pads: [1, 1, 1, 1] };

const maxRow = (name: string, shape: readonly number[], options: MaxPoolOptions): Case => ({
  op: 'maxPool',
  name,
  inputs: [shape],
  distinct: true,
  build: ([x]) => maxPool(x, options),
});

const window: Window = { kernel: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1], ceilMode: true };
/** Switches of 2 x 2 windows over 4 x 5 pixels and 2 channels, each pointing inside the input. */
const switches = [0, 8, 3, 1, 2, 4, 0, 1, 5, 3, 1, 2, 4, 6];
const pooledByWindow = [1, 2, 2, 2];

const averageRow = (name: string, shape: readonly number[], options: Parameters<typeof averagePool>[1]): Case => ({
  op: 'averagePool',
  name,
  inputs: [shape],
  build: ([x]) => averagePool(x, options),
});

/** Pools of a ReLU, whose masks the gradients apply before they store. */
const masked = (channels: number, window: Pick<Window, 'kernel' | 'strides' | 'pads'>): Case[] => [
  {
    op: 'maxPool',
    name: `of a ReLU, ${channels} channels, kernel ${window.kernel}`,
    inputs: [[1, 7, 6, channels]],
    distinct: true,
    build: ([x]) => maxPool(relu(x), window),
  },
  {
    op: 'averagePool',
    name: `of a ReLU, ${channels} channels, kernel ${window.kernel}`,
    inputs: [[1, 7, 6, channels]],
    distinct: true,
    build: ([x]) => averagePool(relu(x), window),
  },
];

export const poolCases: readonly Case[] = [
  ...masked(8, { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  ...masked(3, { kernel: [6, 5], strides: [1, 1], pads: [0, 0, 0, 0] }),
  maxRow('overlapping, odd channels', [2, 7, 9, 3], overlapping),
  maxRow('one window larger than the picture, ceil mode', [1, 2, 2, 4], hanging),
  maxRow('last window hangs over, vec4', [1, 8, 6, 8], hanging),
  maxRow('last window hangs over, odd channels', [2, 6, 8, 3], hanging),
  maxRow('padded, stride 1, vec4', [2, 5, 6, 4], inception),
  maxRow('padded, stride 1, odd channels', [1, 5, 4, 5], inception),
  maxRow('padded, stride 2, ceil, window after the end dropped', [1, 6, 7, 4], { ...hanging, pads: [1, 1, 1, 1] }),
  maxRow('2x2, not overlapping, vec4', [2, 6, 7, 4], { kernel: [2, 2], strides: [2, 2] }),
  maxRow('rows and columns differ', [1, 9, 8, 4], { kernel: [2, 3], strides: [3, 1], pads: [1, 0, 0, 2] }),
  maxRow('stride beyond the kernel', [1, 9, 9, 4], { kernel: [2, 2], strides: [3, 3] }),
  maxRow('dilated', [1, 8, 9, 4], { kernel: [3, 2], dilations: [2, 3], pads: [1, 1, 1, 1] }),
  maxRow('two workgroups a row', [1, 5, 40, 12], overlapping),
  { ...maxRow('one row of windows, one tap', [1, 4, 4, 4], { kernel: [1, 1], strides: [2, 2] }) },
  {
    op: 'maxPoolSwitches',
    name: 'ties go to the first in row-major order',
    inputs: [[1, 4, 5, 2]],
    data: { 0: Array.from({ length: 40 }, (_, i) => (i * 7) % 3) },
    wrt: [],
    build: ([x]) => maxPoolSwitches(x, window),
  },
  {
    op: 'maxPoolSwitches',
    name: 'padded, vec4, all equal',
    inputs: [[1, 4, 4, 4]],
    data: { 0: new Array<number>(64).fill(0) },
    wrt: [],
    build: ([x]) => maxPoolSwitches(x, { ...window, pads: [1, 1, 1, 1] }),
  },
  {
    op: 'maxPoolSwitches',
    name: 'dilated',
    inputs: [[1, 8, 9, 3]],
    distinct: true,
    wrt: [],
    build: ([x]) => maxPoolSwitches(x, { ...window, dilations: [2, 3], pads: [1, 1, 1, 1] }),
  },
  {
    op: 'maxPoolInput',
    name: 'overlapping windows add up, vec4',
    inputs: [
      [1, 8, 7, 4],
      [1, 4, 3, 4],
    ],
    distinct: true,
    wrt: [1],
    build: ([x, dy]) => maxPoolInput(maxPoolSwitches(x, window), dy, window, [8, 7]),
  },
  {
    op: 'maxPoolInput',
    name: 'given switches, odd channels',
    inputs: [pooledByWindow, pooledByWindow],
    data: { 0: switches.slice(0, 8) },
    wrt: [1],
    build: ([chosen, dy]) => maxPoolInput(chosen, dy, window, [4, 5]),
  },
  {
    op: 'maxPoolInput',
    name: 'padded, stride 1',
    inputs: [
      [2, 5, 6, 4],
      [2, 5, 6, 4],
    ],
    distinct: true,
    wrt: [1],
    build: ([x, dy]) => {
      const same: Window = { ...window, strides: [1, 1], pads: [1, 1, 1, 1], ceilMode: false };
      return maxPoolInput(maxPoolSwitches(x, same), dy, same, [5, 6]);
    },
  },
  {
    op: 'maxPoolInput',
    name: 'dilated',
    inputs: [
      [1, 9, 9, 4],
      [1, 3, 2, 4],
    ],
    distinct: true,
    wrt: [1],
    build: ([x, dy]) => {
      const wide: Window = { ...window, dilations: [2, 3] };
      return maxPoolInput(maxPoolSwitches(x, wide), dy, wide, [9, 9]);
    },
  },
  {
    op: 'maxPoolGather',
    name: 'given switches',
    inputs: [pooledByWindow, [1, 4, 5, 2]],
    data: { 0: switches.slice(0, 8) },
    wrt: [1],
    build: ([chosen, x]) => maxPoolGather(chosen, x, window),
  },
  averageRow('overlapping, odd channels', [2, 7, 9, 3], overlapping),
  averageRow('last window hangs over, vec4', [1, 8, 6, 8], hanging),
  averageRow('padded, padding not counted', [2, 5, 6, 4], inception),
  averageRow('padded, padding counted, ceil, vec4', [1, 6, 7, 4], {
    ...hanging,
    pads: [1, 1, 1, 1],
    countIncludePad: true,
  }),
  averageRow('padded on one side, odd channels', [1, 6, 7, 3], {
    kernel: [2, 3],
    pads: [0, 1, 1, 0],
    countIncludePad: true,
  }),
  {
    op: 'averagePoolInput',
    name: 'overlapping windows add up',
    inputs: [[2, 4, 3, 4]],
    build: ([dy]) => averagePoolInput(dy, { ...window, countIncludePad: false }, [8, 7]),
  },
  {
    op: 'averagePoolInput',
    name: 'padded, stride 1, odd channels',
    inputs: [[1, 5, 4, 3]],
    build: ([dy]) =>
      averagePoolInput(
        dy,
        { ...window, strides: [1, 1], pads: [1, 1, 1, 1], ceilMode: false, countIncludePad: false },
        [5, 4],
      ),
  },
];
