// external.ts: numbers that lie in files beside the model (external data), as PyTorch's newer exporter writes them by
// default: `net.onnx` with `net.onnx.data`. No file is touched here: a caller hands in what reads them.

import { ModelError } from '../error.ts';

/**
 * Reads the first `length` bytes of a file that a model keeps numbers in. `location` is a relative path with forward
 * slashes that stays below the model's folder as it is written; where links lead is for the reader to check. Undefined
 * where there is no such file; throws a `ModelError` where it cannot be read.
 */
export type ExternalReader = (location: string, length: number) => Uint8Array | undefined;

/** Where the numbers of one tensor lie: entries of TensorProto.external_data. */
export interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  /** Undefined where the file does not say: what the shape asks for. */
  readonly length?: number;
}

/** Longest path and most bytes of one file. */
const MAX_LOCATION = 1024;
const MAX_BYTES = 2 ** 32;

const AS_ONE_FILE = 'save the model as one file: onnx.save(model, path, save_as_external_data=False)';

/** The entries of a tensor, checked. `tensor` is its name. */
export function externalPlace(tensor: string, entries: ReadonlyMap<string, string>): ExternalPlace {
  const location = (entries.get('location') ?? '').replaceAll('\\', '/').replace(/^(\.\/+)+/, '');
  const whole = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value)) return value;
    throw new ModelError(
      `the external data of "${tensor}" have the impossible ${key} "${text}". Export the model again.`,
    );
  };
  if (!isInside(location)) {
    throw new ModelError(
      `the tensor "${tensor}" wants its numbers from "${location}", which is no file in the model's own folder. ` +
        `Put it there, or ${AS_ONE_FILE}.`,
    );
  }
  return { location, offset: whole('offset') ?? 0, length: whole('length') };
}

/** A relative path that does not leave its folder: no root, no drive, no address, no step up, no odd character. */
function isInside(location: string): boolean {
  if (location.length === 0 || location.length > MAX_LOCATION || /[\p{Cc}:]/u.test(location)) return false;
  return location.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** The files beside one model. Each is read once, when the first of its numbers is asked for. */
export class ExternalFiles {
  /** Bytes of each file that tensors have announced. */
  private readonly ends = new Map<string, number>();
  private readonly files = new Map<string, Uint8Array>();

  constructor(private readonly reader?: ExternalReader) {}

  /** Tells of numbers that will be asked for, so that one read is enough. */
  announce(place: ExternalPlace, length: number): void {
    const end = place.offset + length;
    if (end > MAX_BYTES) return; // refused when asked for
    this.ends.set(place.location, Math.max(end, this.ends.get(place.location) ?? 0));
  }

  /** The bytes of a tensor. */
  view(tensor: string, { location, offset }: ExternalPlace, length: number): Uint8Array {
    const end = offset + length;
    if (end > MAX_BYTES) {
      throw new ModelError(
        `the tensor "${tensor}" lies at byte ${offset} of "${location}", beyond the ${MAX_BYTES} that are read of one file. ` +
          'Split the external data into smaller files.',
      );
    }
    const bytes = this.file(tensor, location);
    if (bytes.length < end) {
      throw new ModelError(
        `the tensor "${tensor}" takes bytes ${offset} to ${end} of "${location}", which ends before. ` +
          'Download or export both files again.',
      );
    }
    return bytes.subarray(offset, end);
  }

  private file(tensor: string, location: string): Uint8Array {
    const known = this.files.get(location);
    if (known) return known;
    const bytes = this.reader?.(location, this.ends.get(location) ?? 0);
    if (!bytes) {
      throw new ModelError(
        `the numbers of "${tensor}" lie in a file of their own, "${location}", which is not there. ` +
          `Give it together with the model (in one folder, or dropped at once), or ${AS_ONE_FILE}.`,
      );
    }
    this.files.set(location, bytes);
    return bytes;
  }
}
