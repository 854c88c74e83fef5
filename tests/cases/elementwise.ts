// elementwise.ts: rows for elementwise ops: vec4 and scalar paths, every way of broadcasting.

import type { ElementwiseName } from '../../src/kernels/elementwise.ts';
import { apply } from '../../src/engine/graph.ts';
import * as ops from '../../src/engine/ops/index.ts';
import type { Case } from './types.ts';

const unary = (op: ElementwiseName, extra: Partial<Case> = {}): Case => ({
  op,
  name: 'odd count',
  inputs: [[3, 5]],
  build: ([x]) => apply(op, [x], {}),
  ...extra,
});
const binary = (op: ElementwiseName, extra: Partial<Case> = {}): Case => ({
  op,
  name: 'channel vector',
  inputs: [[2, 3, 8], [8]],
  build: ([a, b]) => apply(op, [a, b], {}),
  ...extra,
});

// Accuracy of the functions in WGSL is given in its specification, section "Floating point accuracy".
export const elementwiseCases: readonly Case[] = [
  binary('add'),
  binary('add', {
    name: 'equal shapes, vec4',
    inputs: [
      [2, 3, 4],
      [2, 3, 4],
    ],
  }),
  binary('add', {
    name: 'both stretched',
    inputs: [
      [3, 1, 5],
      [4, 1],
    ],
  }),
  binary('add', {
    name: 'spatial map over channels, vec4',
    inputs: [
      [2, 3, 8],
      [2, 3, 1],
    ],
  }),
  binary('add', {
    name: 'alternating axes',
    inputs: [
      [2, 3, 4, 8],
      [2, 1, 4, 1],
    ],
  }),
  binary('sub'),
  binary('sub', { name: 'scalar operand', inputs: [[7, 3], []] }),
  binary('mul'),
  binary('mul', {
    name: 'per picture',
    inputs: [
      [2, 3, 3, 3],
      [2, 1, 1, 1],
    ],
  }),
  binary('div', { range: [0.5, 2], ulps: 2.5 }),
  binary('pow', { range: [0.5, 2], ulps: 64 }),
  binary('max', { distinct: true }),
  binary('min', { distinct: true }),
  unary('neg'),
  unary('abs', { distinct: true }),
  unary('sign', { distinct: true }),
  unary('floor', { distinct: true }),
  unary('round', { distinct: true }),
  unary('round', {
    name: 'halves, vec4',
    inputs: [[8]],
    data: { 0: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997, 1e7] },
    wrt: [],
  }),
  unary('sqrt', { range: [0.5, 2], ulps: 4 }),
  unary('exp', { ulps: 8 }),
  unary('log', { range: [0.5, 2], ulps: 2048 }),
  unary('sin', { ulps: 8192 }),
  unary('cos', { ulps: 8192 }),
  unary('atan', { ulps: 4096 }),
  unary('tanh', { ulps: 64 }),
  unary('tanh', { name: 'saturated', data: { 0: [-200, -90, 90, 200] }, inputs: [[4]], ulps: 64, wrt: [] }),
  unary('erf', { ulps: 16 }),
  unary('erf', { name: 'near 0, vec4', inputs: [[4, 8]], range: [-0.6, 0.6], ulps: 16 }),
  unary('erf', { name: 'saturated', data: { 0: [-90, -5, 5, 90] }, inputs: [[4]], ulps: 16, wrt: [] }),
  unary('sigmoid', { ulps: 16 }),
  unary('relu', { distinct: true }),
  unary('stopGradient', { wrt: [] }),
  binary('greater', { distinct: true }),
  binary('greaterEqual', { distinct: true }),
  binary('equal', { data: { 1: [0, 0, 0, 0, 0, 0, 0, 0] } }),
  {
    op: 'where',
    name: 'condition per channel',
    inputs: [[4], [3, 4], [3, 4]],
    data: { 0: [1, 0, 0, 1] },
    wrt: [1, 2],
    build: ([c, a, b]) => ops.where(c, a, b),
  },
  binary('reluMask', {
    inputs: [
      [2, 8],
      [2, 8],
    ],
    name: 'equal shapes',
    distinct: true,
    wrt: [0],
  }),
  { op: 'add', name: 'softplus', inputs: [[4, 3]], ulps: 2048, distinct: true, build: ([x]) => ops.softplus(x) },
];
