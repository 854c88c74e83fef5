// quantize.ts: numbers kept as small whole ones: q = clamp(round(x / scale) + zero point) and back, (q - zero point) scale.
// On weights both are worked out once, so that what is computed with are floats. On computed values they stay what they
// are, a rounding to a grid. Its true slope is 0 almost everywhere; here the gradient passes as if nothing were rounded,
// and is 0 where the value is clamped: the straight-through estimator, as PyTorch's fake_quantize has it.

import * as ops from '../../../engine/ops/index.ts';
import { normalizeAxis, sizeOf, stridesOf } from '../../../kernels/shape.ts';
import type { Shape } from '../../../kernels/types.ts';
import type { Converter, NodeContext } from '../context.ts';
import { Fixed, type Operand, Traced } from '../operand.ts';
import { aligned } from './elementwise.ts';

/** Least and largest number by TensorProto.DataType: uint8, int8, uint16, int16, int32, uint4, int4. */
const ranges: Readonly<Record<number, readonly [low: number, high: number]>> = {
  2: [0, 255],
  3: [-128, 127],
  4: [0, 65535],
  5: [-32768, 32767],
  6: [-(2 ** 31), 2 ** 31 - 1],
  21: [0, 15],
  22: [-8, 7],
};
const UINT8 = 2;

interface Grid {
  readonly scale: Fixed;
  readonly zeroPoint?: Fixed;
  /** Index of scale and zero point for element i of x. */
  at(i: number): number;
  /** Scale or zero point under a shape that broadcasts against x. */
  spread(numbers: Fixed): Fixed;
}

/** One scale for all, one for each place along an axis, or (`block_size`) one for some places in a row. */
function gridOf(context: NodeContext, x: Operand): Grid {
  const scale = context.fixed(1, 'scale');
  const zeroPoint = context.has(2) ? context.fixed(2, 'zero point') : undefined;
  if (zeroPoint && zeroPoint.size !== scale.size) {
    context.refuse(`has ${scale.size} scales and ${zeroPoint.size} zero points`);
  }
  if (scale.size === 1) return { scale, zeroPoint, at: () => 0, spread: (numbers) => under(numbers, [], '', () => 0) };
  const { shape } = x;
  const axis = normalizeAxis(context.node.op, context.int('axis', 1), shape.length);
  const block = Math.max(1, context.int('block_size', 0));
  const d = shape[axis];
  const inner = stridesOf(shape)[axis];
  const isBlocked = scale.shape.length > 1;
  const count = Math.ceil(d / block);
  const expected = isBlocked ? shape.map((size, i) => (i === axis ? count : size)) : [d];
  if (scale.shape.join() !== expected.join()) {
    context.refuse(`has scales [${scale.shape}] along axis ${axis} of [${shape}]; they must be [${expected}]`);
  }
  const at = isBlocked
    ? (i: number) =>
        (Math.floor(i / inner / d) * count + Math.floor((Math.floor(i / inner) % d) / block)) * inner + (i % inner)
    : (i: number) => Math.floor(i / inner) % d;
  const along = shape.map((size, i) => (i === axis ? size : 1));
  const spread = (numbers: Fixed) =>
    isBlocked
      ? under(numbers, shape, `in blocks of ${block} of [${shape}]`, at)
      : under(numbers, along, `along ${axis} of ${shape.length}`, (i) => i);
  return { scale, zeroPoint, at, spread };
}

/** Numbers under another shape, under a name that says so: what is made of them is kept by name. */
const under = ({ name, isStable, data }: Fixed, shape: Shape, how: string, at: (i: number) => number): Fixed =>
  new Fixed(how ? `${name} ${how}` : name, shape, false, isStable, () =>
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => data[at(i)]),
  );

/** x, scale and zero point in one layout, ready to broadcast. */
function operandsOf(context: NodeContext, x: Traced, { scale, zeroPoint, spread }: Grid) {
  const { values, layout } = aligned(context, [x, spread(scale), ...(zeroPoint ? [spread(zeroPoint)] : [])]);
  return { value: values[0], s: values[1], z: values[2] ?? 0, layout };
}

const quantizeLinear: Converter = (context) => {
  const x = context.operand(0);
  const grid = gridOf(context, x);
  const { scale, zeroPoint, at } = grid;
  const type = zeroPoint?.type ?? context.int('output_dtype', UINT8);
  const [low, high] =
    ranges[type] ?? context.refuse(`rounds to the type number ${type}, which is no whole number of a known kind`);
  if (x instanceof Fixed) {
    const read = () =>
      Float64Array.from(x.data, (v, i) => {
        const q = roundHalfEven(Math.fround(v / scale.data[at(i)])) + (zeroPoint?.data[at(i)] ?? 0);
        return Math.min(Math.max(q, low), high);
      });
    return new Fixed(context.node.outputs[0], x.shape, true, x.isStable && scale.isStable, read, type);
  }
  const { value, s, z, layout } = operandsOf(context, x, grid);
  const scaled = ops.div(value, s);
  const rounded = ops.add(ops.round(scaled), z);
  const isInside = ops.mul(ops.greaterEqual(rounded, low), ops.greaterEqual(high, rounded));
  // Worth nothing, but it has the slope that the rounding lacks.
  const through = ops.mul(scaled, isInside);
  const slope = ops.sub(through, ops.stopGradient(through));
  return new Traced(ops.add(ops.stopGradient(ops.clip(rounded, low, high)), slope), layout, true);
};

/** The engine's `round` on the host. */
function roundHalfEven(v: number): number {
  const below = Math.floor(v);
  const rest = v - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

const dequantizeLinear: Converter = (context) => {
  const x = context.operand(0);
  const grid = gridOf(context, x);
  const { scale, zeroPoint, at } = grid;
  if (x instanceof Fixed) {
    const read = () => Float32Array.from(x.data, (q, i) => (q - (zeroPoint?.data[at(i)] ?? 0)) * scale.data[at(i)]);
    return new Fixed(context.node.outputs[0], x.shape, false, x.isStable && scale.isStable, read);
  }
  const { value, s, z, layout } = operandsOf(context, x, grid);
  return new Traced(ops.mul(z === 0 ? value : ops.sub(value, z), s), layout, false);
};

export const quantize: Record<string, Converter> = {
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
};
