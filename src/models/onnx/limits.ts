// limits.ts: how large the parts of a file may be. Networks of pictures stay far below; what lies above is broken or made
// to exhaust the reader, and is refused in a sentence before anything is allocated for it.

import { sizeOf } from '../../kernels/shape.ts';
import type { Shape } from '../../kernels/types.ts';
import { ModelError } from '../error.ts';

export const MAX_NODES = 50_000;
/** Inputs, or outputs, of one node. */
export const MAX_OPERANDS = 4096;
/** Characters of a name. */
export const MAX_NAME = 4096;
const MAX_AXES = 12;
/** Pixels of a side that is made by listing where each comes from. */
export const MAX_SIDE = 2 ** 16;
/** Numbers of one value: what the largest buffer of a device can hold (4 GiB). */
const MAX_ELEMENTS = 2 ** 30;

/** What makes a shape of a value impossible, or undefined. Sizes are whole numbers from `least`. */
export function shapeProblem(shape: Shape, least = 1): string | undefined {
  if (shape.length > MAX_AXES) return `has ${shape.length} axes, more than the ${MAX_AXES} that are understood`;
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= least)) {
    return `has the impossible shape [${shape.join(',')}]; sizes are whole numbers from ${least}`;
  }
  const size = sizeOf(shape);
  if (size <= MAX_ELEMENTS) return undefined;
  return `has the shape [${shape.join(',')}], more than the ${MAX_ELEMENTS} numbers that one value may have`;
}

/** Numbers and arithmetic operations that constants may take besides those of the file's own weights. */
const FREE_ELEMENTS = 2 ** 23;
const FREE_FLOPS = 2 ** 28;
/** Of each number of the weights so many copies, and so many operations with it, come on top. */
const COPIES = 4;
const FLOPS_A_WEIGHT = 16;

/**
 * What may be spent, in one trace, on values that follow from the file alone (a weight turned round, a grid of
 * places): a file of some bytes can ask for any amount.
 */
export class Budget {
  private readonly mostElements: number;
  private readonly mostFlops: number;
  private elements = 0;
  private flops = 0;

  /** `weights` is the count of numbers in the file. */
  constructor(weights: number) {
    this.mostElements = FREE_ELEMENTS + COPIES * weights;
    this.mostFlops = FREE_FLOPS + FLOPS_A_WEIGHT * weights;
  }

  /** Throws where a constant of so many numbers, computed with so many operations, exceeds what is left. */
  spend(elements: number, flops = 0): void {
    this.elements += elements;
    this.flops += flops;
    const refuse = (count: number, most: number, what: string): never => {
      throw new ModelError(
        `takes the constants of the network to ${count} ${what}, more than the ${most} that are spent on them. ` +
          'Export it with its constants folded',
      );
    };
    if (!(this.elements <= this.mostElements)) refuse(this.elements, this.mostElements, 'numbers');
    if (!(this.flops <= this.mostFlops)) refuse(this.flops, this.mostFlops, 'operations');
  }
}
