// exportNormalize.ts: means and normalizations, which the engine computes by several ops, as the operators of ONNX.

import type { Attrs } from '../../kernels/index.ts';
import { type ExportFile, NCHW, plainOrder, sameOrder } from './exportFile.ts';
import { aligned, axesIn, orderWithout } from './exportOps.ts';
import { eitherWay, isNearly, isPicture, type Recognize, shapeAt, type View, withNumber } from './exportView.ts';

// --- means -----------------------------------------------------------------------------------------------------------

/** A sum divided by its count: as a mean it holds for other sizes too. */
export const mean: Recognize = (node, view) => {
  const scaled = withNumber(node, view);
  const sum = scaled && view.shared(scaled.x, 'sum');
  if (!scaled || !sum) return undefined;
  const { axes, keepDims } = sum.attrs as Attrs<'sum'>;
  const [x] = sum.inputs;
  const shape = shapeAt(view, x);
  const count = axes.reduce((product, axis) => product * shape[axis], 1);
  if (axes.length === 0 || !isNearly(scaled.value, 1 / count)) return undefined;
  const isGlobal = shape.length === 4 && keepDims && axes.length === 2 && axes.includes(1) && axes.includes(2);
  const write = (file: ExportFile): string => {
    const order = file.axesOf(x);
    if (isGlobal && isPicture(order)) {
      return file.result(node.id, 'GlobalAveragePool', [file.asItLies(x)], {}, order);
    }
    const attributes = { axes: axesIn(order, axes), keepdims: Number(keepDims) };
    return file.result(node.id, 'ReduceMean', [file.asItLies(x)], attributes, orderWithout(order, axes, keepDims));
  };
  return { reads: [x], write };
};

// --- normalization by recorded statistics ----------------------------------------------------------------------------

interface Affine {
  readonly x: number;
  readonly scale: number;
  readonly mean?: number;
  /** One over the standard deviation. */
  readonly inverse?: number;
}

/** y = x * scale, or (x - mean) * inverse * scale, with one known number a channel each. */
function affine(id: number, view: View, isVector: (id: number) => boolean): Affine | undefined {
  const mul = view.inner(id, 'mul');
  if (!mul) return undefined;
  for (const [x, scale] of eitherWay(mul)) {
    if (!isVector(scale) || view.isFixed(x)) continue;
    const normalized = view.inner(x, 'mul');
    const [centred, inverse] = normalized?.inputs ?? [];
    const sub = normalized && isVector(inverse) ? view.inner(centred, 'sub') : undefined;
    if (sub && isVector(sub.inputs[1])) return { x: sub.inputs[0], scale, mean: sub.inputs[1], inverse };
    return { x, scale };
  }
  return undefined;
}

// The statistics are in the factors already, so those of the file are 0 and 1; while training they are apart.
export const recordedStatistics: Recognize = (node, view) => {
  const rank = node.shape.length;
  const channels = node.shape[rank - 1];
  const isVector = (id: number) => view.isFixed(id) && shapeAt(view, id).join() === String(channels);
  if (rank !== 4 && rank !== 2) return undefined;
  for (const [product, shift] of eitherWay(node)) {
    const found = isVector(shift) ? affine(product, view, isVector) : undefined;
    if (!found || shapeAt(view, found.x).join() !== node.shape.join()) continue;
    const { x, scale, mean, inverse } = found;
    const write = (file: ExportFile): string => {
      const order = rank === 4 ? NCHW : plainOrder(2);
      const plain = [0];
      if (mean === undefined && !sameOrder(file.axesOf(x), order)) {
        const { names, order: own } = aligned(file, [x, scale, shift]);
        const scaled = file.step(node.id, 'Mul', names.slice(0, 2));
        return file.result(node.id, 'Add', [scaled, names[2]], {}, own);
      }
      const zeros = () => new Float32Array(channels);
      const variances = () => Float32Array.from(file.numbers(inverse as number), (v) => 1 / (v * v));
      const ones = () => new Float32Array(channels).fill(1);
      const inputs = [
        file.tensor(x, order),
        file.tensor(scale, plain, 'weight'),
        file.tensor(shift, plain, 'bias'),
        mean === undefined ? file.floats(node.id, 'mean', [channels], zeros) : file.tensor(mean, plain, 'mean'),
        file.floats(node.id, 'variance', [channels], inverse === undefined ? ones : variances),
      ];
      return file.result(node.id, 'BatchNormalization', inputs, { epsilon: { float: 0 } }, order);
    };
    return { reads: [x, scale, shift, ...[mean, inverse].filter((id) => id !== undefined)], write };
  }
  return undefined;
};

