// checkpoint.ts: named numbers as bytes, so that a training run can be taken up where it stopped. Not a model file.
//
//   Uint32 length of the header | header: JSON {version, step, states: [[name, count], …]} | float32 numbers in that order
// All little-endian.

const VERSION = 1;

interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  readonly states: ReadonlyMap<string, Float32Array>;
}

interface Header {
  readonly version: number;
  readonly step: number;
  readonly states: readonly (readonly [name: string, count: number])[];
}

export function encodeCheckpoint({ step, states }: Checkpoint): Uint8Array {
  const entries = [...states].map(([name, data]) => [name, data.length] as const);
  const header = new TextEncoder().encode(JSON.stringify({ version: VERSION, step, states: entries } satisfies Header));
  const count = entries.reduce((sum, [, length]) => sum + length, 0);
  const bytes = new Uint8Array(4 + header.length + 4 * count);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, header.length, true);
  bytes.set(header, 4);
  let at = 4 + header.length;
  for (const data of states.values()) {
    for (const value of data) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return bytes;
}

export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { step, states, end } = readHeader(bytes, view);
  let at = end;
  const decoded = new Map<string, Float32Array>();
  for (const [name, count] of states) {
    const from = at;
    decoded.set(
      name,
      Float32Array.from({ length: count }, (_, i) => view.getFloat32(from + 4 * i, true)),
    );
    at += 4 * count;
  }
  return { step, states: decoded };
}

/** Throws unless the bytes are a whole checkpoint. `end` is where its numbers begin. */
function readHeader(bytes: Uint8Array, view: DataView): Header & { readonly end: number } {
  const broken = new Error('the checkpoint is damaged or of another version. Delete it to start the training anew.');
  try {
    const end = 4 + view.getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, end))) as Header;
    const count = header.states.reduce((sum, [, length]) => sum + length, 0);
    if (header.version === VERSION && bytes.length === end + 4 * count) return { ...header, end };
  } catch {
    // Not even a header.
  }
  throw broken;
}
