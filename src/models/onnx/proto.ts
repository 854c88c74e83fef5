// proto.ts: reads the part of ONNX's protobuf schema (onnx.proto3) that an inference network needs. The wire format is
// pbf's business; bounds are checked here, because pbf reads past the end of a message without a word.
// Numbers of tensors stay where they are in the file: see tensor.ts.

import { PbfReader } from 'pbf';
import { ModelError } from '../error.ts';
import { ExternalFiles, type ExternalReader, externalPlace } from './external.ts';
import { foreignFormat, likelyFormat } from './formats.ts';
import { MAX_NAME, MAX_NODES, MAX_OPERANDS } from './limits.ts';
import { inOrder, readBy } from './order.ts';
import { OnnxTensor, type TensorFields } from './tensor.ts';

export interface OnnxModel {
  readonly irVersion: number;
  readonly producer: string;
  /** Version of the operator set of ONNX itself. */
  readonly opset: number;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: OnnxGraph;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
}

export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  /** Names of values; '' where an optional one is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, OnnxAttribute>;
  /** Names of values around the node that graphs in its attributes read; undefined where it has no such graph. */
  readonly captured?: readonly string[];
}

export interface OnnxAttribute {
  readonly f?: number;
  readonly i?: number;
  readonly s?: string;
  readonly t?: OnnxTensor;
  readonly floats: readonly number[];
  readonly ints: readonly number[];
  /** One of the branches of an If. */
  readonly g?: OnnxGraph;
}

interface OnnxValueInfo {
  readonly name: string;
  /** Undefined where the file gives no shape; a text names a size left open (`N`, `batch`), '' an unnamed one. */
  readonly shape?: readonly (number | string)[];
}

const VARINT = 0;
const BLOCK = 2;
const FIXED32 = 5;

/** Thrown while reading; `decodeModel` turns it into the sentence that the user sees. */
class Malformed extends Error {}

/** pbf's reader with checked bounds. `end` of every method is where the enclosing message ends. */
class Reader {
  /** Graphs around what is read, besides the network itself. */
  nesting = 0;
  private readonly pbf: PbfReader;

  constructor(
    readonly bytes: Uint8Array,
    /** The files beside the model. */
    readonly files = new ExternalFiles(),
  ) {
    this.pbf = new PbfReader(bytes);
  }

  /** Calls `field` for each field up to `end`; those it does not read are skipped. */
  message(end: number, field: (tag: number, end: number) => void): void {
    const { pbf } = this;
    while (pbf.pos < end) {
      const tag = pbf.nextField(end);
      // nextField skips what was left unread; at the end of the message it then returns 0.
      if (pbf.pos > end) throw new Malformed('ends inside a field');
      if (tag === 0 && pbf.pos >= end) return;
      if (tag === 0) throw new Malformed('holds a field without a number');
      if (pbf.type !== VARINT && pbf.type !== 1 && pbf.type !== BLOCK && pbf.type !== FIXED32) {
        throw new Malformed(`holds a field of the unknown wire type ${pbf.type}`);
      }
      field(tag, end);
      if (pbf.pos > end) throw new Malformed('ends inside a field');
    }
  }

  /** A nested message. */
  nested(end: number, field: (tag: number, end: number) => void): void {
    this.message(this.block(end), field);
  }

  integer(end: number): number {
    this.expect(VARINT);
    return this.varint(end);
  }

  float(end: number): number {
    this.expect(FIXED32);
    if (this.pbf.pos + 4 > end) throw new Malformed('ends inside a number');
    return this.pbf.readFloat();
  }

  /** The bytes of a field, as a view of the file. */
  view(end: number): Uint8Array {
    const stop = this.block(end);
    const view = this.bytes.subarray(this.pbf.pos, stop);
    this.pbf.pos = stop;
    return view;
  }

  text(end: number): string {
    return new TextDecoder().decode(this.view(end));
  }

  /** The name of a value, a node, an operator. */
  name(end: number): string {
    const view = this.view(end);
    if (view.length <= MAX_NAME) return new TextDecoder().decode(view);
    throw new ModelError(`it holds a name of ${view.length} bytes, where ${MAX_NAME} are understood. Export it again.`);
  }

