// scatter.ts: numbers put into places of a tensor, where all of it is known while tracing: masks of attention windows,
// sizes set one by one.

import { sizeOf, stridesOf } from '../../../kernels/shape.ts';
import type { Converter } from '../context.ts';
import { Fixed } from '../operand.ts';

// data: [d0,..]  indices: [..,k]  updates: [.., d_k,..]: each k indices name a part of data, and its update replaces it.
const scatterND: Converter = (context) => {
  const [data, updates] = [context.operand(0), context.operand(2)];
  const indices = context.fixed(1, 'indices');
  const reduction = context.text('reduction', 'none');
  if (!(data instanceof Fixed) || !(updates instanceof Fixed)) {
    return context.refuse('replaces parts of what depends on the picture, or by it; only known numbers are understood');
  }
  if (reduction !== 'none' && reduction !== 'add') {
    return context.refuse(`has the reduction "${reduction}"; understood are none and add`);
  }
  const depth = indices.shape.at(-1) ?? 0;
  const part = sizeOf(data.shape.slice(depth));
  const count = sizeOf(indices.shape.slice(0, -1));
  if (indices.shape.length < 1 || depth > data.shape.length || updates.size !== count * part) {
    const shapes = [data, indices, updates].map(({ shape }) => `[${shape}]`);
    return context.refuse(`does not fit: data ${shapes[0]}, indices ${shapes[1]}, updates ${shapes[2]}`);
  }
  const strides = stridesOf(data.shape);
  const starts = Array.from({ length: count }, (_, i) => {
    let start = 0;
    for (let axis = 0; axis < depth; axis++) {
      const [d, index] = [data.shape[axis], indices.data[i * depth + axis]];
      if (index < -d || index >= d)
        context.refuse(`puts something at ${index} of axis ${axis}, which has ${d} elements`);
      start += strides[axis] * (index < 0 ? index + d : index);
    }
    return start;
  });
  const isStable = data.isStable && indices.isStable && updates.isStable;
  return new Fixed(context.node.outputs[0], data.shape, data.isInteger, isStable, () => {
    const result = data.data.slice();
    starts.forEach((start, i) => {
      for (let k = 0; k < part; k++) {
        const update = updates.data[i * part + k];
        result[start + k] = reduction === 'add' ? result[start + k] + update : update;
      }
    });
    return result;
  });
};

export const scatter: Record<string, Converter> = { ScatterND: scatterND };
