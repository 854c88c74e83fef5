// conv.ts: rows for convolution and its gradients: every load width, groups, strides, padding, dilation, ragged tiles.

import { add, type ConvOptions, conv2d, conv2dFilter, conv2dInput, mul, relu } from '../../src/engine/ops/index.ts';
import type { Shape } from '../../src/kernels/types.ts';
import { convOutputSize } from '../../src/kernels/conv.ts';
import type { Case } from './types.ts';

interface Setting {
  readonly name: string;
  readonly x: Shape;
  readonly w: Shape;
  readonly options?: ConvOptions;
}

const settings: readonly Setting[] = [
  { name: '1x1', x: [2, 3, 5, 8], w: [1, 1, 8, 12] },
  { name: '1x1, as a matrix product', x: [2, 4, 8, 6], w: [1, 1, 6, 28] },
  { name: '1x1, as a matrix product, terms in fours', x: [1, 5, 6, 32], w: [1, 1, 32, 28] },
  { name: '1x1, stride 2', x: [1, 5, 6, 4], w: [1, 1, 4, 8], options: { strides: [2, 2] } },
  { name: '3x3, pad 1', x: [1, 5, 9, 8], w: [3, 3, 8, 8], options: { pads: [1, 1, 1, 1] } },
  { name: '3x3, batch 3', x: [3, 4, 4, 4], w: [3, 3, 4, 16], options: { pads: [1, 1, 1, 1] } },
  {
    name: '7x7, stride 2, 3 channels',
    x: [1, 9, 9, 3],
    w: [7, 7, 3, 8],
    options: { strides: [2, 2], pads: [3, 3, 3, 3] },
  },
  { name: 'large blocks of a quad', x: [2, 5, 5, 28], w: [3, 3, 28, 28], options: { pads: [1, 1, 1, 1] } },
  { name: 'asymmetric pads', x: [1, 5, 6, 4], w: [3, 2, 4, 4], options: { pads: [0, 1, 2, 3] } },
  { name: 'asymmetric strides', x: [1, 6, 7, 4], w: [3, 3, 4, 4], options: { strides: [1, 3], pads: [1, 1, 1, 1] } },
  { name: 'dilation 2', x: [1, 7, 8, 4], w: [3, 3, 4, 4], options: { dilations: [2, 2], pads: [2, 2, 2, 2] } },
  { name: 'dilation 3, stride 2', x: [1, 9, 8, 4], w: [2, 3, 4, 4], options: { dilations: [3, 1], strides: [2, 2] } },
  { name: 'groups 2', x: [2, 4, 5, 8], w: [3, 3, 4, 16], options: { groups: 2, pads: [1, 1, 1, 1] } },
  { name: 'groups of one vector', x: [1, 4, 5, 8], w: [3, 3, 4, 8], options: { groups: 2 } },
  { name: 'groups of three', x: [1, 4, 5, 6], w: [3, 3, 3, 6], options: { groups: 2 } },
  { name: 'depthwise', x: [2, 5, 6, 8], w: [3, 3, 1, 8], options: { groups: 8, pads: [1, 1, 1, 1], strides: [2, 2] } },
  { name: 'depthwise, stride 1', x: [2, 5, 7, 8], w: [3, 3, 1, 8], options: { groups: 8, pads: [1, 1, 1, 1] } },
  { name: 'depthwise, several strips', x: [1, 33, 3, 4], w: [3, 2, 1, 4], options: { groups: 4, pads: [2, 0, 1, 1] } },
  { name: 'depthwise, wide pads', x: [1, 3, 6, 4], w: [2, 2, 1, 4], options: { groups: 4, pads: [3, 2, 0, 4] } },
  { name: 'depthwise, 7x7', x: [1, 6, 9, 4], w: [7, 7, 1, 4], options: { groups: 4, pads: [3, 3, 3, 3] } },
  { name: 'depthwise, dilation', x: [1, 7, 8, 4], w: [3, 3, 1, 4], options: { groups: 4, dilations: [1, 2] } },
  {
    name: 'depthwise, 5x5, asymmetric strides',
    x: [1, 7, 11, 12],
    w: [5, 5, 1, 12],
    options: { groups: 12, strides: [1, 3], pads: [2, 1, 2, 3] },
  },
  {
    name: 'depthwise, stride larger than the filter',
    x: [1, 9, 10, 4],
    w: [2, 2, 1, 4],
    options: { groups: 4, strides: [3, 3] },
  },
  { name: 'depthwise, multiplier 2', x: [1, 5, 4, 4], w: [3, 3, 1, 8], options: { groups: 4, pads: [1, 1, 1, 1] } },
  { name: 'odd numbers of channels', x: [2, 4, 5, 5], w: [3, 3, 5, 7], options: { pads: [1, 1, 1, 1] } },
  { name: '10 filters', x: [1, 4, 5, 8], w: [3, 3, 8, 10] },
  { name: '12 filters of 6 channels', x: [1, 4, 9, 6], w: [3, 3, 6, 12] },
  { name: 'one channel, one filter', x: [1, 6, 5, 1], w: [3, 3, 1, 1] },
  { name: 'stride larger than the filter', x: [1, 8, 9, 4], w: [2, 2, 4, 4], options: { strides: [3, 3] } },
  {
    name: 'gathered rows, strides, dilation and asymmetric pads',
    x: [2, 9, 11, 6],
    w: [3, 5, 6, 20],
    options: { strides: [1, 2], dilations: [2, 1], pads: [3, 1, 0, 4] },
  },
  { name: 'gathered rows, 5x5', x: [1, 7, 8, 10], w: [5, 5, 10, 16], options: { pads: [2, 2, 2, 2] } },
  { name: 'gathered rows, 13 x 10 pixels', x: [1, 13, 10, 4], w: [3, 3, 4, 28], options: { pads: [1, 1, 1, 1] } },
  { name: 'single pixel', x: [1, 1, 1, 4], w: [3, 3, 4, 4], options: { pads: [1, 1, 1, 1] } },
  { name: 'several tiles a row', x: [1, 2, 19, 4], w: [1, 3, 4, 20], options: { pads: [0, 1, 0, 1] } },
];