  /** Appends the integers of a repeated field, packed or not. */
  integers(end: number, into: number[]): void {
    if (this.pbf.type !== BLOCK) into.push(this.integer(end));
    else for (const stop = this.block(end); this.pbf.pos < stop; ) into.push(this.varint(stop));
  }

  floats(end: number, into: number[]): void {
    if (this.pbf.type !== BLOCK) into.push(this.float(end));
    else {
      for (const stop = this.block(end); this.pbf.pos < stop; ) {
        if (this.pbf.pos + 4 > stop) throw new Malformed('ends inside a number');
        into.push(this.pbf.readFloat());
      }
    }
  }

  doubles(end: number, into: number[]): void {
    const stop = this.pbf.type === BLOCK ? this.block(end) : this.pbf.pos + 8;
    while (this.pbf.pos < stop) {
      if (this.pbf.pos + 8 > Math.min(stop, end)) throw new Malformed('ends inside a number');
      into.push(this.pbf.readDouble());
    }
  }

  private varint(end: number): number {
    const value = this.pbf.readVarint(true);
    if (this.pbf.pos > end) throw new Malformed('ends inside a number');
    return value;
  }

  /** Where the block that starts here ends. */
  private block(end: number): number {
    this.expect(BLOCK);
    const length = this.varint(end);
    const stop = this.pbf.pos + length;
    if (length < 0 || stop > end) {
      throw new Malformed(`promises ${length} bytes where ${end - this.pbf.pos} are left`);
    }
    return stop;
  }

  private expect(type: number): void {
    if (this.pbf.type !== type) throw new Malformed(`holds a field of wire type ${this.pbf.type} in place of ${type}`);
  }
}

/** Decodes a file; `name` is how errors call it, `external` reads the files beside it that hold its numbers. */
export function decodeModel(bytes: Uint8Array, name: string, external?: ExternalReader): OnnxModel {
  const foreign = foreignFormat(bytes);
  if (foreign) throw new ModelError(`model "${name}" ${foreign}`);
  try {
    const model = readModel(new Reader(bytes, new ExternalFiles(external)), bytes.length);
    return { ...model, graph: inOrder(model.graph) };
  } catch (error) {
    if (error instanceof ModelError) throw new ModelError(`model "${name}": ${error.message}`);
    const what = whatIsMalformed(error);
    const likely = likelyFormat(bytes);
    if (likely) throw new ModelError(`model "${name}" ${likely}`);
    throw new ModelError(
      `model "${name}" is no whole ONNX file: of its ${bytes.length} bytes a part ${what}. Download or export it again.`,
    );
  }
}

/** pbf's own complaints are plain errors; any other error is a mistake of this reader, and thrown on. */
function whatIsMalformed(error: unknown): string {
  if (error instanceof Malformed) return error.message;
  if ((error as Error).constructor === Error) return 'holds a number that never ends';
  throw error;
}

/** Decodes a tensor that is a file of its own (TensorProto); `name` is how errors call it. */
export function decodeTensor(bytes: Uint8Array, name: string): OnnxTensor {
  const reader = new Reader(bytes);
  try {
    const tensor = readTensorFields(reader, (field) => reader.message(bytes.length, field));
    tensor.check();
    return tensor;
  } catch (error) {
    if (error instanceof ModelError) throw new ModelError(`${name}: ${error.message}`);
    throw new ModelError(`${name} is no whole tensor: a part ${whatIsMalformed(error)}. Download it again.`);
  }
}

