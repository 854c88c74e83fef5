// external.ts: files beside a model that hold its numbers (external data): `net.onnx.data`. What a model names is read
// only where it is a plain file in the model's own folder or below it, links followed.

import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { type ExternalReader, ModelError } from '../src/index.ts';
import { noteInput } from './files.ts';

/** Bytes read at once: Node reads no more than 2 GiB in one call. */
const PIECE = 2 ** 28;

/** Reads what lies beside this model file. */
export function besideModel(model: string): ExternalReader {
  // A model that is itself a link keeps its numbers beside the file that it leads to, or beside the link.
  const folders = new Set([path.dirname(realpathSync(model)), realpathSync(path.dirname(model))]);
  return (location, length) => {
    for (const folder of folders) {
      const file = found(path.join(folder, ...location.split('/')));
      if (file === undefined) continue;
      if (!file.startsWith(folder.endsWith(path.sep) ? folder : folder + path.sep)) {
        throw new ModelError(
          `its external data "${location}" are a link out of the model's folder, which is not followed. Copy the file there.`,
        );
      }
      return readStart(file, location, length);
    }
    return undefined;
  };
}

/** Where a path leads, links followed; undefined where there is nothing. */
function found(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch {
    return undefined;
  }
}

/** The first `length` bytes, or all where there are fewer. */
function readStart(file: string, location: string, length: number): Uint8Array {
  const handle = opened(file, location);
  try {
    const stat = fstatSync(handle);
    if (!stat.isFile()) {
      throw new ModelError(`its external data "${location}" are no plain file. Put the file itself beside the model.`);
    }
    const bytes = new Uint8Array(Math.min(stat.size, length));
    let at = 0;
    while (at < bytes.length) {
      const count = readSync(handle, bytes, at, Math.min(PIECE, bytes.length - at), at);
      if (count === 0) break;
      at += count;
    }
    noteInput('external data of the model', file);
    return bytes.subarray(0, at);
  } finally {
    closeSync(handle);
  }
}

function opened(file: string, location: string): number {
  try {
    // Without O_NONBLOCK it would wait at a pipe for someone to write into it.
    return openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw new ModelError(
      `its external data "${location}" cannot be read (${(error as NodeJS.ErrnoException).code}). Check who may read the file.`,
    );
  }
}
