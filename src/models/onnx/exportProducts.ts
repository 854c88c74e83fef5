// exportProducts.ts: convolutions and matrix products in an ONNX file, with the bias that follows them in the graph.

import type { OpNode } from '../../engine/graph.ts';
import type { Attrs } from '../../kernels/index.ts';
import { type ExportFile, isFlattened, isPlain, NCHW, plainOrder } from './exportFile.ts';

/** [R,S,C/groups,K] of the engine as [K,C/groups,R,S]; the transposed convolution reads the same as [C,K/groups,R,S]. */
const KCRS = [3, 2, 0, 1];

/** A bias [K], known or computed. */
const vector = (file: ExportFile, bias: number | undefined): string[] =>
  bias === undefined ? [] : [file.tensor(bias, plainOrder(file.shapeOf(bias).length), 'bias')];

/** `id` is the value that is made: the convolution's, or that of the sum with its bias. */
export function convolved(file: ExportFile, id: number, conv: OpNode, attrs: Attrs<'conv2d'>, bias?: number): string {
  const [x, w] = conv.inputs;
  const { strides, pads, dilations, groups } = attrs;
  const inputs = [file.tensor(x, NCHW), file.tensor(w, KCRS, 'weight'), ...vector(file, bias)];
  const kernel = file.shapeOf(w).slice(0, 2);
  return file.result(id, 'Conv', inputs, { dilations, group: groups, kernel_shape: kernel, pads, strides }, NCHW);
}

/** The gradient of a convolution with respect to its picture, which ONNX has as an operator. */
export function convTransposed(
  file: ExportFile,
  id: number,
  conv: OpNode,
  attrs: Attrs<'conv2dInput'>,
  bias?: number,
): string {
  const [dy, w] = conv.inputs;
  const { strides, pads, dilations, groups, inputSize } = attrs;
  const [places, kernel] = [file.shapeOf(dy).slice(1, 3), file.shapeOf(w).slice(0, 2)];
  // Of sizes that a stride maps to the same number of places, the one that was meant.
  const extra = [0, 1].map((axis) => {
    const reach = (places[axis] - 1) * strides[axis] + dilations[axis] * (kernel[axis] - 1) + 1;
    return inputSize[axis] - (reach - pads[axis] - pads[axis + 2]);
  });
  const inputs = [file.tensor(dy, NCHW), file.tensor(w, KCRS, 'weight'), ...vector(file, bias)];
  const attributes = { dilations, group: groups, kernel_shape: kernel, output_padding: extra, pads, strides };
  return file.result(id, 'ConvTranspose', inputs, attributes, NCHW);
}

/** A matrix and whether the file has it the other way round. */
interface Matrix {
  readonly name: string;
  readonly isTransposed: boolean;
}

function leftMatrix(file: ExportFile, a: number, transpose: boolean): Matrix {
  const order = file.isFixed(a) ? plainOrder(2) : file.axesOf(a);
  return { name: file.tensor(a, order, 'weight'), isTransposed: isPlain(order) === transpose };
}

/** Weights [inputs, outputs] are written [outputs, inputs], as the weights of a Gemm mostly are, unless the graph says. */
function rightMatrix(file: ExportFile, b: number, transpose: boolean, isTurned: boolean): Matrix {
  if (!file.isFixed(b)) return leftMatrix(file, b, transpose);
  const isAsStored = isTurned === transpose;
  return { name: file.tensor(b, isAsStored ? [0, 1] : [1, 0], 'weight'), isTransposed: isTurned };
}

/** `id` is the value that is made: the product's, or that of the sum with its bias. */
export function product(file: ExportFile, id: number, matmul: OpNode, attrs: Attrs<'matmul'>, bias?: number): string {
  const [a, b] = matmul.inputs;
  const rank = file.shapeOf(a).length;
  const order = plainOrder(matmul.shape.length);
  const { transposeA, transposeB } = attrs;
  if (rank > 2) {
    const turned = (of: number, isTurned: boolean) => {
      const axes = [...plainOrder(file.shapeOf(of).length)];
      if (isTurned) axes.push(...axes.splice(-2).reverse());
      return file.tensor(of, axes, 'weight');
    };
    return file.result(id, 'MatMul', [turned(a, transposeA), turned(b, transposeB)], {}, order);
  }
  const bottom = vector(file, bias);
  const isTurned = file.naming.turned.get(b) ?? bias !== undefined;
  // What a row of a flattened picture meets is put in the picture's order once, in the weights.
  const rows = file.orderOf(a);
  if (rows && isFlattened(rows) && file.isFixed(b) && !transposeA && !transposeB) {
    const weights = file.rows(b, rows, isTurned);
    return file.result(id, 'Gemm', [file.tensor(a, rows), weights, ...bottom], { transB: Number(isTurned) }, order);
  }
  const left = leftMatrix(file, a, transposeA);
  const right = rightMatrix(file, b, transposeB, isTurned);
  if (bias === undefined && !left.isTransposed && !right.isTransposed) {
    return file.result(id, 'MatMul', [left.name, right.name], {}, order);
  }
  const flags = { transA: Number(left.isTransposed), transB: Number(right.isTransposed) };
  return file.result(id, 'Gemm', [left.name, right.name, ...bottom], flags, order);
}
