// conv.ts: two-dimensional convolution (cross-correlation) and its gradients with respect to picture and filter.
// Each of the three is an op of its own and the derivative of the other two, so derivatives of any order are made of them.
// The dispatches are in conv_kernels.ts.
//
// Letters: N batch, H W input size, C channels, P Q output size, K filters, R S taps, G groups.
// x: [N,H,W,C]  w: [R,S,C/G,K]  ->  y: [N,P,Q,K]; filter k belongs to group floor(k / (K/G)).

import { areWhole, showShape } from './shape.ts';
import { defineOp, OpError, type Shape } from './types.ts';

export interface ConvAttrs {
  /** Distance of neighbouring outputs on the input: [down, across]. */
  readonly strides: readonly [number, number];
  /** Rows and columns of zeros around the picture: [top, left, bottom, right]. */
  readonly pads: readonly [number, number, number, number];
  /** Distance of neighbouring taps on the input: [down, across]. */
  readonly dilations: readonly [number, number];
  readonly groups: number;
}
/** [H, W] of the picture whose gradient is taken; strides leave it open. */
export type ConvInputAttrs = ConvAttrs & { readonly inputSize: readonly [number, number] };
/** [R, S] of the filter whose gradient is taken. */
type ConvFilterAttrs = ConvAttrs & { readonly filterSize: readonly [number, number] };

/** All sizes of one convolution, whichever of its three arrays is computed. */
export interface ConvSizes {
  readonly N: number;
  readonly H: number;
  readonly W: number;
  readonly C: number;
  readonly P: number;
  readonly Q: number;
  readonly K: number;
  readonly R: number;
  readonly S: number;
  /** Channels and filters of one group. */
  readonly groupC: number;
  readonly groupK: number;
}

/** Every channel its own filter, in vec4s. */
export const isDepthwise = ({ C, groupC, groupK }: ConvSizes): boolean =>
  groupC === 1 && groupK === 1 && C > 1 && C % 4 === 0;

/** Number of outputs along one axis. */
function outputCount(
  size: number,
  taps: number,
  before: number,
  after: number,
  stride: number,
  dilation: number,
): number {
  return Math.floor((size + before + after - dilation * (taps - 1) - 1) / stride) + 1;
}

/** [P, Q] for a picture and a filter. */
export function convOutputSize(
  [H, W]: readonly number[],
  [R, S]: readonly number[],
  attrs: ConvAttrs,
): [number, number] {
  const { strides, pads, dilations } = attrs;
  return [
    outputCount(H, R, pads[0], pads[2], strides[0], dilations[0]),
    outputCount(W, S, pads[1], pads[3], strides[1], dilations[1]),
  ];
}

function checkRank(op: string, argument: string, shape: Shape | undefined, layout: string): void {
  if (shape?.length !== 4) {
    throw new OpError(`${op}: ${argument} must be ${layout}, got ${showShape(shape)}.`);
  }
}

function checkAttrs(op: string, { strides, pads, dilations, groups }: ConvAttrs): void {
  if (!areWhole([...strides, ...dilations, groups], 1) || !areWhole(pads, 0)) {
    throw new OpError(
      `${op}: strides [${strides}], dilations [${dilations}] and groups ${groups} must be integers from 1, pads [${pads}] from 0.`,
    );
  }
}

/** Sizes from the two shapes that fix them; throws where they do not fit each other. */
function convSizes(op: string, x: Shape, w: Shape, attrs: ConvAttrs): ConvSizes {
  checkAttrs(op, attrs);
  const [N, H, W, C] = x;
  const [R, S, groupC, K] = w;
  const { groups } = attrs;
  if (groupC * groups !== C) {
    const inGroups = groups > 1 ? ` in each of ${groups} groups` : '';
    throw new OpError(
      `${op}: x has ${C} channels (x: ${showShape(x)}), w expects ${groupC}${inGroups} (w: ${showShape(w)}). ` +
        'Check the order of the inputs and that the layouts are [N,H,W,C] and [R,S,C/groups,K].',
    );
  }
  if (K % groups !== 0)
    throw new OpError(`${op}: ${K} filters do not divide into ${groups} groups (w: ${showShape(w)}).`);
  const [P, Q] = convOutputSize([H, W], [R, S], attrs);
  if (P < 1 || Q < 1) {
    throw new OpError(
      `${op}: the filter (w: ${showShape(w)}, dilations [${attrs.dilations}]) does not fit the padded picture ` +
        `(x: ${showShape(x)}, pads [${attrs.pads}]). Give larger pads or a larger picture.`,
    );
  }
  return { N, H, W, C, P, Q, K, R, S, groupC, groupK: K / groups };
}

