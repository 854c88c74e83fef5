// split.ts: products with few results and many terms, as partial sums over parts of the terms and their sum (known as
// split-K). A GPU computes thousands of results at a time; where a layer has fewer, most of it would wait. Comes before fusion,
// which attaches bias and activation to the sum. On software adapters there is nothing to gain.

import '../shared.ts';
import { type ConvAttrs, type ConvInputAttrs, forwardSizes, inputSizes } from '../../kernels/conv.ts';
import { isPointwise } from '../../kernels/conv_params.ts';
import { type MatmulAttrs, type MatmulSizes, matmulSizes } from '../../kernels/matmul.ts';
import { sizeOf } from '../../kernels/shape.ts';
import { splitName, splitParts } from '../../kernels/split_matmul.ts';
import type { Shape } from '../../kernels/types.ts';
import { findStatic, apply, type OpNode, type Value } from '../graph.ts';
import { conv2d, conv2dInput, reshape, transpose } from '../ops/index.ts';
import type { Pass } from '../rewrite.ts';
import type { Target } from '../target.ts';
import { rewriteLowered } from './lowered.ts';

type Parts = (typeof splitParts)[number];

/** An op that can be split. */
interface Splittable {
  /** Terms of one result, and what is cut into parts: all of them, or the channels they run over. */
  readonly terms: number;
  readonly cut: number;
  /** The partial sums and their sum. */
  inParts(inputs: readonly Value[], parts: number): Value;
}

// --- matrix products -------------------------------------------------------------------------------------------------

/** An op that is one plain matrix product a b, whatever the shapes of its operands and its result. */
type Product = MatmulSizes & MatmulAttrs;

function productOf(node: OpNode, inputs: readonly Shape[]): Product | undefined {
  if (node.op === 'matmul') {
    const attrs = node.attrs as MatmulAttrs;
    const sizes = matmulSizes(inputs, attrs);
    if (sizes.batch === 1) return { ...sizes, ...attrs };
    // Rows of several matrices times one are the rows of one matrix.
    return sizes.sharedB && !attrs.transposeA ? { ...sizes, ...attrs, batch: 1, M: sizes.batch * sizes.M } : undefined;
  }
  if (node.op === 'conv2d') {
    const sizes = forwardSizes(inputs, node.attrs as ConvAttrs);
    const { N, P, Q, C, K } = sizes;
    if (!isPointwise(sizes, node.attrs as ConvAttrs)) return undefined;
    return { batch: 1, M: N * P * Q, N: K, K: C, sharedB: true, transposeA: false, transposeB: false };
  }
  if (node.op === 'conv2dInput') {
    const sizes = inputSizes(inputs, node.attrs as ConvInputAttrs);
    const { N, P, Q, C, K } = sizes;
    if (!isPointwise(sizes, node.attrs as ConvAttrs)) return undefined;
    return { batch: 1, M: N * P * Q, N: C, K, sharedB: true, transposeA: false, transposeB: true };
  }
  return undefined;
}

function splitProduct(node: OpNode, { M, N, K, transposeA, transposeB }: Product): Splittable {
  return {
    terms: K,
    cut: K,
    inParts: ([a, b], parts) => {
      const sums = apply(
        'splitMatmul',
        [reshape(a, transposeA ? [K, M] : [M, K]), reshape(b, transposeB ? [N, K] : [K, N])],
        { transposeA, transposeB, parts },
      );
      return apply('sumParts', [reshape(sums, [parts, ...node.shape])], { axis: 0 }, node.label);
    },
  };
}

// --- convolutions ----------------------------------------------------------------------------------------------------

/**
 * A convolution whose channels are cut into parts is one of as many groups, each with a full set of filters:
 * w'[r,s,c,(i,k)] = w[r,s,(i,c),k] for part i. The filters are rearranged once if they are fixed, and else at every run.
 */
function splitForward(node: OpNode, inputs: readonly Shape[]): Splittable | undefined {
  const attrs = node.attrs as ConvAttrs;
  if (attrs.groups !== 1) return undefined;
  const { R, S, C, K } = forwardSizes(inputs, attrs);
  return {
    terms: R * S * C,
    cut: C,
    inParts: ([x, w], parts) => {
      const cut = transpose(reshape(w, [R, S, parts, C / parts, K]), [0, 1, 3, 2, 4]);
      const sums = conv2d(x, reshape(cut, [R, S, C / parts, parts * K]), { ...attrs, groups: parts });
      return sumLast(sums, parts, node);
    },
  };
}

