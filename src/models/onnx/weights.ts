// weights.ts: other numbers in the place of weights of a file.

import type { Tensor } from '../../engine/graph.ts';
import { sameShape, showShape, sizeOf } from '../../kernels/shape.ts';
import { ModelError, nearest, quoted } from '../error.ts';
import type { OnnxGraph } from './proto.ts';
import { OnnxTensor } from './tensor.ts';

const FLOAT = 1;

/** The graph of a file with these weights, by their names and in the file's layout. */
export function withWeights(graph: OnnxGraph, weights: ReadonlyMap<string, Tensor>): OnnxGraph {
  const initializers = new Map(graph.initializers);
  for (const [name, { shape, data }] of weights) {
    const old = initializers.get(name);
    if (!old || old.isInteger) {
      const near = nearest(name, initializers.keys());
      throw new ModelError(`it has no weight "${name}" to replace. The nearest names are ${quoted(near)}.`);
    }
    if (!sameShape(old.shape, shape) || data.length !== sizeOf(shape)) {
      throw new ModelError(
        `its weight "${name}" is ${showShape(old.shape)} and is to be replaced by ${data.length} numbers for ` +
          `${showShape(shape)}. Give as many, in the layout of the file.`,
      );
    }
    // Of its own memory: the numbers may be written over while the network is in use.
    const raw = new Uint8Array(Float32Array.from(data).buffer);
    initializers.set(name, new OnnxTensor({ name, type: FLOAT, shape, raw, floats: [], integers: [], doubles: [] }));
  }
  return { ...graph, initializers };
}
