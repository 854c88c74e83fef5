// command.ts: the `facet` command in a process of its own: what it prints, where, and with which exit code.

import { type ChildProcess, spawn } from 'node:child_process';
import * as assert from 'uvu/assert';

export interface Result {
  /** Null where a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly done: Promise<Result>;
}

/** `heard` is told all of standard error each time that there is more. */
export function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  heard?: (stderr: string, child: ChildProcess) => void,
): Started {
  const child = spawn(process.execPath, ['cli/facet.mjs', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => {
    stderr += text;
    heard?.(stderr, child);
  });
  const done = new Promise<Result>((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })));
  return { child, done };
}

export const facet = (...args: string[]): Promise<Result> => start(args).done;

/** Standard output of a run that must end well. */
export async function succeed(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await facet(...args);
  assert.is(status, 0, stderr);
  return stdout;
}

/** Runs with --json; standard output must be one object and nothing else, standard error nothing but progress of long work. */
export async function json(...args: string[]) {
  const { status, stdout, stderr } = await facet(...args, '--json');
  assert.is(status, 0, stderr);
  assert.match(stderr, /^(\S+ \d+\/\d+.*\n)*$/);
  assert.is(stdout.trimEnd().split('\n').length, 1, stdout);
  return JSON.parse(stdout);
}

/** A mistake: nothing on standard output, one line on standard error that names what is asked for here. */
export async function refuse(status: number, says: readonly RegExp[], ...args: string[]): Promise<void> {
  const result = await facet(...args);
  assert.is(result.status, status, result.stderr);
  assert.is(result.stdout, '');
  assert.match(result.stderr, /^facet: [^\n]+\n$/);
  for (const text of says) assert.match(result.stderr, text);
}
