// npy.ts: reads recorded arrays (NumPy's format, float32, rows first), apart from the reader under test in cli/npy.ts.

import type { Tensor } from '../../src/engine/graph.ts';

export function parseNpy(bytes: Uint8Array, name: string): Tensor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isFirst = view.getUint8(6) === 1;
  const start = isFirst ? 10 : 12;
  const end = start + (isFirst ? view.getUint16(8, true) : view.getUint32(8, true));
  const header = new TextDecoder().decode(bytes.subarray(start, end));
  const sizes = /'shape': \(([^)]*)\)/.exec(header)?.[1];
  if (sizes === undefined || !header.includes("'<f4'") || header.includes('True')) {
    throw new Error(`${name}: expected float32 in row-major order, found ${header.trim()}`);
  }
  const shape = sizes.split(',').flatMap((size) => (size.trim() ? [Number(size)] : []));
  return { shape, data: new Float32Array(bytes.slice(end).buffer) };
}