// --- normalization by own statistics ---------------------------------------------------------------------------------

/** A mean that keeps its axes: what it is of, and over which. */
function meanOf(id: number, view: View): { x: number; axes: readonly number[] } | undefined {
  const mul = view.inner(id, 'mul');
  const sum = mul?.inputs.map((input) => view.shared(input, 'sum')).find((each) => each !== undefined);
  if (!mul || !sum || !mean(mul, view)) return undefined;
  const { axes, keepDims } = sum.attrs as Attrs<'sum'>;
  return keepDims ? { x: sum.inputs[0], axes } : undefined;
}

interface Standardized {
  readonly x: number;
  readonly axes: readonly number[];
  readonly epsilon: number;
}

/** (x - mean) / sqrt(variance + epsilon), both over the same axes. */
function standardized(id: number, view: View): Standardized | undefined {
  const div = view.inner(id, 'div');
  const sqrt = div && view.inner(div.inputs[1], 'sqrt');
  const sum = sqrt && withNumber(view.inner(sqrt.inputs[0], 'add'), view);
  const variance = sum && meanOf(sum.x, view);
  const square = variance && view.inner(variance.x, 'mul');
  const centred = div && view.shared(div.inputs[0], 'sub');
  if (!sum || !square || !centred || square.inputs.some((input) => input !== centred.id)) return undefined;
  const average = meanOf(centred.inputs[1], view);
  if (average?.x !== centred.inputs[0] || average.axes.join() !== variance.axes.join()) return undefined;
  return { x: average.x, axes: average.axes, epsilon: sum.value };
}

/** The axis of values of `rank` axes along which a vector varies: [C] at the last one, [C,1,1] before two. */
function axisOf(shape: readonly number[], rank: number): number | undefined {
  const isVector = shape.length > 0 && shape.length <= rank && shape.slice(1).every((d) => d === 1);
  return isVector ? rank - shape.length : undefined;
}

/**
 * Pixels of each channel, or channels of each pixel, by their own mean and variance, with one factor and one summand a
 * channel.
 */
export const ownStatistics: Recognize = (node, view) => {
  const rank = node.shape.length;
  for (const [product, shift] of eitherWay(node)) {
    const mul = view.inner(product, 'mul');
    for (const [unit, gain] of mul ? eitherWay(mul) : []) {
      const found = standardized(unit, view);
      const axis = axisOf(shapeAt(view, gain), rank);
      const areVectors = view.isFixed(gain) && view.isFixed(shift) && axis === axisOf(shapeAt(view, shift), rank);
      if (!found || axis === undefined || !areVectors) continue;
      const { x, axes } = found;
      const size = node.shape[axis];
      const sizes = [shapeAt(view, gain)[0], shapeAt(view, shift)[0]];
      if (sizes.some((each) => each !== size) || shapeAt(view, x).join() !== node.shape.join()) continue;
      const isOfPixels = rank > 2 && axis > 0 && axes.length === rank - 2 && !axes.includes(0) && !axes.includes(axis);
      const isOfChannels = axes.length === 1 && axes[0] === rank - 1 && axis === rank - 1;
      if (!isOfPixels && !isOfChannels) continue;
      const others = plainOrder(rank).filter((each) => each !== axis);
      const write = (file: ExportFile): string => {
        // Channels come second in the one operator, last in the other.
        const lies = file.axesOf(x);
        const isLast = lies[rank - 1] === axis;
        const order = isOfPixels ? [0, axis, ...others.slice(1)] : isLast ? lies : plainOrder(rank);
        const vectors = [gain, shift].map((id, i) => file.weight(id, [0], i === 0 ? 'weight' : 'bias', [size]));
        const inputs = [file.tensor(x, order), ...vectors];
        const epsilon = { float: found.epsilon };
        if (isOfPixels) return file.result(node.id, 'InstanceNormalization', inputs, { epsilon }, order);
        return file.result(node.id, 'LayerNormalization', inputs, { axis: -1, epsilon }, order);
      };
      return { reads: [x, gain, shift], write };
    }
  }
  return undefined;
};