function readModel(reader: Reader, size: number): OnnxModel {
  let irVersion = 0;
  let producer = '';
  let opset: number | undefined;
  let graph: OnnxGraph | undefined;
  const metadata = new Map<string, string>();
  reader.message(size, (tag, end) => {
    if (tag === 1) irVersion = reader.integer(end);
    else if (tag === 2) producer = reader.text(end);
    else if (tag === 7) graph = readGraph(reader, end);
    else if (tag === 8) {
      const { domain, version } = readOpset(reader, end);
      if (isOwnDomain(domain)) opset = version;
    } else if (tag === 14) {
      const { key, value } = readEntry(reader, end);
      metadata.set(key, value);
    }
  });
  // Both come after the weights in practice, so a file cut between two fields lacks one of them.
  if (!graph) throw new Malformed('with the network is missing');
  if (opset === undefined) throw new Malformed('with the version of its operators is missing');
  checkVersion('operators (opset)', opset, 1);
  checkVersion('format (IR)', irVersion, 0);
  return { irVersion, producer, opset, metadata, graph };
}

/** ONNX counts its versions up by one or two a year. */
const ABSURD_VERSION = 1000;

function checkVersion(what: string, version: number, least: number): void {
  if (version >= least && version < ABSURD_VERSION) return;
  throw new ModelError(`it names version ${version} of ONNX's ${what}, which does not exist. Export it again.`);
}

export const isOwnDomain = (domain: string): boolean => domain === '' || domain === 'ai.onnx';

function readOpset(reader: Reader, end: number): { domain: string; version: number } {
  let domain = '';
  let version = 0;
  reader.nested(end, (tag, stop) => {
    if (tag === 1) domain = reader.text(stop);
    else if (tag === 2) version = reader.integer(stop);
  });
  return { domain, version };
}

function readEntry(reader: Reader, end: number): { key: string; value: string } {
  let key = '';
  let value = '';
  reader.nested(end, (tag, stop) => {
    if (tag === 1) key = reader.text(stop);
    else if (tag === 2) value = reader.text(stop);
  });
  return { key, value };
}

function readGraph(reader: Reader, end: number): OnnxGraph {
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, OnnxTensor>();
  const inputs: OnnxValueInfo[] = [];
  const outputs: OnnxValueInfo[] = [];
  reader.nested(end, (tag, stop) => {
    if (tag === 1) {
      if (nodes.length === MAX_NODES) throw new ModelError(`it has more than ${MAX_NODES} nodes. Export a part of it.`);
      nodes.push(readNode(reader, stop));
    } else if (tag === 5) {
      const tensor = readTensor(reader, stop);
      if (initializers.has(tensor.name)) {
        throw new ModelError(`it holds two weights of the name "${tensor.name}". Give each a name of its own.`);
      }
      initializers.set(tensor.name, tensor);
    } else if (tag === 11) inputs.push(readValueInfo(reader, stop));
    else if (tag === 12) outputs.push(readValueInfo(reader, stop));
    else if (tag === 15) throw new ModelError('it holds sparse weights. Export it with dense ones.');
  });
  return { nodes, initializers, inputs, outputs };
}

function readNode(reader: Reader, end: number): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, OnnxAttribute>();
  let name = '';
  let op = '';
  let domain = '';
  reader.nested(end, (tag, stop) => {
    if (tag === 1) inputs.push(reader.name(stop));
    else if (tag === 2) outputs.push(reader.name(stop));
    else if (tag === 3) name = reader.name(stop);
    else if (tag === 4) op = reader.name(stop);
    else if (tag === 5) {
      const attribute = readAttribute(reader, stop);
      attributes.set(attribute.name, attribute);
    } else if (tag === 7) domain = reader.name(stop);
  });
  const most = Math.max(inputs.length, outputs.length);
  if (most > MAX_OPERANDS) {
    throw new ModelError(
      `its node "${name || op}" has ${most} inputs or outputs, where ${MAX_OPERANDS} are understood. Export it again.`,
    );
  }
  const graphs = [...attributes.values()].flatMap(({ g }) => g ?? []);
  const captured = graphs.length ? [...new Set(graphs.flatMap(readFromAround))] : undefined;
  return { name, op, domain, inputs, outputs, attributes, captured };
}

/** AttributeProto.AttributeType. */
const [FLOAT, INT, STRING] = [1, 2, 3];

