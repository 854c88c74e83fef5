// export.ts: writes an ONNX file (onnx.proto3) of nodes with whole-number attributes and float32 weights: what a network
// trained here consists of. The reader is proto.ts; the wire format is pbf's business.

import { PbfWriter } from 'pbf';
import type { Tensor } from '../../engine/graph.ts';
import { ModelError } from '../error.ts';

export interface ExportNode {
  readonly op: string;
  readonly inputs: readonly string[];
  /** Name of its one output, which is also how people call the layer. */
  readonly output: string;
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

/** A text names a size left open. */
export interface ExportValue {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

export interface ExportModel {
  readonly name: string;
  /** Each reads what the input, the weights and the nodes before it give. */
  readonly nodes: readonly ExportNode[];
  /** In the file's layout: filters [K,C,R,S]. */
  readonly weights: ReadonlyMap<string, Tensor>;
  readonly input: ExportValue;
  readonly output: ExportValue;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Versions of the format and of the operators: ONNX 1.8 and everything since reads them. */
const IR_VERSION = 7;
const OPSET = 13;

const FLOAT_TENSOR = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

/** The bytes of the file. Throws where a node reads what nothing before it makes. */
export function encodeModel(model: ExportModel): Uint8Array {
  checkNames(model);
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

function checkNames({ name, nodes, weights, input, output }: ExportModel): void {
  const known = new Set([input.name, ...weights.keys()]);
  for (const node of nodes) {
    const missing = node.inputs.find((value) => !known.has(value));
    if (missing !== undefined) {
      throw new ModelError(`export of "${name}": ${node.op} "${node.output}" reads "${missing}", which nothing makes.`);
    }
    if (known.has(node.output)) throw new ModelError(`export of "${name}": two values are called "${node.output}".`);
    known.add(node.output);
  }
  if (!known.has(output.name)) throw new ModelError(`export of "${name}": nothing makes its output "${output.name}".`);
}

function writeGraph({ name, nodes, weights, input, output }: ExportModel, pbf: PbfWriter): void {
  for (const node of nodes) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, name);
  for (const entry of weights) pbf.writeMessage(5, writeTensor, entry);
  pbf.writeMessage(11, writeValue, input);
  pbf.writeMessage(12, writeValue, output);
}

function writeNode({ op, inputs, output, attributes = {} }: ExportNode, pbf: PbfWriter): void {
  for (const input of inputs) pbf.writeStringField(1, input);
  pbf.writeStringField(2, output);
  pbf.writeStringField(3, output);
  pbf.writeStringField(4, op);
  for (const entry of Object.entries(attributes)) pbf.writeMessage(5, writeAttribute, entry);
}

function writeAttribute([name, value]: [string, number | readonly number[]], pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  if (typeof value === 'number') pbf.writeVarintField(3, value);
  else for (const item of value) pbf.writeVarintField(8, item);
  pbf.writeVarintField(20, typeof value === 'number' ? ATTRIBUTE_INT : ATTRIBUTE_INTS);
}

function writeTensor([name, { shape, data }]: [string, Tensor], pbf: PbfWriter): void {
  pbf.writePackedVarint(1, [...shape]);
  pbf.writeVarintField(2, FLOAT_TENSOR);
  pbf.writeStringField(8, name);
  const raw = new DataView(new ArrayBuffer(4 * data.length));
  for (let i = 0; i < data.length; i++) raw.setFloat32(4 * i, data[i], true);
  pbf.writeBytesField(9, new Uint8Array(raw.buffer));
}

/** ValueInfoProto > TypeProto > TypeProto.Tensor > TensorShapeProto > Dimension. */
function writeValue({ name, shape }: ExportValue, pbf: PbfWriter): void {
  const writeDimension = (size: number | string) =>
    pbf.writeMessage(
      1,
      () => (typeof size === 'number' ? pbf.writeVarintField(1, size) : pbf.writeStringField(2, size)),
      undefined,
    );
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
