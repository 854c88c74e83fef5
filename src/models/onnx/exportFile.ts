// exportFile.ts: the file that is being written: its nodes, its numbers, and how each value of the graph lies in it.
//
// Every value has an order: axis i of the tensor in the file is axis order[i] of the value. Pictures lie as NCHW, and a
// transpose only changes the order, so that nothing moves in the file until an op asks for an order that is not there.

import type { Node, OpNode, Tensor } from '../../engine/graph.ts';
import { referenceOf } from '../../kernels/references/index.ts';
import type { NdArray, Shape } from '../../kernels/types.ts';
import { ModelError } from '../error.ts';
import type { ExportAttribute, ExportIntegers, ExportNode } from './export.ts';
import { reshapeTarget, type Sizes } from './exportSizes.ts';
import { type Flattened, permuteData, permuteShape, TO_NCHW } from './layout.ts';

export type Axes = readonly number[];
/** Rows flattened from a picture lie as [N, C*H*W] in the file and as [N, H*W*C] here: see layout.ts. */
export type Order = Axes | Flattened;

export const NCHW: Axes = TO_NCHW;

export const isFlattened = (order: Order): order is Flattened => 'flattened' in order;
export const plainOrder = (rank: number): Axes => Array.from({ length: rank }, (_, axis) => axis);
export const isPlain = (order: Order): boolean => !isFlattened(order) && order.every((axis, i) => axis === i);
export const sameOrder = (a: Order, b: Order): boolean => JSON.stringify(a) === JSON.stringify(b);

/** [N,H,W,a,b,..] as [N,a,b,..,H,W]: NCHW, and the same for channels in parts. */
const pictureOrder = (rank: number): Axes => [0, ...plainOrder(rank - 3).map((i) => i + 3), 1, 2];

/** How people expect to see a value: maps before pixels, all else as in the graph. */
export function presentable(order: Axes): Axes {
  const rank = order.length;
  const isPicture = rank >= 4 && order[0] === 0 && order[rank - 2] === 1 && order[rank - 1] === 2;
  return isPicture ? pictureOrder(rank) : plainOrder(rank);
}

/** A tensor of the file. */
interface Placed {
  readonly name: string;
  readonly order: Order;
}

type Attributes = Readonly<Record<string, ExportAttribute>>;

export interface Naming {
  /** Names that people know, of values by id; the first is that of the tensor, others become copies of it. */
  readonly names: ReadonlyMap<number, readonly string[]>;
  /** The named value that each value is computed for, by id. */
  readonly owners: ReadonlyMap<number, string>;
  /** Known names of weights. */
  readonly weights: ReadonlyMap<number, string>;
  /** Matrices [inputs, outputs] whose file has, or has not, [outputs, inputs]. */
  readonly turned: ReadonlyMap<number, boolean>;
}

export class ExportFile {
  readonly nodes: ExportNode[] = [];
  readonly weights = new Map<string, Tensor | ExportIntegers>();
  private readonly taken = new Set<string>();
  private readonly placed = new Map<number, Placed>();
  /** Tensors made of a value or a constant in another order, by id and order. */
  private readonly forms = new Map<string, string>();
  private readonly computed = new Map<number, NdArray>();

  constructor(
    readonly graph: readonly Node[],
    readonly sizes: Sizes,
    readonly naming: Naming,
    /** Ids of values that follow from constants and states alone. */
    readonly fixed: ReadonlySet<number>,
    private readonly states: ReadonlyMap<string, ArrayLike<number>>,
  ) {
    for (const list of naming.names.values()) for (const name of list) this.taken.add(name);
  }

  // --- names ---

  /** The name itself, or with a number behind it where another value is called so. */
  unique(name: string): string {
    let free = name;
    for (let i = 2; this.taken.has(free); i++) free = `${name}_${i}`;
    this.taken.add(free);
    return free;
  }

  ownerOf(id: number): string {
    return this.naming.owners.get(id) ?? 'value';
  }

  // --- nodes ---

  /** A node that helps to compute value `id`; its result. */
  step(id: number, op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = this.unique(`${this.ownerOf(id)}/${op}`);
    this.nodes.push({ op, inputs, output, attributes });
    return output;
  }

