// benchBundle.ts: the benchmarks are bundles of their own, each with an engine of its own, so that nothing of them is part of this
// one: how they are built, opened, and heard.

import { existsSync } from 'node:fs';
import { CommandError, fileError } from './errors.ts';
import { inProject, moduleInProject } from './project.ts';

/** Builds the benchmarks and opens one of them: `source` is a file of the project that only it has. */
export async function openBundle<Module>(source: string, bundle: string): Promise<Module> {
  if (!existsSync(inProject(source))) {
    throw new CommandError(
      `the benchmark is not part of this installation: "${source}" is absent. Get the whole project, and run \`npm ci\` in it.`,
    );
  }
  try {
    const { buildBench } = await import(moduleInProject('build.mjs'));
    await buildBench();
    return await import(moduleInProject(bundle));
  } catch (error) {
    throw inOwnWords(error);
  }
}

/** Errors that a benchmark explains; their classes are others than those of this bundle. */
const EXPLAINED = new Set([
  'BenchError',
  'DeviceError',
  'DeviceLostError',
  'OutOfMemoryError',
  'ModelError',
  'UnknownPartError',
  'OpError',
]);

/** What the system may refuse in a project that was installed for others to use. */
const REFUSED = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC']);

export function inOwnWords(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CommandError) return error;
  const { code, path: file, message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_MODULE_NOT_FOUND') {
    const [, what = 'a file'] = /^Cannot find ((?:package|module) '[^']+')/.exec(message) ?? [];
    return new CommandError(`the benchmark needs the ${what}, which is not installed. Run \`npm ci\` in the project.`, {
      cause: error,
    });
  }
  if (code !== undefined && REFUSED.has(code)) {
    return fileError('the benchmark is built in the project and cannot write', file ?? inProject('dist'), error);
  }
  // esbuild's errors name the file and the line.
  if ('errors' in error) {
    return new CommandError(`the benchmark cannot be built: ${message}. Get the project anew.`, { cause: error });
  }
  if (!EXPLAINED.has(error.name)) return error;
  const same = new CommandError(message, { cause: error });
  same.stack = error.stack;
  return same;
}

/** What to type to have the same again: arguments, then options with their values. Where results go is no part of it. */
export function commandOf(
  args: readonly string[],
  options: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const quoted = (text: string): string => (/^[\w,.=/-]+$/.test(text) ? text : JSON.stringify(text));
  const given = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}`, quoted(String(value))];
  });
  return ['facet bench', ...args.map(quoted), ...given].join(' ');
}
