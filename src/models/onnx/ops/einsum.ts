// einsum.ts: sums of products by the letters of their axes ("bhid,bhjd->bhij"), as matrix products. Operands are joined
// two at a time; a letter goes as soon as neither the result nor a later operand has it.

import type { Value } from '../../../engine/graph.ts';
import * as ops from '../../../engine/ops/index.ts';
import { sizeOf } from '../../../kernels/shape.ts';
import type { Converter, NodeContext } from '../context.ts';
import { permute } from '../layout.ts';
import { Fixed, Traced } from '../operand.ts';

/** A value with a letter for each axis. */
interface Lettered {
  readonly value: Value;
  readonly letters: readonly string[];
}

/** Letters of the operands and of the result; without an arrow these are all that stand once, in alphabetical order. */
function parsed(context: NodeContext): { terms: string[][]; result: string[] } {
  const equation = context.text('equation', '');
  const [left, right, ...more] = equation.replace(/\s/g, '').split('->');
  const terms = left.split(',').map((term) => [...term]);
  const all = terms.flat();
  const once = all.filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter)).sort();
  const result = right === undefined ? once : [...right];
  const isPlain = [...all, ...result].every((letter) => /^[A-Za-z]$/.test(letter)) && more.length === 0;
  const isDistinct = [...terms, result].every((letters) => new Set(letters).size === letters.length);
  if (!isPlain || !isDistinct || !result.every((letter) => all.includes(letter))) {
    context.refuse(`has the equation "${equation}"; understood are letters, each once an operand, without "..."`);
  }
  return { terms, result };
}

/** The axes in the order of the letters. */
const ordered = ({ value, letters }: Lettered, wanted: readonly string[]): Value =>
  permute(
    value,
    wanted.map((letter) => letters.indexOf(letter)),
  );

/** Only the letters that are kept; the others are summed over. */
function summed({ value, letters }: Lettered, isKept: (letter: string) => boolean): Lettered {
  const axes = letters.flatMap((letter, axis) => (isKept(letter) ? [] : [axis]));
  return axes.length ? { value: ops.sum(value, axes), letters: letters.filter(isKept) } : { value, letters };
}

function joined(first: Lettered, second: Lettered, isKept: (letter: string) => boolean): Lettered {
  const a = summed(first, (letter) => isKept(letter) || second.letters.includes(letter));
  const b = summed(second, (letter) => isKept(letter) || first.letters.includes(letter));
  const shared = a.letters.filter((letter) => b.letters.includes(letter));
  const batch = shared.filter(isKept);
  const inner = shared.filter((letter) => !isKept(letter));
  const rows = a.letters.filter((letter) => !shared.includes(letter));
  const columns = b.letters.filter((letter) => !shared.includes(letter));
  const size = (x: Lettered, letters: readonly string[]) =>
    letters.map((letter) => x.value.shape[x.letters.indexOf(letter)]);
  const sizes = { batch: size(a, batch), rows: size(a, rows), columns: size(b, columns) };
  const [M, K, N] = [sizeOf(sizes.rows), sizeOf(size(a, inner)), sizeOf(sizes.columns)];
  const left = ops.reshape(ordered(a, [...batch, ...rows, ...inner]), [...sizes.batch, M, K]);
  const right = ops.reshape(ordered(b, [...batch, ...inner, ...columns]), [...sizes.batch, K, N]);
  const product = inner.length === 0 ? ops.mul(left, right) : ops.matmul(left, right);
  const value = ops.reshape(product, [...sizes.batch, ...sizes.rows, ...sizes.columns]);
  return { value, letters: [...batch, ...rows, ...columns] };
}

const einsum: Converter = (context) => {
  const { terms, result } = parsed(context);
  const sizes = new Map<string, number>();
  const operands = terms.map((letters, i): Lettered => {
    const operand = context.operand(i);
    const { shape } = operand;
    const fits = letters.every((letter, axis) => (sizes.get(letter) ?? shape[axis]) === shape[axis]);
    if (shape.length !== letters.length || !fits) {
      context.refuse(`reads [${shape.join(',')}] as "${letters.join('')}" in "${context.text('equation', '')}"`);
    }
    letters.forEach((letter, axis) => void sizes.set(letter, shape[axis]));
    return {
      value: operand instanceof Fixed ? context.weightAgainst('plain', operand) : context.plain(operand),
      letters,
    };
  });
  const all = operands.slice(1).reduce((a, b, i) => {
    const later = new Set([...result, ...terms.slice(i + 2).flat()]);
    return joined(a, b, (letter) => later.has(letter));
  }, operands[0]);
  const left = summed(all, (letter) => result.includes(letter));
  return new Traced(ordered(left, result));
};

export const products: Record<string, Converter> = { Einsum: einsum };
