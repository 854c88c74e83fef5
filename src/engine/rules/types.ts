// types.ts: what a gradient rule is.

import type { Attrs, OpName } from '../../kernels/index.ts';
import { OpError } from '../../kernels/types.ts';
import type { Value } from '../graph.ts';

interface RuleContext<K extends OpName> {
  readonly x: readonly Value[];
  readonly y: Value;
  /** Gradient of the objective with respect to y, shaped like y. */
  readonly dy: Value;
  readonly attrs: Attrs<K>;
  /** Which inputs a gradient is asked for. A rule may leave the others out. */
  readonly needs: readonly boolean[];
}

/**
 * Gradients with respect to the inputs, in order; undefined where there is none. A result may have the broadcast shape:
 * `gradient` sums it down to the input's.
 */
export type Rule<K extends OpName> = (context: RuleContext<K>) => readonly (Value | undefined)[];

/** One rule for every op: a missing one does not compile. */
export type Rules = { readonly [K in OpName]: Rule<K> };

/** A legal entry for ops through which no gradient flows. */
export const notDifferentiable =
  (reason: string): Rule<never> =>
  ({ y }) => {
    const node = y.node;
    throw new OpError(`gradient: ${node.kind === 'op' ? node.op : node.kind} is not differentiable: ${reason}.`);
  };

/** A legal entry for ops that are constant almost everywhere: sign, floor, comparisons. */
export const zeroGradient: Rule<never> = () => [];