const output = ({ x, w, options = {} }: Setting): Shape => {
  const attrs = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], groups: 1, ...options } as const;
  return [x[0], ...convOutputSize([x[1], x[2]], [w[0], w[1]], attrs), w[3]];
};

export const convCases: readonly Case[] = [
  ...settings.flatMap((setting): Case[] => {
    const { name, x, w, options } = setting;
    const y = output(setting);
    return [
      { op: 'conv2d', name, inputs: [x, w], build: ([a, b]) => conv2d(a, b, options) },
      {
        op: 'conv2dInput',
        name,
        inputs: [y, w],
        build: ([dy, b]) => conv2dInput(dy, b, { ...options, inputSize: [x[1], x[2]] }),
      },
      {
        op: 'conv2dFilter',
        name,
        inputs: [x, y],
        build: ([a, dy]) => conv2dFilter(a, dy, { ...options, filterSize: [w[0], w[1]] }),
      },
    ];
  }),
  {
    op: 'conv2d',
    name: 'bias and relu',
    inputs: [[2, 4, 9, 8], [3, 3, 8, 12], [12]],
    distinct: true,
    build: ([x, w, bias]) => relu(add(conv2d(x, w, { pads: [1, 1, 1, 1] }), bias)),
  },
  {
    op: 'conv2d',
    name: 'gathered rows, bias, relu and mask',
    inputs: [[3, 5, 6, 10], [3, 3, 10, 28], [28], [3, 3, 6, 28]],
    distinct: true,
    build: ([x, w, bias, mask]) => mul(relu(add(conv2d(x, w, { strides: [2, 1], pads: [1, 1, 1, 1] }), bias)), mask),
  },
  {
    op: 'conv2d',
    name: 'few terms, bias, relu and mask',
    inputs: [[2, 9, 10, 3], [3, 3, 3, 20], [20], [2, 4, 9, 20]],
    distinct: true,
    build: ([x, w, bias, mask]) =>
      mul(relu(add(conv2d(x, w, { strides: [2, 1], pads: [1, 1, 2, 0], dilations: [2, 1] }), bias)), mask),
  },
  {
    op: 'conv2d',
    name: 'few terms, 1x1 of stride 2',
    inputs: [
      [1, 7, 9, 8],
      [1, 1, 8, 12],
    ],
    build: ([x, w]) => conv2d(x, w, { strides: [2, 2] }),
  },
  {
    op: 'conv2d',
    name: '1x1, bias and relu',
    inputs: [[1, 5, 9, 4], [1, 1, 4, 28], [28]],
    distinct: true,
    build: ([x, w, bias]) => relu(add(conv2d(x, w), bias)),
  },
  {
    op: 'conv2d',
    name: 'residual of 7 filters',
    inputs: [
      [1, 4, 9, 3],
      [3, 3, 3, 7],
      [1, 4, 9, 7],
    ],
    build: ([x, w, residual]) => add(conv2d(x, w, { pads: [1, 1, 1, 1] }), residual),
  },
  {
    op: 'conv2d',
    name: 'depthwise, bias and relu',
    inputs: [[1, 4, 6, 8], [3, 3, 1, 8], [8]],
    distinct: true,
    build: ([x, w, bias]) => relu(add(conv2d(x, w, { groups: 8, pads: [1, 1, 1, 1] }), bias)),
  },
  {
    op: 'conv2dInput',
    name: 'bias',
    inputs: [[1, 4, 4, 8], [3, 3, 12, 8], [12]],
    build: ([dy, w, bias]) => add(conv2dInput(dy, w, { strides: [2, 2], inputSize: [9, 9] }), bias),
  },
];