function readAttribute(reader: Reader, end: number): OnnxAttribute & { name: string } {
  const floats: number[] = [];
  const ints: number[] = [];
  const one: { -readonly [K in 'f' | 'i' | 's' | 't' | 'g']?: OnnxAttribute[K] } = {};
  let name = '';
  let type = 0;
  reader.nested(end, (tag, stop) => {
    if (tag === 1) name = reader.name(stop);
    else if (tag === 20) type = reader.integer(stop);
    else if (tag === 2) one.f = reader.float(stop);
    else if (tag === 3) one.i = reader.integer(stop);
    else if (tag === 4) one.s = reader.text(stop);
    else if (tag === 5) one.t = readTensor(reader, stop);
    else if (tag === 6) one.g = readBranch(reader, stop);
    else if (tag === 7) reader.floats(stop, floats);
    else if (tag === 8) reader.integers(stop, ints);
  });
  // Writers of proto3 leave out a value that is 0 or an empty text; the type says that it is there.
  if (type === FLOAT) one.f ??= 0;
  if (type === INT) one.i ??= 0;
  if (type === STRING) one.s ??= '';
  return { name, ...one, floats, ints };
}

/** Graphs in graphs are read so deep. */
const MAX_NESTING = 8;

function readBranch(reader: Reader, end: number): OnnxGraph {
  if (reader.nesting === MAX_NESTING) {
    throw new ModelError(`it has branches in branches, more than ${MAX_NESTING} deep. Export it without them.`);
  }
  reader.nesting++;
  const graph = readGraph(reader, end);
  reader.nesting--;
  return graph;
}

/** What the nodes of a graph read that is not made in it. */
function readFromAround({ nodes, initializers, outputs }: OnnxGraph): string[] {
  const made = new Set([...initializers.keys(), ...nodes.flatMap((node) => node.outputs)]);
  const read = [...nodes.flatMap(readBy), ...outputs.map(({ name }) => name)];
  return [...new Set(read)].filter((name) => name && !made.has(name));
}

const readTensor = (reader: Reader, end: number): OnnxTensor =>
  readTensorFields(reader, (field) => reader.nested(end, field));

/** `read` calls back for each field of the message. */
function readTensorFields(reader: Reader, read: (field: (tag: number, end: number) => void) => void): OnnxTensor {
  const shape: number[] = [];
  const fields: TensorFields = { name: '', type: 0, shape, floats: [], integers: [], doubles: [] };
  const entries = new Map<string, string>();
  let isExternal = false;
  read((tag, stop) => {
    if (tag === 1) reader.integers(stop, shape);
    else if (tag === 2) fields.type = reader.integer(stop);
    else if (tag === 4) reader.floats(stop, fields.floats);
    else if (tag === 5 || tag === 7 || tag === 11) reader.integers(stop, fields.integers);
    else if (tag === 8) fields.name = reader.name(stop);
    else if (tag === 9) fields.raw = reader.view(stop);
    else if (tag === 10) reader.doubles(stop, fields.doubles);
    else if (tag === 13) {
      const { key, value } = readEntry(reader, stop);
      entries.set(key, value);
    } else if (tag === 14) isExternal = reader.integer(stop) === 1;
  });
  if (isExternal) fields.external = { place: externalPlace(fields.name, entries), files: reader.files };
  return new OnnxTensor(fields);
}

function readValueInfo(reader: Reader, end: number): OnnxValueInfo {
  let name = '';
  let shape: (number | string)[] | undefined;
  const readDimension = (stop: number): void => {
    let size: number | string = '';
    reader.nested(stop, (tag, last) => {
      if (tag === 1) size = reader.integer(last);
      else if (tag === 2) size = reader.name(last);
    });
    shape?.push(size);
  };
  const readShape = (stop: number): void => {
    shape = [];
    reader.nested(stop, (tag, last) => {
      if (tag === 1) readDimension(last);
    });
  };
  const readTensorType = (stop: number): void =>
    reader.nested(stop, (tag, last) => {
      if (tag === 2) readShape(last);
    });
  reader.nested(end, (tag, stop) => {
    if (tag === 1) name = reader.name(stop);
    else if (tag === 2) {
      reader.nested(stop, (kind, last) => {
        if (kind === 1) readTensorType(last);
      });
    }
  });
  return { name, shape };
}
