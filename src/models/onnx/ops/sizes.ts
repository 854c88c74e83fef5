// sizes.ts: numbers that are known while tracing: constants, sizes of values, and lists made of them; and conversions
// between the types of numbers. The engine computes in float32 alone: a type is only what it does to the numbers.

import * as ops from '../../../engine/ops/index.ts';
import { sizeOf, stridesOf } from '../../../kernels/shape.ts';
import type { Converter, NodeContext } from '../context.ts';
import { Fixed, fixedIntegers, type Operand, Traced } from '../operand.ts';

const shapeOf: Converter = (context) => {
  const { shape } = context.operand(0);
  const part = shape.slice(context.int('start', 0), context.node.attributes.get('end')?.i);
  return fixedIntegers(context.node.outputs[0], part, [part.length], false);
};

const size: Converter = (context) =>
  fixedIntegers(context.node.outputs[0], [sizeOf(context.operand(0).shape)], [], false);

/** From a start to before a limit, in steps. */
const range: Converter = (context) => {
  const [start, limit, step] = ['start', 'limit', 'delta'].map((what, i) => context.fixed(i, what));
  const [from, to, by] = [start, limit, step].map((operand) =>
    operand.size === 1 ? operand.data[0] : context.refuse('takes a list where one number is needed'),
  );
  const count = Math.max(0, Math.ceil((to - from) / by));
  if (!Number.isFinite(count)) context.refuse(`counts from ${from} to ${to} in steps of ${by}`);
  const isStable = start.isStable && limit.isStable && step.isStable;
  const numbers = () => Float64Array.from({ length: count }, (_, i) => from + i * by);
  const read = () => (start.isInteger ? numbers() : Float32Array.from(numbers()));
  return new Fixed(context.node.outputs[0], [count], start.isInteger, isStable, read);
};

/** Where numbers are not 0, an index a row and a place a column: counting places is how older exporters write a range. */
const nonZero: Converter = (context) => {
  const x = context.fixed(0, 'input');
  const strides = stridesOf(x.shape);
  const places = Array.from(x.data.keys()).filter((i) => x.data[i] !== 0);
  const rows = x.shape.map((d, axis) => places.map((i) => Math.floor(i / strides[axis]) % d));
  return fixedIntegers(context.node.outputs[0], rows.flat(), [x.shape.length, places.length], x.isStable);
};

// --- conversions ---

/** Of TensorProto.DataType. */
const FLOAT = 1;
const FLOAT_TYPES = [FLOAT, 10, 11, 16];
const BOOL = 9;

/** x as numbers of a type: floats stay, whole numbers lose their fraction, a truth value is 1 or 0. */
function converted(context: NodeContext, x: Operand, to: number): Operand {
  const isFloat = FLOAT_TYPES.includes(to);
  if (x instanceof Traced) {
    if (isFloat) return new Traced(x.value, x.layout, false);
    // Constant almost everywhere: no gradient flows back through either.
    const value = to === BOOL ? ops.sub(1, ops.equal(x.value, 0)) : x.isInteger ? x.value : ops.trunc(x.value);
    return new Traced(value, x.layout, true);
  }
  const whole = to === BOOL ? (v: number) => Number(v !== 0) : Math.trunc;
  const read = () => (isFloat ? Float32Array.from(x.data) : Float64Array.from(x.data, whole));
  return new Fixed(context.node.outputs[0], x.shape, !isFloat, x.isStable, read, to);
}

const cast: Converter = (context) => converted(context, context.operand(0), context.int('to', FLOAT));

/** To the type of the second input. What that is matters as far as it says whether numbers are whole. */
const castLike: Converter = (context) => {
  const like = context.operand(1);
  const INT64 = 7;
  const known = like instanceof Fixed ? like.type : undefined;
  return converted(context, context.operand(0), known ?? (like.isInteger ? INT64 : FLOAT));
};

// --- constants ---

const constant: Converter = (context) => {
  const { attributes, outputs } = context.node;
  const name = outputs[0];
  const tensor = attributes.get('value')?.t;
  if (tensor) {
    tensor.check();
    return new Fixed(name, tensor.shape, tensor.isInteger, true, () => tensor.data, tensor.type);
  }
  const [ints, floats] = [attributes.get('value_ints')?.ints, attributes.get('value_floats')?.floats];
  const [int, float] = [attributes.get('value_int')?.i, attributes.get('value_float')?.f];
  if (ints) return fixedIntegers(name, ints, [ints.length], true);
  if (int !== undefined) return fixedIntegers(name, [int], [], true);
  const numbers = floats ?? (float === undefined ? context.refuse('holds no numbers') : [float]);
  return new Fixed(name, floats ? [floats.length] : [], false, true, () => Float32Array.from(numbers), FLOAT);
};

const constantOfShape: Converter = (context) => {
  const sizes = Array.from(context.fixed(0, 'shape').data);
  const value = context.node.attributes.get('value')?.t;
  value?.check();
  const read = () => {
    const fill = value?.data[0] ?? 0;
    return value?.isInteger ? new Float64Array(sizeOf(sizes)).fill(fill) : new Float32Array(sizeOf(sizes)).fill(fill);
  };
  return new Fixed(context.node.outputs[0], sizes, value?.isInteger ?? false, false, read, value?.type ?? FLOAT);
};

const identity: Converter = (context) => context.operand(0);

/** Nothing is dropped where a network is looked at; the mask, if asked for, keeps all. */
const dropout: Converter = (context) => {
  const x = context.operand(0);
  if (!context.wants(1)) return x;
  const read = () => new Float64Array(sizeOf(x.shape)).fill(1);
  return [x, new Fixed(context.node.outputs[1], x.shape, true, false, read, BOOL)];
};

export const sizes: Record<string, Converter> = {
  Shape: shapeOf,
  Size: size,
  Range: range,
  NonZero: nonZero,
  Cast: cast,
  CastLike: castLike,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Identity: identity,
  Dropout: dropout,
};
