// exportLayers.ts: layers that the engine computes by several ops and that ONNX has as one operator: a convolution with
// its bias, clipping, activations; means and normalizations are in exportNormalize.ts. Without them a file would be as
// right, but not as people know it.

import type { OpNode } from '../../engine/graph.ts';
import type { Attrs, OpName } from '../../kernels/index.ts';
import type { ExportAttribute } from './export.ts';
import type { ExportFile } from './exportFile.ts';
import { mean, ownStatistics, recordedStatistics } from './exportNormalize.ts';
import { aligned, joined } from './exportOps.ts';
import { convTransposed, convolved, product } from './exportProducts.ts';
import { eitherWay, isNearly, type LayerPlan, type Recognize, shapeAt, type View, withNumber } from './exportView.ts';

/** An operator on one value and numbers. */
function simple(
  { id }: OpNode,
  op: string,
  x: number,
  attributes: Readonly<Record<string, ExportAttribute>> = {},
): LayerPlan {
  const write = (file: ExportFile): string => {
    const { names, order } = aligned(file, [x]);
    return file.result(id, op, names, attributes, order);
  };
  return { reads: [x], write };
}

// --- products and their bias -----------------------------------------------------------------------------------------

const biased: Recognize = (node, view) => {
  for (const [sum, bias] of eitherWay(node)) {
    const vector = shapeAt(view, bias);
    const channels = node.shape[node.shape.length - 1];
    const conv = view.inner(sum, 'conv2d');
    const spread = view.inner(sum, 'conv2dInput');
    const matmul = view.inner(sum, 'matmul');
    const isVector = vector.length === 1 && vector[0] === channels && node.shape.length === 4;
    if (conv && isVector) {
      const attrs = conv.attrs as Attrs<'conv2d'>;
      return { reads: [...conv.inputs, bias], write: (file) => convolved(file, node.id, conv, attrs, bias) };
    }
    if (spread && isVector) {
      const attrs = spread.attrs as Attrs<'conv2dInput'>;
      return { reads: [...spread.inputs, bias], write: (file) => convTransposed(file, node.id, spread, attrs, bias) };
    }
    const isMatrix = matmul && matmul.shape.length === 2 && matmul.shape.join() === node.shape.join();
    // A bias for each row would fix the batch, and one of several rows is mostly no bias.
    if (isMatrix && vector.length <= 1 && !(vector.length === 1 && vector[0] === 1 && channels !== 1)) {
      const attrs = matmul.attrs as Attrs<'matmul'>;
      return { reads: [...matmul.inputs, bias], write: (file) => product(file, node.id, matmul, attrs, bias) };
    }
  }
  return undefined;
};

// --- activations -----------------------------------------------------------------------------------------------------

/** Bounds of min(max(x, low), high), where max(x, 0) may be a relu. */
function bounds(node: OpNode | undefined, view: View): { x: number; low: number; high: number } | undefined {
  const top = node && withNumber(node, view);
  if (!top) return undefined;
  const relu = view.inner(top.x, 'relu');
  if (relu) return { x: relu.inputs[0], low: 0, high: top.value };
  const raised = withNumber(view.inner(top.x, 'max'), view);
  return raised && { x: raised.x, low: raised.value, high: top.value };
}

const clip: Recognize = (node, view) => {
  const found = bounds(node, view);
  if (!found || found.low > found.high) return undefined;
  const { x, low, high } = found;
  const write = (file: ExportFile): string => {
    const { names, order } = aligned(file, [x]);
    const limits = [file.float(node.id, 'min', low), file.float(node.id, 'max', high)];
    return file.result(node.id, 'Clip', [...names, ...limits], {}, order);
  };
  return { reads: [x], write };
};

/** min(max(alpha x + beta, 0), 1) */
function hardSigmoidOf(node: OpNode | undefined, view: View) {
  const found = bounds(node, view);
  const shifted = found?.low === 0 && found.high === 1 ? withNumber(view.inner(found.x, 'add'), view) : undefined;
  const scaled = shifted && withNumber(view.inner(shifted.x, 'mul'), view);
  return scaled && shifted && { x: scaled.x, alpha: scaled.value, beta: shifted.value };
}

const hardSigmoid: Recognize = (node, view) => {
  const found = hardSigmoidOf(node, view);
  if (!found) return undefined;
  return simple(node, 'HardSigmoid', found.x, { alpha: { float: found.alpha }, beta: { float: found.beta } });
};

const hardSwish: Recognize = (node, view) => {
  for (const [x, gate] of eitherWay(node)) {
    const found = hardSigmoidOf(view.inner(gate, 'min'), view);
    if (found?.x === x && isNearly(found.alpha, 1 / 6) && found.beta === 0.5) return simple(node, 'HardSwish', x);
  }
  return undefined;
};

