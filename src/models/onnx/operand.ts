// operand.ts: what the name of an ONNX value stands for while a network is traced: a value of the graph, or numbers that
// are known already (weights, sizes, axes).

import type { Tensor, Value } from '../../engine/graph.ts';
import { sizeOf } from '../../kernels/shape.ts';
import type { Shape } from '../../kernels/types.ts';
import { fileShape, type Layout } from './layout.ts';

/** Depends on the input of the network. */
export class Traced {
  constructor(
    readonly value: Value,
    readonly layout: Layout = 'plain',
    /** Whole numbers or truth values in the file's terms: a division of them cuts off. Undefined: as the first input's. */
    readonly isInteger?: boolean,
  ) {}

  /** As in the file. */
  get shape(): Shape {
    return fileShape(this.value.shape, this.layout);
  }
}

type Numbers = Float32Array | Float64Array;

/** Known while tracing, in the file's layout. */
export class Fixed {
  private numbers?: Numbers;
  /** How many others have to be computed before it, one after another. */
  depth = 0;

  constructor(
    readonly name: string,
    readonly shape: Shape,
    readonly isInteger: boolean,
    /** Follows from the file alone, not from the size of what is traced: what is made of it may outlive the trace. */
    readonly isStable: boolean,
    private readonly read: () => Numbers,
    /** Number of TensorProto.DataType, where the file says. */
    readonly type?: number,
  ) {}

  get data(): Numbers {
    this.numbers ??= this.read();
    return this.numbers;
  }

  get size(): number {
    return sizeOf(this.shape);
  }
}

export type Operand = Traced | Fixed;

/** Whole numbers worked out while tracing: sizes, axes. */
export const fixedIntegers = (name: string, values: readonly number[], shape: Shape, isStable: boolean): Fixed =>
  new Fixed(name, shape, true, isStable, () => Float64Array.from(values));

/** A tensor whose numbers are made when first asked for: looking at a network costs no permutation of its weights. */
class LazyTensor implements Tensor {
  private numbers?: Float32Array;

  constructor(
    readonly shape: Shape,
    private readonly make: () => Float32Array,
  ) {}

  get data(): Float32Array {
    this.numbers ??= this.make();
    return this.numbers;
  }
}

/** Tensors in the engine's layout, each made once for a model: the engine uploads one Tensor once, for all programs. */
export class TensorCache {
  private readonly tensors = new Map<string, Tensor>();

  /** `key` says of what and how it is made. */
  get(key: string, shape: Shape, make: () => Float32Array): Tensor {
    const known = this.tensors.get(key);
    if (known) return known;
    const tensor = new LazyTensor(shape, make);
    this.tensors.set(key, tensor);
    return tensor;
  }
}
