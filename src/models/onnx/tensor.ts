// tensor.ts: the numbers of a TensorProto. Float32 ones that lie aligned in the file are viewed where they are; what is
// unaligned, of another type or written number by number is copied once, when first asked for.

import { ModelError } from '../error.ts';
import type { ExternalFiles, ExternalPlace } from './external.ts';
import { shapeProblem } from './limits.ts';

export interface TensorFields {
  name: string;
  /** Number of TensorProto.DataType. */
  type: number;
  shape: readonly number[];
  raw?: Uint8Array;
  floats: number[];
  integers: number[];
  doubles: number[];
  /** The numbers lie in another file, read with `files`. */
  external?: { readonly place: ExternalPlace; readonly files: ExternalFiles };
}

interface DataType {
  readonly name: string;
  readonly bytes: number;
  readonly isInteger: boolean;
  read(view: DataView, offset: number): number;
}

const type = (name: string, bytes: number, isInteger: boolean, read: DataType['read']): DataType => ({
  name,
  bytes,
  isInteger,
  read,
});

/** By TensorProto.DataType. All are little-endian in `raw_data`. */
const dataTypes: Readonly<Record<number, DataType>> = {
  1: type('float', 4, false, (view, at) => view.getFloat32(at, true)),
  2: type('uint8', 1, true, (view, at) => view.getUint8(at)),
  3: type('int8', 1, true, (view, at) => view.getInt8(at)),
  4: type('uint16', 2, true, (view, at) => view.getUint16(at, true)),
  5: type('int16', 2, true, (view, at) => view.getInt16(at, true)),
  6: type('int32', 4, true, (view, at) => view.getInt32(at, true)),
  7: type('int64', 8, true, (view, at) => Number(view.getBigInt64(at, true))),
  9: type('bool', 1, true, (view, at) => view.getUint8(at)),
  10: type('float16', 2, false, (view, at) => fromFloat16(view.getUint16(at, true))),
  11: type('double', 8, false, (view, at) => view.getFloat64(at, true)),
  12: type('uint32', 4, true, (view, at) => view.getUint32(at, true)),
  13: type('uint64', 8, true, (view, at) => Number(view.getBigUint64(at, true))),
  16: type('bfloat16', 2, false, (view, at) => fromBfloat16(view.getUint16(at, true))),
};
const FLOAT = 1;
const FLOAT16 = 10;
const BFLOAT16 = 16;

/** IEEE 754 binary16, from its bits. */
function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function fromBfloat16(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

/** Float32Array is a view of memory of this byte order; ONNX files are little-endian. */
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Whether all numbers are finite: times 0 those are 0, and the others NaN. Millions are asked before a network is there. */
function areFinite(data: Float32Array | Float64Array): boolean {
  let zero = 0;
  for (let i = 0; i < data.length; i++) zero += 0 * data[i];
  return zero === 0;
}

/** A tensor of the file, in the file's own layout. */
export class OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  private readonly dataType: DataType | undefined;
  private decoded?: Float32Array | Float64Array;

  constructor(private readonly fields: TensorFields) {
    this.name = fields.name;
    this.shape = fields.shape;
    this.dataType = dataTypes[fields.type];
    if (this.isPossible) fields.external?.files.announce(fields.external.place, this.byteCount);
  }

  private get isPossible(): boolean {
    return this.dataType !== undefined && shapeProblem(this.shape, 0) === undefined;
  }

  /** Of the numbers as `raw_data` holds them. */
  private get byteCount(): number {
    return this.size * (this.dataType?.bytes ?? 0);
  }

  /** Number of TensorProto.DataType. */
  get type(): number {
    return this.fields.type;
  }

  get size(): number {
    return this.shape.reduce((product, d) => product * d, 1);
  }

  /** Integers and truth values: sizes, axes and indices, not weights. */
  get isInteger(): boolean {
    return this.dataType?.isInteger ?? false;
  }

  /** Float32 for all float types; float64 for integers, exact up to 2^53. Throws where the tensor is not whole. */
  get data(): Float32Array | Float64Array {
    this.decoded ??= this.decode();
    return this.decoded;
  }

  /** Throws a `ModelError` where the tensor cannot be used. */
  check(): void {
    const { name } = this;
    const problem = shapeProblem(this.shape, 0);
    if (problem) throw new ModelError(`the tensor "${name}" ${problem}. Export the model again.`);
    if (!this.dataType) {
      throw new ModelError(
        `the tensor "${name}" is of the type number ${this.fields.type}, which is neither a float nor an integer of a ` +
          'known kind. Export it as float32.',
      );
    }
    const { data } = this;
    if (this.isInteger || areFinite(data)) return;
    const at = data.findIndex(Number.isNaN);
    if (at < 0) return;
    throw new ModelError(`the tensor "${name}" holds NaN (element ${at} of ${data.length}). Export the model again.`);
  }

  /** Throws where a weight is infinite: nothing that is multiplied by it is a number any more. */
  checkFinite(): void {
    if (this.isInteger || areFinite(this.data)) return;
    const at = this.data.findIndex((value) => !Number.isFinite(value));
    throw new ModelError(
      `the weights "${this.name}" hold ${this.data[at]} (element ${at} of ${this.data.length}), too large for their type. ` +
        'Export the model as float32.',
    );
  }

  private decode(): Float32Array | Float64Array {
    const { size } = this;
    const kind = this.dataType;
    if (!kind || !this.isPossible) throw new ModelError(`the tensor "${this.name}" has no usable type or shape.`);
    const raw = this.rawBytes();
    if (!raw) return this.fromLists(kind, size);
    if (raw.byteLength !== size * kind.bytes) this.refuseLength(raw.byteLength / kind.bytes);
    if (this.fields.type === FLOAT && isLittleEndian) {
      const isAligned = raw.byteOffset % 4 === 0;
      // A Float32Array cannot start between two words: an unaligned tensor is copied.
      return isAligned
        ? new Float32Array(raw.buffer, raw.byteOffset, size)
        : new Float32Array(new Uint8Array(raw).buffer, 0, size);
    }
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    const data = kind.isInteger ? new Float64Array(size) : new Float32Array(size);
    for (let i = 0; i < size; i++) data[i] = kind.read(view, i * kind.bytes);
    return data;
  }

  private rawBytes(): Uint8Array | undefined {
    const { external, raw } = this.fields;
    if (!external) return raw;
    const { place, files } = external;
    if (place.length !== undefined && place.length !== this.byteCount) {
      throw new ModelError(
        `the tensor "${this.name}" has ${place.length} bytes in "${place.location}", its shape ` +
          `[${this.shape.join(',')}] asks for ${this.byteCount}. Export the model again.`,
      );
    }
    return files.view(this.name, place, this.byteCount);
  }

  private fromLists(kind: DataType, size: number): Float32Array | Float64Array {
    const { floats, integers, doubles, type: number } = this.fields;
    const list = floats.length ? floats : doubles.length ? doubles : integers;
    if (list.length !== size) this.refuseLength(list.length);
    if (kind.isInteger) return Float64Array.from(list);
    // Half floats outside raw_data are written as their bits, in int32_data.
    if (number === FLOAT16) return Float32Array.from(list, fromFloat16);
    if (number === BFLOAT16) return Float32Array.from(list, fromBfloat16);
    return Float32Array.from(list);
  }

  private refuseLength(count: number): never {
    throw new ModelError(
      `the tensor "${this.name}" holds ${count} numbers, its shape [${this.shape.join(',')}] asks for ${this.size}. ` +
        'Download or export the model again.',
    );
  }
}