/** What is taken above 0 and what else. */
function aboveZero(node: OpNode, view: View): { x: number; other: number } | undefined {
  const [condition, x, other] = node.inputs;
  const greater = view.inner(condition, 'greater');
  return greater && greater.inputs[0] === x && view.is(greater.inputs[1], 0) ? { x, other } : undefined;
}

/** x above 0, else x times a slope: a number, or weights. */
const sloped: Recognize = (node, view) => {
  const found = aboveZero(node, view);
  const mul = found && view.inner(found.other, 'mul');
  if (!found || !mul) return undefined;
  const [slope] = mul.inputs.filter((id) => id !== found.x);
  if (slope === undefined || !mul.inputs.includes(found.x) || !view.isFixed(slope)) return undefined;
  const alpha = view.number(slope);
  if (alpha !== undefined) return simple(node, 'LeakyRelu', found.x, { alpha: { float: alpha } });
  // The slope stretches to the value, not the other way round.
  const [own, stretched] = [shapeAt(view, slope), shapeAt(view, found.x)];
  if (own.length > stretched.length || node.shape.join() !== stretched.join()) return undefined;
  const write = (file: ExportFile): string => {
    const { names, order } = aligned(file, [found.x, slope]);
    return file.result(node.id, 'PRelu', names, {}, order);
  };
  return { reads: [found.x, slope], write };
};

/** x above 0, else alpha (exp(x) - 1), where exp sees 0 in place of what is above. */
const elu: Recognize = (node, view) => {
  const found = aboveZero(node, view);
  const scaled = found && withNumber(view.inner(found.other, 'mul'), view);
  const less = scaled && view.inner(scaled.x, 'sub');
  const exp = less && view.is(less.inputs[1], 1) ? view.inner(less.inputs[0], 'exp') : undefined;
  const below = exp && view.inner(exp.inputs[0], 'where');
  if (!found || !scaled || !below || !view.is(below.inputs[1], 0) || below.inputs[2] !== found.x) return undefined;
  const greater = view.inner(below.inputs[0], 'greater');
  if (!greater || greater.inputs[0] !== found.x || !view.is(greater.inputs[1], 0)) return undefined;
  return simple(node, 'Elu', found.x, { alpha: { float: scaled.value } });
};

/** max(x, 0) + log(exp(-|x|) + 1) */
const softplus: Recognize = (node, view) => {
  const max = withNumber(view.inner(node.inputs[0], 'max'), view);
  const log = view.inner(node.inputs[1], 'log');
  const sum = log && withNumber(view.inner(log.inputs[0], 'add'), view);
  const exp = sum?.value === 1 ? view.inner(sum.x, 'exp') : undefined;
  const neg = exp && view.inner(exp.inputs[0], 'neg');
  const abs = neg && view.inner(neg.inputs[0], 'abs');
  return max?.value === 0 && abs?.inputs[0] === max.x ? simple(node, 'Softplus', max.x) : undefined;
};

// --- the rest --------------------------------------------------------------------------------------------------------

/** A choice by a comparison: ONNX has truth values, which need not become numbers in between. */
const chosen: Recognize = (node, view) => {
  const [condition, a, b] = node.inputs;
  const names = { greater: 'Greater', greaterEqual: 'GreaterOrEqual', equal: 'Equal' } as const;
  for (const op of Object.keys(names) as (keyof typeof names)[]) {
    const compared = view.inner(condition, op);
    if (!compared || compared.shape.join() !== node.shape.join()) continue;
    const write = (file: ExportFile): string => {
      const { names: values, order } = aligned(file, [...compared.inputs, a, b]);
      const truth = file.step(node.id, names[op], values.slice(0, 2));
      return file.result(node.id, 'Where', [truth, ...values.slice(2)], {}, order);
    };
    return { reads: [...compared.inputs, a, b], write };
  }
  return undefined;
};

/** Of many values: the engine joins six at a time. */
const concatenated: Recognize = (node, view) => {
  const { axis } = node.attrs as Attrs<'concat'>;
  const parts = node.inputs.flatMap((id): readonly number[] => {
    const inner = view.inner(id, 'concat');
    return inner && (inner.attrs as Attrs<'concat'>).axis === axis ? inner.inputs : [id];
  });
  if (parts.length === node.inputs.length) return undefined;
  return { reads: parts, write: (file) => joined(file, node, parts, axis) };
};

/** By the op that ends the layer; the first that fits is taken. */
export const layers: { readonly [K in OpName]?: readonly Recognize[] } = {
  add: [biased, ownStatistics, recordedStatistics, softplus],
  mul: [mean, hardSwish],
  min: [hardSigmoid, clip],
  where: [sloped, elu, chosen],
  concat: [concatenated],
};