/** The same of the gradient, whose filters are what is cut: filter k belongs to group floor(k / (K / parts)) as it is. */
function splitInput(node: OpNode, inputs: readonly Shape[]): Splittable | undefined {
  const attrs = node.attrs as ConvInputAttrs;
  if (attrs.groups !== 1) return undefined;
  const { R, S, K } = inputSizes(inputs, attrs);
  return {
    // A pixel sees the taps of its phase.
    terms: Math.ceil((R * S * K) / (attrs.strides[0] * attrs.strides[1])),
    cut: K,
    inParts: ([dy, w], parts) => sumLast(conv2dInput(dy, w, { ...attrs, groups: parts }), parts, node),
  };
}

/** Sums [N,P,Q,parts*K] over the parts. */
function sumLast(sums: Value, parts: number, { shape, label }: OpNode): Value {
  const [N, P, Q, K] = shape;
  return apply('sumParts', [reshape(sums, [N, P, Q, parts, K])], { axis: 3 }, label);
}

// --- choice ----------------------------------------------------------------------------------------------------------

function splittable(node: OpNode, inputs: readonly Shape[], fixed: ReadonlySet<number>): Splittable | undefined {
  if (node.epilogue) return undefined;
  const product = productOf(node, inputs);
  if (product) return splitProduct(node, product);
  if (node.op === 'conv2dInput') return splitInput(node, inputs);
  return node.op === 'conv2d' && fixed.has(node.inputs[1]) ? splitForward(node, inputs) : undefined;
}

/**
 * Terms of a part, at least. A partial sum is written and read once, 8 bytes; with 128 terms it stands for 256 flops, more
 * a byte than GPUs have. Where the operands are many times more than the sums, shorter parts cost as little.
 */
const LEAST_TERMS = { usual: 128, fewSums: 32 } as const;
const FEW = 1 / 8;
/** Channels are read four at a time. */
const VECTOR = 4;

function possibleParts({ terms, cut }: Splittable, node: OpNode, inputs: readonly Shape[]): Parts[] {
  const operands = inputs.reduce((sum, shape) => sum + sizeOf(shape), 0);
  return splitParts.filter((parts) => {
    const few = 2 * parts * sizeOf(node.shape) <= FEW * operands;
    const least = few ? LEAST_TERMS.fewSums : LEAST_TERMS.usual;
    return cut % (VECTOR * parts) === 0 && terms / parts >= least;
  });
}

/** An invocation computes 16 results or so; with this many invocations most GPUs have all their cores at work. */
const RESULTS_PER_INVOCATION = 16;
const ENOUGH_INVOCATIONS = 1 << 13;

/** Without a measurement: as few parts as keep a GPU busy. Untimed on GPUs. */
function usualParts(possible: readonly Parts[], results: number): Parts | undefined {
  const invocations = results / RESULTS_PER_INVOCATION;
  if (invocations >= ENOUGH_INVOCATIONS) return undefined;
  return possible.find((parts) => invocations * parts >= ENOUGH_INVOCATIONS) ?? possible[possible.length - 1];
}

function partsFor(how: Splittable, node: OpNode, inputs: readonly Shape[], target: Target): Parts | undefined {
  const possible = possibleParts(how, node, inputs);
  const measured = target.measured?.(node, inputs);
  if (measured === undefined) return usualParts(possible, sizeOf(node.shape));
  return splitParts.find((parts) => splitName(parts) === measured && possible.includes(parts));
}

export const split: Pass = (source, target) => {
  if (!target) return source;
  const fixed = findStatic(source.graph);
  return rewriteLowered(source, fixed, (node, values) => {
    const inputs = values.map(({ shape }) => shape);
    const how = splittable(node, inputs, fixed);
    const parts = how && partsFor(how, node, inputs, target);
    return how && parts && { variant: splitName(parts), value: how.inParts(values, parts) };
  });
};
