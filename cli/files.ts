// files.ts: reading with one-line errors; writing whole files or none.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { CommandError, fileError, UsageError } from './errors.ts';

/** Files this command has read, links followed, with what they are to it: none of them is written over. */
const inputs = new Map<string, string>();

/** Remembers a file, by its path without links, as one that is read. */
export const noteInput = (what: string, file: string): void => void inputs.set(file, what);

/** The bytes of a file. `what` is how messages call it: `the picture`. */
export function readBytes(what: string, file: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
    inputs.set(realpathSync(file), what);
  } catch (error) {
    throw fileError(what, file, error);
  }
  if (bytes.length === 0) throw new CommandError(`${what} "${file}" is empty (0 bytes). Fetch or save it again.`);
  return bytes;
}

export const readText = (what: string, file: string): string => Buffer.from(readBytes(what, file)).toString('utf8');

function refuseInput(file: string): void {
  const what = existsSync(file) ? inputs.get(realpathSync(file)) : undefined;
  if (what) throw new UsageError(`"${file}" is ${what} that is read, so it is not written over. Name another file.`);
}

/** Throws unless all given files can be written, each in a place of its own, before the work that fills them. */
export function checkOutputs(...files: readonly (string | undefined)[]): void {
  const given = files.filter((file) => file !== undefined);
  for (const file of given) checkWritable(file);
  const [first, second] = given;
  if (second !== undefined && path.resolve(first) === path.resolve(second)) {
    throw new UsageError(`"${first}" is named for two outputs. Name another file for one of them.`);
  }
}

/** Missing folders are made when the file is written. */
function checkWritable(file: string): void {
  if (file === '') throw new UsageError('"" is no file. Give the output a name.');
  if (existsSync(file) && statSync(file).isDirectory())
    throw new UsageError(`"${file}" is a folder. Name a file in it.`);
  refuseInput(file);
  checkFolder(path.dirname(file));
}

/** The same for a folder of outputs. Writes something into it, or into the one that it will be made in: rights alone do not tell, as in /proc. */
export function checkFolder(folder: string): void {
  let existing = path.resolve(folder);
  while (!existsSync(existing)) existing = path.dirname(existing);
  if (!statSync(existing).isDirectory())
    throw new UsageError(`"${existing}" is a file, so no folder can be there. Choose another path.`);
  try {
    rmdirSync(mkdtempSync(path.join(existing, '.facet-')));
  } catch (error) {
    const { message } = fileError('cannot write into', existing, error);
    throw new UsageError(message, { cause: error });
  }
}

/** Makes a folder and those above it that are missing. Node's own `recursive` never returns where none can be, as in /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  mkdirSync(folder);
}

/** Writes under a temporary name beside the file, then renames: a reader sees the old file or the whole new one. */
export function writeWhole(file: string, bytes: Uint8Array | string): string {
  refuseInput(file);
  return replaceWhole(file, bytes);
}

/** The same for a file that is read to be written anew. */
export function replaceWhole(file: string, bytes: Uint8Array | string): string {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    makeFolder(path.dirname(path.resolve(file)));
    writeFileSync(temporary, bytes);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw fileError('cannot write', file, error);
  }
  return file;
}

/** `out.png`, 48 -> `out-48.png`. */
export function withSuffix(file: string, suffix: string | number): string {
  const { dir, name, ext } = path.parse(file);
  return path.join(dir, `${name}-${suffix}${ext}`);
}
