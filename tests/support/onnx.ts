// onnx.ts: writes small ONNX files for tests: a few nodes and weights, in whatever form a test wants to see read.

import { PbfWriter } from 'pbf';

export interface TestTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Number of TensorProto.DataType; 1, float, by default. */
  readonly type?: number;
  /** Bytes as raw_data, or numbers in one of the typed lists. */
  readonly raw?: Uint8Array;
  readonly floats?: readonly number[];
  readonly int32s?: readonly number[];
  readonly int64s?: readonly number[];
  readonly doubles?: readonly number[];
  /** The numbers lie in another file: entries of external_data (location, offset, length). */
  readonly external?: Readonly<Record<string, string>>;
}

export type TestAttribute =
  | number
  | string
  | readonly number[]
  | TestTensor
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  /** A 0 that is left out, as writers of proto3 do. */
  | { readonly zero: 'int' | 'float' }
  | TestGraph;

export interface TestGraph {
  readonly nodes: readonly TestNode[];
  readonly initializers?: readonly TestTensor[];
  /** Shapes by name; a text is a size left open. */
  readonly inputs: Readonly<Record<string, readonly (number | string)[]>>;
  readonly outputs: readonly string[];
}

export interface TestNode {
  readonly op: string;
  readonly name?: string;
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, TestAttribute>>;
}

export interface TestModel extends TestGraph {
  readonly opset?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

export const floatTensor = (name: string, shape: readonly number[], data: readonly number[]): TestTensor => ({
  name,
  shape,
  raw: new Uint8Array(Float32Array.from(data).buffer),
});
export const intTensor = (name: string, data: readonly number[]): TestTensor => ({
  name,
  shape: [data.length],
  type: 7,
  int64s: data,
});

const FLOAT = 1;
const INT = 2;
const STRING = 3;
const TENSOR = 4;
const GRAPH = 5;
const FLOATS = 6;
const INTS = 7;

function writeEntry([key, value]: [string, string], pbf: PbfWriter): void {
  pbf.writeStringField(1, key);
  pbf.writeStringField(2, value);
}

function writeTensor(tensor: TestTensor, pbf: PbfWriter): void {
  pbf.writePackedVarint(1, [...tensor.shape]);
  pbf.writeVarintField(2, tensor.type ?? 1);
  if (tensor.floats) pbf.writePackedFloat(4, [...tensor.floats]);
  if (tensor.int32s) pbf.writePackedVarint(5, [...tensor.int32s]);
  if (tensor.int64s) pbf.writePackedVarint(7, [...tensor.int64s]);
  pbf.writeStringField(8, tensor.name);
  if (tensor.raw) pbf.writeBytesField(9, tensor.raw);
  if (tensor.doubles) pbf.writePackedDouble(10, [...tensor.doubles]);
  if (tensor.external) {
    for (const entry of Object.entries(tensor.external)) pbf.writeMessage(13, writeEntry, entry);
    pbf.writeVarintField(14, 1);
  }
}

/** The bytes of a tensor in a file of its own. */
export function encodeTensor(tensor: TestTensor): Uint8Array {
  const pbf = new PbfWriter();
  writeTensor(tensor, pbf);
  return pbf.finish();
}

function writeAttribute([name, value]: [string, TestAttribute], pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  if (typeof value === 'number') {
    pbf.writeVarintField(3, value);
    pbf.writeVarintField(20, INT);
  } else if (typeof value === 'string') {
    pbf.writeStringField(4, value);
    pbf.writeVarintField(20, STRING);
  } else if (Array.isArray(value)) {
    for (const each of value) pbf.writeVarintField(8, each);
    pbf.writeVarintField(20, INTS);
  } else if ('float' in value) {
    pbf.writeFloatField(2, value.float);
    pbf.writeVarintField(20, FLOAT);
  } else if ('floats' in value && !('name' in value)) {
    for (const each of value.floats) pbf.writeFloatField(7, each);
    pbf.writeVarintField(20, FLOATS);
  } else if ('zero' in value) {
    pbf.writeVarintField(20, value.zero === 'int' ? INT : FLOAT);
  } else if ('nodes' in value) {
    pbf.writeMessage(6, writeGraph, value);
    pbf.writeVarintField(20, GRAPH);
  } else {
    pbf.writeMessage(5, writeTensor, value as TestTensor);
    pbf.writeVarintField(20, TENSOR);
  }
}

function writeNode(node: TestNode, pbf: PbfWriter): void {
  for (const name of node.inputs) pbf.writeStringField(1, name);
  for (const name of node.outputs) pbf.writeStringField(2, name);
  if (node.name) pbf.writeStringField(3, node.name);
  pbf.writeStringField(4, node.op);
  for (const entry of Object.entries(node.attributes ?? {})) pbf.writeMessage(5, writeAttribute, entry);
  if (node.domain) pbf.writeStringField(7, node.domain);
}

function writeValueInfo([name, shape]: [string, readonly (number | string)[] | undefined], pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  if (!shape) return;
  const dimension = (size: number | string, out: PbfWriter) =>
    typeof size === 'number' ? out.writeVarintField(1, size) : out.writeStringField(2, size);
  const dimensions = (sizes: readonly (number | string)[], out: PbfWriter) => {
    for (const size of sizes) out.writeMessage(1, dimension, size);
  };
  const tensor = (sizes: readonly (number | string)[], out: PbfWriter) => {
    out.writeVarintField(1, 1);
    out.writeMessage(2, dimensions, sizes);
  };
  const type = (sizes: readonly (number | string)[], out: PbfWriter) => out.writeMessage(1, tensor, sizes);
  pbf.writeMessage(2, type, shape);
}

function writeGraph({ nodes, initializers = [], inputs, outputs }: TestGraph, pbf: PbfWriter): void {
  for (const node of nodes) pbf.writeMessage(1, writeNode, node);
  for (const tensor of initializers) pbf.writeMessage(5, writeTensor, tensor);
  for (const entry of Object.entries(inputs)) pbf.writeMessage(11, writeValueInfo, entry);
  for (const name of outputs) pbf.writeMessage(12, writeValueInfo, [name, undefined]);
}

/** The bytes of a file. */
export function encodeModel({ opset = 13, metadata = {}, ...graph }: TestModel): Uint8Array {
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, 7);
  pbf.writeMessage(7, writeGraph, graph);
  pbf.writeMessage(8, (version: number, out: PbfWriter) => out.writeVarintField(2, version), opset);
  for (const [key, value] of Object.entries(metadata)) {
    pbf.writeMessage(14, writeEntry, [key, value]);
  }
  return pbf.finish();
}
