// exportView.ts: how layers of several ops are recognized in a graph before it is written.

import type { OpNode } from '../../engine/graph.ts';
import type { OpName } from '../../kernels/index.ts';
import { type ExportFile, NCHW, sameOrder } from './exportFile.ts';

/** What a layer is computed from, and how it is written. */
export interface LayerPlan {
  readonly reads: readonly number[];
  /** The name of the tensor that is made. */
  write(file: ExportFile): string;
}

/** What layers are recognized by. */
export interface View {
  readonly graph: readonly { readonly shape: readonly number[] }[];
  /** The op of that name behind a value which has no name of its own and which nobody else reads. */
  inner(id: number, op: OpName): OpNode | undefined;
  /** The op of that name behind a value that may be read by others too. */
  shared(id: number, op: OpName): OpNode | undefined;
  /** The number that a constant of one element is. */
  number(id: number): number | undefined;
  /** Numbers of a value that follows from constants alone. */
  isFixed(id: number): boolean;
  /** Whether it is that number. */
  is(id: number, value: number): boolean;
}

export type Recognize = (node: OpNode, view: View) => LayerPlan | undefined;

export const shapeAt = (view: View, id: number): readonly number[] => view.graph[id].shape;

/** Both orders of the operands of an op that does not mind. */
export const eitherWay = ({ inputs: [a, b] }: OpNode): [number, number][] => [
  [a, b],
  [b, a],
];

/** An op applied to one operand and a number, in either order. */
export function withNumber(node: OpNode | undefined, view: View): { x: number; value: number } | undefined {
  if (!node) return undefined;
  for (const [x, other] of eitherWay(node)) {
    const value = view.number(other);
    if (value !== undefined && !view.isFixed(x)) return { x, value };
  }
  return undefined;
}

export const isPicture = (order: readonly number[]): boolean => sameOrder(order, NCHW);

export const isNearly = (a: number, b: number): boolean => Math.fround(a) === Math.fround(b);
