// conv.ts: derivatives of the three convolution ops, each made of the other two: y, dx and dw are bilinear in the
// remaining pair, and all three sum the same terms x w dy.

import { conv2d, conv2dFilter, conv2dInput } from '../ops/index.ts';
import type { Shape } from '../../kernels/types.ts';
import type { Rule } from './types.ts';

const inputSize = ([, H, W]: Shape): [number, number] => [H, W];
const filterSize = ([R, S]: Shape): [number, number] => [R, S];

export const convRules: {
  conv2d: Rule<'conv2d'>;
  conv2dInput: Rule<'conv2dInput'>;
  conv2dFilter: Rule<'conv2dFilter'>;
} = {
  conv2d: ({ x: [x, w], dy, attrs, needs }) => [
    needs[0] ? conv2dInput(dy, w, { ...attrs, inputSize: inputSize(x.shape) }) : undefined,
    needs[1] ? conv2dFilter(x, dy, { ...attrs, filterSize: filterSize(w.shape) }) : undefined,
  ],
  conv2dInput: ({ x: [u, w], dy: g, attrs, needs }) => [
    needs[0] ? conv2d(g, w, attrs) : undefined,
    needs[1] ? conv2dFilter(g, u, { ...attrs, filterSize: filterSize(w.shape) }) : undefined,
  ],
  conv2dFilter: ({ x: [x, u], dy: g, attrs, needs }) => [
    needs[0] ? conv2dInput(u, g, { ...attrs, inputSize: inputSize(x.shape) }) : undefined,
    needs[1] ? conv2d(x, g, attrs) : undefined,
  ],
};
