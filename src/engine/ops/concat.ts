// concat.ts: joining values along an axis, and taking elements along an axis by index.

import * as definitions from '../../kernels/concat.ts';
import { normalizeAxis, showShape } from '../../kernels/shape.ts';
import { OpError } from '../../kernels/types.ts';
import { applying } from '../extra.ts';
import { apply, type Value } from '../graph.ts';
import { takeRules } from '../rules/concat.ts';

const applyTake = /* @__PURE__ */ applying({
  ops: { take: definitions.take, takeInput: definitions.takeInput },
  rules: () => takeRules,
});

/** Values one after another along the axis; the last one (channels) by default. */
export function concat(values: readonly Value[], axis = -1, label?: string): Value {
  if (values.length === 0) throw new OpError('concat: give at least one value.');
  if (values.length === 1) return values[0];
  const along = normalizeAxis('concat', axis, values[0].shape.length);
  if (values.length <= definitions.MAX_CONCAT_INPUTS) return apply('concat', values, { axis: along }, label);
  const joined: Value[] = [];
  for (let from = 0; from < values.length; from += definitions.MAX_CONCAT_INPUTS) {
    joined.push(concat(values.slice(from, from + definitions.MAX_CONCAT_INPUTS), along));
  }
  return concat(joined, along, label);
}

/**
 * Elements `indices` along the axis, in that order; negative ones count from the end. With a Value for indices ([m],
 * whole numbers within the axis) they may change from run to run, but then no gradient flows to x.
 */
export function take(x: Value, indices: readonly number[] | Value, axis = -1, label?: string): Value {
  const along = normalizeAxis('take', axis, x.shape.length);
  if (!Array.isArray(indices)) return applyTake('take', [x, indices as Value], { axis: along }, label);
  const d = x.shape[along];
  const wrong = indices.find((index) => !Number.isInteger(index) || index < -d || index >= d);
  if (wrong !== undefined || indices.length === 0) {
    throw new OpError(
      `take: ${wrong === undefined ? 'there are no indices' : `index ${wrong} is outside axis ${along}`} of x ${showShape(x.shape)}.`,
    );
  }
  const data = Float32Array.from(indices, (index: number) => (index < 0 ? index + d : index));
  return applyTake('take', [x, x.graph.constant({ shape: [data.length], data })], { axis: along }, label);
}

/** The transpose of take(x, indices, axis), with x of `size` elements along the axis: adds up what was taken from each. */
export function takeInput(dy: Value, indices: ArrayLike<number>, axis: number, size: number): Value {
  const places: number[][] = Array.from({ length: size }, () => []);
  for (let k = 0; k < indices.length; k++) places[indices[k]].push(k);
  const offsets = new Float32Array(size + 1);
  for (let j = 0; j < size; j++) offsets[j + 1] = offsets[j] + places[j].length;
  const vector = (data: Float32Array): Value => dy.graph.constant({ shape: [data.length], data });
  return applyTake('takeInput', [dy, vector(offsets), vector(Float32Array.from(places.flat()))], { axis, size });
}