  /** The node that makes value `id`, and the name of its result, whose axes lie in this order. */
  result(id: number, op: string, inputs: readonly string[], attributes: Attributes, order: Order): string {
    const names = this.naming.names.get(id);
    if (!names) return this.place(id, this.step(id, op, inputs, attributes), order);
    const shown = isFlattened(order) ? order : presentable(order);
    if (!isFlattened(order) && !isFlattened(shown) && !sameOrder(order, shown)) {
      const inner = op === 'Identity' ? inputs[0] : this.step(id, op, inputs, attributes);
      return this.result(id, 'Transpose', [inner], { perm: shown.map((axis) => order.indexOf(axis)) }, shown);
    }
    const [output, ...others] = names;
    this.nodes.push({ op, inputs, output, attributes });
    return this.copies(id, output, others, order);
  }

  /** Other names of a value, one after another, so that whoever reads the last one needs them all. */
  copies(id: number, name: string, others: readonly string[], order: Order): string {
    let last = name;
    for (const output of others) {
      this.nodes.push({ op: 'Identity', inputs: [last], output });
      last = output;
    }
    return this.place(id, last, order);
  }

  /** Value `id` is a tensor that is there already. */
  alias(id: number, name: string, order: Order): string {
    return this.naming.names.has(id) ? this.result(id, 'Identity', [name], {}, order) : this.place(id, name, order);
  }

  place(id: number, name: string, order: Order): string {
    this.placed.set(id, { name, order });
    return name;
  }

  // --- values ---

  isFixed(id: number): boolean {
    return this.fixed.has(id);
  }

  /** How a value that was written lies; undefined for constants, which lie as anyone wants. */
  orderOf(id: number): Order | undefined {
    return this.placed.get(id)?.order;
  }

  shapeOf(id: number): Shape {
    return this.graph[id].shape;
  }

  /** The order of a value that has one for each axis: flattened rows are put in the graph's order first. */
  axesOf(id: number): Axes {
    const order = this.orderOf(id);
    return order && !isFlattened(order) ? order : plainOrder(this.shapeOf(id).length);
  }

  /** The tensor as it lies, its axes in `axesOf`. */
  asItLies(id: number): string {
    return this.tensor(id, this.axesOf(id));
  }

  /** The tensor of a value in this order. A transpose is written where it lies in another one. */
  tensor(id: number, order: Order, role = 'constant'): string {
    if (this.isFixed(id)) return this.weight(id, order, role);
    const placed = this.placed.get(id);
    if (!placed) throw new Error(`export: value ${id} is read before it is written.`);
    if (sameOrder(placed.order, order)) return placed.name;
    return this.form(id, JSON.stringify(order), () => this.moved(id, placed, order));
  }

  private form(id: number, key: string, make: () => string): string {
    const known = this.forms.get(`${id} ${key}`);
    if (known !== undefined) return known;
    const name = make();
    this.forms.set(`${id} ${key}`, name);
    return name;
  }

  private moved(id: number, { name, order }: Placed, wanted: Order): string {
    const shape = this.shapeOf(id);
    if (isFlattened(wanted)) throw new Error(`export: value ${id} is wanted flattened and is not.`);
    if (isFlattened(order)) {
      const [H, W, C] = order.flattened;
      const map = this.step(id, 'Reshape', [name, this.integers(id, 'shape', [this.batchOf(id), C, H, W])]);
      const turned = this.step(id, 'Transpose', [map], { perm: [0, 2, 3, 1] });
      const rows = this.step(id, 'Reshape', [turned, this.integers(id, 'shape', [this.batchOf(id), shape[1]])]);
      if (!isPlain(wanted)) return this.step(id, 'Transpose', [rows], { perm: wanted });
      return rows;
    }
    if (this.isRenaming(id, order, wanted)) return this.step(id, 'Reshape', [name, this.target(id, order, wanted)]);
    return this.step(id, 'Transpose', [name], { perm: wanted.map((axis) => order.indexOf(axis)) });
  }

  /** The size of axis 0, or that it is copied because it is open. */
  batchOf(id: number): number {
    const [d] = this.sizes.traceOf(id);
    return d === this.sizes.otherOf(id)[0] ? d : 0;
  }

  /** Whether going from one order to another moves axes of size 1 only, at all sizes. */
  isRenaming(id: number, from: Axes, to: Axes): boolean {
    const moving = (shape: Shape, order: Axes) => order.filter((axis) => shape[axis] !== 1).join();
    return [this.sizes.traceOf(id), this.sizes.otherOf(id)].every((shape) => moving(shape, from) === moving(shape, to));
  }

