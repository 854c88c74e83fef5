// export.ts: writes an ONNX file (onnx.proto3) of nodes and numbers. What becomes of a traced network is exportGraph.ts's
// business; the reader is proto.ts; the wire format is pbf's.

import { PbfWriter } from 'pbf';
import type { Tensor } from '../../engine/graph.ts';
import { sizeOf } from '../../kernels/shape.ts';
import type { Shape } from '../../kernels/types.ts';
import { ModelError } from '../error.ts';

/** Whole numbers, one or several; a number that may have a fraction; a text. */
export type ExportAttribute = number | readonly number[] | { readonly float: number } | string;

export interface ExportNode {
  readonly op: string;
  /** '' where an optional one is left out. */
  readonly inputs: readonly string[];
  /** Name of its one output, which is also how people call the layer. */
  readonly output: string;
  readonly attributes?: Readonly<Record<string, ExportAttribute>>;
}

/** A text names a size left open, '' leaves it open without a name. */
export interface ExportValue {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

/** Sizes, axes, indices: int64 in the file. */
export interface ExportIntegers {
  readonly shape: Shape;
  readonly integers: readonly number[];
}

interface ExportModel {
  readonly name: string;
  /** Each reads what the inputs, the weights and the nodes before it give. */
  readonly nodes: readonly ExportNode[];
  /** In the file's layout: filters [K,C,R,S]. Their numbers are asked for one tensor after another. */
  readonly weights: ReadonlyMap<string, Tensor | ExportIntegers>;
  readonly inputs: readonly ExportValue[];
  readonly outputs: readonly ExportValue[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Versions of the format and of the operators: ONNX 1.12 and everything since reads them. */
const IR_VERSION = 8;
const OPSET = 17;

const FLOAT_TENSOR = 1;
const INT64_TENSOR = 7;
/** Numbers of AttributeProto.AttributeType. */
const KIND = { float: 1, int: 2, text: 3, ints: 7 } as const;

/** Protobuf reads no message from here on. */
const MAX_BYTES = 2 ** 31;

/** The bytes of the file. Throws where a node reads what nothing before it makes. */
export function encodeModel(model: ExportModel): Uint8Array {
  checkNames(model);
  checkBytes(model);
  const writer = new PbfWriter();
  writer.writeVarintField(1, IR_VERSION);
  writer.writeStringField(2, 'facet');
  writer.writeMessage(7, writeGraph, model);
  writer.writeMessage(8, (_, pbf) => pbf.writeVarintField(2, OPSET), undefined);
  for (const entry of Object.entries(model.metadata)) writer.writeMessage(14, writeEntry, entry);
  return writer.finish().slice();
}

/** A file with one more entry in its metadata: fields of a message may come in any order, so it is put at the end. */
export function appendMetadata(file: Uint8Array, key: string, value: string): Uint8Array {
  const writer = new PbfWriter();
  writer.writeMessage(14, writeEntry, [key, value]);
  const entry = writer.finish();
  const result = new Uint8Array(file.length + entry.length);
  result.set(file);
  result.set(entry, file.length);
  return result;
}

function checkNames({ name, nodes, weights, inputs, outputs }: ExportModel): void {
  const known = new Set([...inputs.map((input) => input.name), ...weights.keys()]);
  for (const node of nodes) {
    const missing = node.inputs.find((value) => value !== '' && !known.has(value));
    if (missing !== undefined) {
      throw new ModelError(`export of "${name}": ${node.op} "${node.output}" reads "${missing}", which nothing makes.`);
    }
    if (known.has(node.output)) throw new ModelError(`export of "${name}": two values are called "${node.output}".`);
    known.add(node.output);
  }
  const missing = outputs.find((output) => !known.has(output.name));
  if (missing) throw new ModelError(`export of "${name}": nothing makes its output "${missing.name}".`);
}

function checkBytes({ name, weights }: ExportModel): void {
  let bytes = 0;
  for (const tensor of weights.values()) bytes += sizeOf(tensor.shape) * ('integers' in tensor ? 8 : 4);
  if (bytes < MAX_BYTES) return;
  throw new ModelError(
    `export of "${name}": its weights take ${(bytes / 2 ** 30).toFixed(1)} GiB, and an ONNX file holds less than 2. ` +
      'Export fewer layers (`until`).',
  );
}

function writeGraph({ name, nodes, weights, inputs, outputs }: ExportModel, pbf: PbfWriter): void {
  for (const node of nodes) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, name);
  for (const entry of weights) pbf.writeMessage(5, writeTensor, entry);
  for (const input of inputs) pbf.writeMessage(11, writeValue, input);
  for (const output of outputs) pbf.writeMessage(12, writeValue, output);
}

function writeNode({ op, inputs, output, attributes = {} }: ExportNode, pbf: PbfWriter): void {
  for (const input of inputs) pbf.writeStringField(1, input);
  pbf.writeStringField(2, output);
  pbf.writeStringField(3, output);
  pbf.writeStringField(4, op);
  for (const entry of Object.entries(attributes)) pbf.writeMessage(5, writeAttribute, entry);
}

function writeAttribute([name, value]: [string, ExportAttribute], pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  if (typeof value === 'number') {
    pbf.writeVarintField(3, value);
    pbf.writeVarintField(20, KIND.int);
  } else if (typeof value === 'string') {
    pbf.writeBytesField(4, new TextEncoder().encode(value));
    pbf.writeVarintField(20, KIND.text);
  } else if ('float' in value) {
    pbf.writeFloatField(2, value.float);
    pbf.writeVarintField(20, KIND.float);
  } else {
    for (const item of value) pbf.writeVarintField(8, item);
    pbf.writeVarintField(20, KIND.ints);
  }
}

function writeTensor([name, tensor]: [string, Tensor | ExportIntegers], pbf: PbfWriter): void {
  const isWhole = 'integers' in tensor;
  pbf.writePackedVarint(1, [...tensor.shape]);
  pbf.writeVarintField(2, isWhole ? INT64_TENSOR : FLOAT_TENSOR);
  pbf.writeStringField(8, name);
  pbf.writeBytesField(9, isWhole ? int64Bytes(tensor.integers) : float32Bytes(tensor.data));
}

function float32Bytes(data: Float32Array): Uint8Array {
  const raw = new DataView(new ArrayBuffer(4 * data.length));
  for (let i = 0; i < data.length; i++) raw.setFloat32(4 * i, data[i], true);
  return new Uint8Array(raw.buffer);
}

function int64Bytes(integers: readonly number[]): Uint8Array {
  const raw = new DataView(new ArrayBuffer(8 * integers.length));
  for (let i = 0; i < integers.length; i++) raw.setBigInt64(8 * i, BigInt(integers[i]), true);
  return new Uint8Array(raw.buffer);
}

/** ValueInfoProto > TypeProto > TypeProto.Tensor > TensorShapeProto > Dimension. */
function writeValue({ name, shape }: ExportValue, pbf: PbfWriter): void {
  const writeSize = (size: number | string): void => {
    if (typeof size === 'number') pbf.writeVarintField(1, size);
    else if (size !== '') pbf.writeStringField(2, size);
  };
  const writeDimension = (size: number | string) => pbf.writeMessage(1, () => writeSize(size), undefined);
  const writeTensorType = () => {
    pbf.writeVarintField(1, FLOAT_TENSOR);
    pbf.writeMessage(2, () => shape.forEach(writeDimension), undefined);
  };
  pbf.writeStringField(1, name);
  pbf.writeMessage(2, () => pbf.writeMessage(1, writeTensorType, undefined), undefined);
}

function writeEntry([key, value]: [string, string], pbf: PbfWriter): void {
  pbf.writeStringField(1, key);
  pbf.writeStringField(2, value);
}
