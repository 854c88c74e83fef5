// split.ts: matrix products with few results and many terms, as partial sums over parts of the terms and their sum (known as
// split-K). A GPU computes thousands of results at a time; where a layer has fewer, most of it would wait. Comes before fusion,
// which attaches bias and activation to the sum. On software adapters there is nothing to gain.

import { forwardSizes, inputSizes } from '../../kernels/conv.ts';
import type { ConvAttrs, ConvInputAttrs } from '../../kernels/conv.ts';
import { isPointwise } from '../../kernels/conv_shared.ts';
import { type MatmulAttrs, type MatmulSizes, matmulSizes } from '../../kernels/matmul.ts';
import type { Shape } from '../../kernels/types.ts';
import { apply, type OpNode, type Value } from '../graph.ts';
import { reshape } from '../ops/index.ts';
import { type Pass, rewrite } from '../rewrite.ts';
import type { Target } from '../target.ts';

/** Numbers of parts that are tried. */
export const splitParts = [2, 4, 8, 16, 32] as const;
export const splitName = (parts: (typeof splitParts)[number]) => `split-${parts}` as const;

/** An op that is one plain matrix product a b, whatever the shapes of its operands and its result. */
type Product = MatmulSizes & MatmulAttrs;

function productOf(node: OpNode, inputs: readonly Shape[]): Product | undefined {
  if (node.epilogue) return undefined;
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

/** A part has as many terms at least, in vec4: shorter ones are soon read, and every part is one more result to add up. */
const LEAST_TERMS = 64;
const divides = (parts: number, { K }: Product): boolean => K % (4 * parts) === 0 && K / parts >= LEAST_TERMS;

/** An invocation computes 16 results or so; with this many invocations most GPUs have all their cores at work. */
const ENOUGH_INVOCATIONS = 1 << 13;
const RESULTS_PER_INVOCATION = 16;

/**
 * How many parts to make without a measurement: as few as keep a GPU busy, as long as the partial sums, written and read
 * once more, are no more numbers than the operands. Untimed on GPUs.
 */
function usualParts(product: Product): number {
  const { M, N, K } = product;
  const invocations = (M * N) / RESULTS_PER_INVOCATION;
  const most = (M * K + K * N) / (2 * M * N);
  const possible = splitParts.filter((parts) => parts <= most && divides(parts, product));
  if (invocations >= ENOUGH_INVOCATIONS || possible.length === 0) return 1;
  return possible.find((parts) => invocations * parts >= ENOUGH_INVOCATIONS) ?? possible[possible.length - 1];
}

function partsFor(node: OpNode, inputs: readonly Shape[], product: Product, target: Target): number {
  const measured = target.measured?.(node, inputs);
  if (measured === undefined) return usualParts(product);
  return splitParts.find((parts) => splitName(parts) === measured && divides(parts, product)) ?? 1;
}

function inParts([a, b]: readonly Value[], node: OpNode, product: Product, parts: number): Value {
  const { M, N, K, transposeA, transposeB } = product;
  const sums = apply(
    'splitMatmul',
    [reshape(a, transposeA ? [K, M] : [M, K]), reshape(b, transposeB ? [N, K] : [K, N])],
    { transposeA, transposeB, parts },
  );
  return apply('sumParts', [reshape(sums, [parts, ...node.shape])], {}, node.label);
}

export const split: Pass = (source, target) => {
  if (target?.traits.kind !== 'gpu') return source;
  return rewrite(source, (node, values) => {
    const inputs = values.map(({ shape }) => shape);
    const product = productOf(node, inputs);
    const parts = product ? partsFor(node, inputs, product, target) : 1;
    return product && parts > 1 ? inParts(values, node, product, parts) : undefined;
  });
};
