// errors.ts: what went wrong, as the one line that a user reads and the exit code that a script reads.

import { CommanderError } from 'commander';
import { DeviceError, ModelError, ObjectiveError, OpError, UnknownPartError } from '../src/index.ts';

/** The arguments are wrong: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The arguments are right, and it failed: exit code 1. The message names the thing and the remedy. */
export class CommandError extends Error {
  override name = 'CommandError';
}

/** Ctrl-C, after what was finished has been written. */
export class Stopped extends CommandError {
  override name = 'Stopped';
}

/** For a `catch`: what an argument asks of a network that cannot give it is a wrong argument. */
export function blameArguments(error: unknown): never {
  throw error instanceof ModelError ? new UsageError(error.message, { cause: error }) : error;
}

const EXPLAINED = [UsageError, CommandError, ModelError, ObjectiveError, OpError, DeviceError];

const MISTAKES = [UsageError, ObjectiveError, UnknownPartError, CommanderError];

export const exitCodeOf = (error: unknown): number => (MISTAKES.some((kind) => error instanceof kind) ? 2 : 1);

/** The sentence for a user, on one line. What no part of Facet explains says that it is unexpected. */
export function sentenceOf(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  const line = message.replace(/\s*\n\s*/g, ' ').trim();
  if (error instanceof CommanderError) return fromCommander(line);
  if (EXPLAINED.some((kind) => error instanceof kind)) return line;
  return `unexpected: ${line} (--verbose shows where)`;
}

/** `error: unknown option '--foo' (Did you mean --bar?)` in the manner of the rest. */
function fromCommander(message: string): string {
  const text = message.replace(/^error: /, '').replace(/\.?$/, '.');
  return `${text} \`facet COMMAND --help\` lists what a command takes.`;
}

/** What the system says of a file, in words. */
export function fileError(what: string, file: string, error: unknown): CommandError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such file',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of the path is no folder',
    EACCES: 'permission is denied',
    EPERM: 'permission is denied',
    EROFS: 'the disk is read-only',
    ENOSPC: 'the disk is full',
  };
  return new CommandError(`${what} "${file}": ${reasons[code ?? ''] ?? message}. Check the path.`);
}
