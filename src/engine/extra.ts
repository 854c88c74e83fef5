// extra.ts: ops that many programs have none of. What is known of them comes along with the functions that trace them: a program
// holds such an op only if one of these was called, and a bundle without them is without all of it.

import { defineOps } from '../kernels/definitions.ts';
import type { OpName, ops } from '../kernels/index.ts';
import { apply } from './graph.ts';
import type { Lowering } from './rewrite.ts';
import type { Rule, Rules } from './rules/types.ts';

interface Extra<K extends OpName> {
  readonly ops: Pick<typeof ops, K>;
  /** Asked for late, because rules use the functions that trace their ops. */
  readonly rules: () => Pick<Rules, K>;
  /** Of ops that become others before they are planned. */
  readonly lowerings?: () => { readonly [P in K]?: Lowering };
}

const extras = new Map<string, Extra<OpName>>();

/**
 * `apply`, for ops that are not always defined. Calls of this are marked as pure, so that a bundler leaves out those whose `apply`
 * nothing calls; in a module that runs, all of its ops are defined before the first is traced.
 */
export function applying<K extends OpName>(extra: Extra<K>): typeof apply {
  defineOps(extra.ops as Partial<typeof ops>);
  for (const op of Object.keys(extra.ops)) extras.set(op, extra as unknown as Extra<OpName>);
  return apply;
}

export const extraRule = (op: OpName): Rule<OpName> | undefined =>
  extras.get(op)?.rules()[op] as Rule<OpName> | undefined;

export const extraLowering = (op: OpName): Lowering | undefined => extras.get(op)?.lowerings?.()[op];
