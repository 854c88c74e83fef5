// bench.ts: `facet bench`: this engine against its own naive kernels and the limits of the device. The benchmark is a bundle
// of its own, so that nothing of it is part of this command; other engines are compared by `npm run bench`.

import { spawn } from 'node:child_process';
import path from 'node:path';
import type { Command } from 'commander';
import { CommandError } from '../errors.ts';
import type { GlobalOptions } from '../options.ts';
import { inProject, moduleInProject } from '../project.ts';

interface BenchOptions extends GlobalOptions {
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly output?: string;
}

export function addBench(program: Command): void {
  program
    .command('bench [models...]')
    .description(
      'times ops and networks against naive kernels and the limits of the device; `npm run bench` in the project compares ' +
        'with other engines',
    )
    .option('--quick', 'fewer rounds, one network')
    .option('--output <folder>', 'also write the numbers there, to a file named after the adapter and the models given')
    .option('--json', 'print one JSON object on standard output and nothing else there')
    .action((models: string[], _, command) => bench(models, command.optsWithGlobals()));
}

async function bench(models: readonly string[], { adapter, quick, json, output }: BenchOptions): Promise<void> {
  const { buildBench } = await import(moduleInProject('build.mjs'));
  await buildBench();
  const args = [
    inProject('dist/bench.mjs'),
    `--adapter=${adapter}`,
    ...(quick ? ['--quick'] : []),
    ...(json ? ['--json'] : []),
    ...(output === undefined ? [] : [`--output=${path.resolve(output)}`]),
    '--',
    ...models,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  process.once('exit', () => child.kill()); // it does not go on alone
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new CommandError(`the benchmark ended with ${code === null ? 'a signal' : `code ${code}`}.`);
}
