// matmul.ts: matrix products.

import type { Value } from '../graph.ts';
import * as definitions from '../../kernels/matmul.ts';
import { applying } from '../extra.ts';
import { matmulRules } from '../rules/matmul.ts';

const apply = /* @__PURE__ */ applying({ ops: { matmul: definitions.matmul }, rules: () => matmulRules });

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly label?: string;
}

/** a: [..,M,K]  b: [K,N], or [..,K,N] with the batch axes of a  ->  [..,M,N]. A transposed operand is stored the other way round. */
export const matmul = (a: Value, b: Value, options: MatmulOptions = {}): Value => {
  const { transposeA = false, transposeB = false, label } = options;
  return apply('matmul', [a, b], { transposeA, transposeB }, label);
};
