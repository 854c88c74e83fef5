// index.ts: the rows of every op.

import { concatCases } from './concat.ts';
import { convCases } from './conv.ts';
import { elementwiseCases } from './elementwise.ts';
import { halfCases } from './half.ts';
import { fftCases } from './fft.ts';
import { layoutCases } from './layout.ts';
import { lrnCases } from './lrn.ts';
import { poolCases } from './pool.ts';
import { randomCases } from './random.ts';
import { matmulCases } from './matmul.ts';
import { reduceCases } from './reduce.ts';
import { softmaxCases } from './softmax.ts';
import { sampleCases } from './sample.ts';
import { splitCases } from './split.ts';
import type { Case } from './types.ts';
import { winogradCases } from './winograd.ts';

export type { Case };
export const cases: readonly Case[] = [
  ...elementwiseCases,
  ...layoutCases,
  ...concatCases,
  ...poolCases,
  ...lrnCases,
  ...softmaxCases,
  ...reduceCases,
  ...fftCases,
  ...randomCases,
  ...halfCases,
  ...sampleCases,
  ...convCases,
  ...matmulCases,
  ...splitCases,
  ...winogradCases,
];
