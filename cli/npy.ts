// npy.ts: NumPy's array files: C order, little-endian; float32, float64 and uint8 in, float32 out.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

import type { Tensor } from '../src/index.ts';
import { CommandError } from './errors.ts';

const MAGIC = '\x93NUMPY';
/** Magic, two version bytes, and the length of the header in two bytes (version 1) or four (2 and 3). */
const PREFIX_V1 = 10;
const PREFIX_V2 = 12;
/** The data begins at a multiple of this. */
const ALIGNMENT = 64;

const readers: Record<string, { bytes: number; read(view: DataView, at: number): number }> = {
  '<f4': { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  '<f8': { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  '|u1': { bytes: 1, read: (view, at) => view.getUint8(at) },
};

/** Numbers and shape of an array file. `name` is for the messages. */
export function decodeNpy(bytes: Uint8Array, name: string): Tensor {
  const fail = (what: string): never => {
    throw new CommandError(`"${name}" ${what}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const latin = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString('latin1');
  if (bytes.length === 0) fail('is empty. Save the array again.');
  if (bytes.length < PREFIX_V2 || latin(0, MAGIC.length) !== MAGIC) {
    fail('is no .npy file. Save the array with numpy.save.');
  }
  const start = bytes[6] === 1 ? PREFIX_V1 : PREFIX_V2;
  const end = start + (bytes[6] === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (end > bytes.length) fail('is cut off inside its header. Save the array again.');
  const header = latin(start, end);
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  if (!descr || !order || sizes === undefined) return fail('has a header that names no type, order or shape.');
  if (!Object.hasOwn(readers, descr)) {
    return fail(`holds numbers of type ${descr}. Save it as float32: numpy.save(file, x.astype("float32")).`);
  }
  if (order === 'True') fail('is in Fortran order. Save it in C order: numpy.save(file, numpy.ascontiguousarray(x)).');
  const shape = sizes.split(',').flatMap((size) => (size.trim() ? [Number(size)] : []));
  const count = shape.reduce((product, size) => product * size, 1);
  const reader = readers[descr];
  if (bytes.length - end !== count * reader.bytes) {
    fail(
      `has ${bytes.length - end} bytes of numbers; [${shape}] of ${descr} needs ${count * reader.bytes}. Save it again.`,
    );
  }
  const data = Float32Array.from({ length: count }, (_, i) => reader.read(view, end + i * reader.bytes));
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) fail(`holds ${data[bad]} at place ${bad}. Every number must be finite.`);
  return { shape, data };
}

/** An array file of float32. */
export function encodeNpy({ shape, data }: Tensor): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((PREFIX_V1 + dictionary.length + 1) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(length + 4 * data.length);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from(`${MAGIC}\x01\x00`, 'latin1'));
  view.setUint16(8, length - PREFIX_V1, true);
  bytes.set(Buffer.from(`${dictionary.padEnd(length - PREFIX_V1 - 1)}\n`, 'latin1'), PREFIX_V1);
  data.forEach((value, i) => void view.setFloat32(length + 4 * i, value, true));
  return bytes;
}