  private target(id: number, from: Axes, to: Axes): string {
    const [shape, other] = [this.sizes.traceOf(id), this.sizes.otherOf(id)];
    const target = reshapeTarget(
      [permuteShape(shape, from), permuteShape(other, from)],
      [permuteShape(shape, to), permuteShape(other, to)],
    );
    return this.integers(id, 'shape', target);
  }

  // --- numbers ---

  integers(id: number, role: string, integers: readonly number[], shape: Shape = [integers.length]): string {
    const name = this.unique(`${this.ownerOf(id)}/${role}`);
    this.weights.set(name, { shape, integers });
    return name;
  }

  float(id: number, role: string, value: number): string {
    return this.floats(id, role, [], () => Float32Array.of(value));
  }

  floats(id: number, role: string, shape: Shape, make: () => Float32Array): string {
    const name = this.unique(`${this.ownerOf(id)}/${role}`);
    this.weights.set(name, lazy(shape, make));
    return name;
  }

  /** A known value, its axes in this order; `as` may rename its axes before. */
  weight(id: number, order: Order, role: string, as: Shape = this.shapeOf(id)): string {
    return this.form(id, `${JSON.stringify(order)} ${as}`, () => {
      const known = this.naming.weights.get(id);
      const name = this.unique(known ?? `${this.ownerOf(id)}.${role}`);
      const permuted = (): Float32Array => permute(this.numbers(id), as, order);
      const shape = isFlattened(order) ? as : permuteShape(as, order);
      this.weights.set(name, isPlain(order) ? lazy(shape, () => this.numbers(id)) : lazy(shape, permuted));
      return name;
    });
  }

  /** A known matrix [H*W*C, K] whose rows meet flattened pictures: [K, C*H*W] in the file if `isTurned`, else [C*H*W, K]. */
  rows(id: number, { flattened }: Flattened, isTurned: boolean): string {
    const [inputs, outputs] = this.shapeOf(id);
    const split = [...flattened, outputs];
    return this.form(id, `rows ${flattened} ${isTurned}`, () => {
      const name = this.unique(this.naming.weights.get(id) ?? `${this.ownerOf(id)}.weight`);
      const make = () => permuteData(this.numbers(id), split, isTurned ? [3, 2, 0, 1] : [2, 0, 1, 3]);
      this.weights.set(name, lazy(isTurned ? [outputs, inputs] : [inputs, outputs], make));
      return name;
    });
  }

  /** The numbers of a known value. */
  numbers(id: number): Float32Array {
    const node = this.graph[id];
    const data = node.kind === 'constant' ? node.tensor.data : Float32Array.from(this.compute(id).data);
    if (!data.some(Number.isNaN)) return data;
    const name = this.naming.weights.get(id) ?? `a constant of ${this.ownerOf(id)}`;
    throw new ModelError(`export: "${name}" holds NaN. A network whose training has failed is not worth a file.`);
  }

  private compute(id: number): NdArray {
    const known = this.computed.get(id);
    if (known) return known;
    const result = { shape: this.shapeOf(id), data: this.evaluate(this.graph[id]) };
    this.computed.set(id, result);
    return result;
  }

  private evaluate(node: Node): Float64Array {
    switch (node.kind) {
      case 'constant':
        return Float64Array.from(node.tensor.data);
      case 'state':
        return Float64Array.from(this.states.get(node.name) ?? node.initial);
      case 'op':
        return referenceOf(node.op)(
          node.inputs.map((input) => this.compute(input)),
          node.attrs,
          node.shape,
        );
      case 'input':
        throw new Error(`export: input "${node.name}" is not known.`);
    }
  }
}

/** Numbers that are made when the file is written. */
const lazy = (shape: Shape, make: () => Float32Array): Tensor => ({
  shape,
  get data() {
    return make();
  },
});

/** Numbers in the order of the file. Of flattened rows the last axis goes from H,W,C to C,H,W. */
function permute(data: Float32Array, shape: Shape, order: Order): Float32Array {
  if (!isFlattened(order)) return permuteData(data, shape, order);
  const rank = shape.length;
  const split = [...shape.slice(0, -1), ...order.flattened];
  const moved = [...plainOrder(rank - 1), rank + 1, rank - 1, rank];
  return permuteData(data, split, moved);
}

/** Writes what computes the value of a node; the name of its tensor. */
export type Write<A> = (file: ExportFile, node: OpNode, attrs: A) => string;
