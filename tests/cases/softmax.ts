// softmax.ts: rows for softmax and its logarithm: long rows, inner axes, values beyond the range of exp.

import { logSoftmax, softmax } from '../../src/engine/ops/index.ts';
import type { Case } from './types.ts';

/** Accuracy of exp on -2..0 (3 + 2|x| units), and of log near 1 (2^-21 absolute), from the WGSL specification. */
const EXP_ULPS = 16;
const LOG_ULPS = 8;

export const softmaxCases: readonly Case[] = [
  { op: 'softmax', name: 'classes of a batch', inputs: [[3, 10]], ulps: EXP_ULPS, build: ([x]) => softmax(x) },
  { op: 'softmax', name: '1000 classes', inputs: [[2, 1000]], ulps: EXP_ULPS, build: ([x]) => softmax(x) },
  { op: 'softmax', name: 'middle axis', inputs: [[2, 5, 3, 2]], ulps: EXP_ULPS, build: ([x]) => softmax(x, 1) },
  { op: 'softmax', name: 'long first axis', inputs: [[300, 3]], ulps: EXP_ULPS, build: ([x]) => softmax(x, 0) },
  {
    op: 'softmax',
    name: 'large values',
    inputs: [[2, 3]],
    data: { 0: [1000, 999, 998, -1000, -1001, -999] },
    wrt: [],
    ulps: EXP_ULPS,
    build: ([x]) => softmax(x),
  },
  { op: 'logSoftmax', name: 'classes of a batch', inputs: [[3, 10]], ulps: LOG_ULPS, build: ([x]) => logSoftmax(x) },
  { op: 'logSoftmax', name: '1000 classes', inputs: [[1, 1000]], ulps: LOG_ULPS, build: ([x]) => logSoftmax(x, 1) },
  { op: 'logSoftmax', name: 'middle axis', inputs: [[2, 5, 3]], ulps: LOG_ULPS, build: ([x]) => logSoftmax(x, -2) },
  {
    op: 'logSoftmax',
    name: 'large values',
    inputs: [[2, 3]],
    data: { 0: [1000, 900, 998, -1000, -1001, -500] },
    wrt: [],
    ulps: LOG_ULPS,
    build: ([x]) => logSoftmax(x),
  },
];
