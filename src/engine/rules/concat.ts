// concat.ts: derivatives of concat (each input gets its part) and of take (what was taken from an element adds up).

import { slice, take, takeInput } from '../ops/index.ts';
import { OpError } from '../../kernels/types.ts';
import type { Value } from '../graph.ts';
import type { Rule } from './types.ts';

/** Numbers of an index vector, which must be known when the gradient is traced. */
function known(op: string, indices: Value): Float32Array {
  const node = indices.node;
  if (node.kind !== 'constant') {
    throw new OpError(
      `gradient: ${op} is differentiable only where its indices are constants, not computed in the graph.`,
    );
  }
  return node.tensor.data;
}

export const concatRules: { concat: Rule<'concat'> } = {
  concat: ({ x, dy, attrs: { axis }, needs }) => {
    let start = 0;
    return x.map((input, k) => {
      const end = start + input.shape[axis];
      const part = needs[k] ? slice(dy, { starts: [start], ends: [end], axes: [axis] }) : undefined;
      start = end;
      return part;
    });
  },
};

export const takeRules: { take: Rule<'take'>; takeInput: Rule<'takeInput'> } = {
  take: ({ x: [x, indices], dy, attrs: { axis } }) => [
    takeInput(dy, known('take', indices), axis, x.shape[axis]),
    undefined,
  ],
  takeInput: ({ x: [, offsets, positions], dy, attrs: { axis, size } }) => {
    const ends = known('takeInput', offsets);
    const places = known('takeInput', positions);
    const indices = new Array<number>(places.length);
    for (let j = 0; j < size; j++) {
      for (let k = ends[j]; k < ends[j + 1]; k++) indices[places[k]] = j;
    }
    return [take(dy, indices, axis), undefined, undefined];
  },
};