function checkOutput(op: string, { N, P, Q, K }: ConvSizes, dy: Shape): void {
  const expected = [N, P, Q, K];
  if (!expected.every((d, axis) => d === dy[axis])) {
    throw new OpError(
      `${op}: dy is ${showShape(dy)}, but a convolution of these sizes gives ${showShape(expected)}. ` +
        'Use the strides, pads, dilations and groups of the forward convolution.',
    );
  }
}

/** Sizes of conv2d(x, w). */
export function forwardSizes([x, w]: readonly Shape[], attrs: ConvAttrs): ConvSizes {
  checkRank('conv2d', 'x', x, '[N,H,W,C]');
  checkRank('conv2d', 'w', w, '[R,S,C/groups,K]');
  return convSizes('conv2d', x, w, attrs);
}

/** Sizes of conv2dInput(dy, w). */
export function inputSizes([dy, w]: readonly Shape[], attrs: ConvInputAttrs): ConvSizes {
  checkRank('conv2dInput', 'dy', dy, '[N,P,Q,K]');
  checkRank('conv2dInput', 'w', w, '[R,S,C/groups,K]');
  const sizes = convSizes('conv2dInput', [dy[0], ...attrs.inputSize, w[2] * attrs.groups], w, attrs);
  checkOutput('conv2dInput', sizes, dy);
  return sizes;
}

/** Sizes of conv2dFilter(x, dy). */
export function filterSizes([x, dy]: readonly Shape[], attrs: ConvFilterAttrs): ConvSizes {
  checkRank('conv2dFilter', 'x', x, '[N,H,W,C]');
  checkRank('conv2dFilter', 'dy', dy, '[N,P,Q,K]');
  if (x[3] % attrs.groups !== 0) {
    throw new OpError(`conv2dFilter: ${x[3]} channels do not divide into ${attrs.groups} groups (x: ${showShape(x)}).`);
  }
  const sizes = convSizes('conv2dFilter', x, [...attrs.filterSize, x[3] / attrs.groups, dy[3]], attrs);
  checkOutput('conv2dFilter', sizes, dy);
  return sizes;
}

/** y[n,p,q,k] = sum over r,s,c of x[n, p sh + r dh - top, q sw + s dw - left, c] w[r,s,c,k]. */
export const conv2d = defineOp<ConvAttrs>({
  epilogue: true,
  shape: (inputs, attrs) => {
    const { N, P, Q, K } = forwardSizes(inputs, attrs);
    return [N, P, Q, K];
  },
  writesSlices: (inputs, attrs) => !isDepthwise(forwardSizes(inputs, attrs)),
  readsHalves: (inputs, attrs) => (isDepthwise(forwardSizes(inputs, attrs)) ? [] : [1]),
});

/** The gradient with respect to x, also known as transposed convolution: dx[x] = sum of dy[y] w[w] over all terms. */
export const conv2dInput = defineOp<ConvInputAttrs>({
  epilogue: true,
  shape: (inputs, attrs) => {
    const { N, H, W, C } = inputSizes(inputs, attrs);
    return [N, H, W, C];
  },
  readsHalves: (inputs, attrs) => (isDepthwise(inputSizes(inputs, attrs)) ? [] : [1]),
});

/** The gradient with respect to w: dw[w] = sum of x[x] dy[y] over all terms. */
export const conv2dFilter = defineOp<ConvFilterAttrs>({
  shape: (inputs, attrs) => {
    const { R, S, groupC, K } = filterSizes(inputs, attrs);
    return [R, S, groupC, K];
  },
});
