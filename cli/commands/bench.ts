// bench.ts: `facet bench`: this engine against its own kernels, naive first, and the limits of the device. The benchmark is a
// bundle of its own with an engine of its own, so that nothing of it is part of this one; other engines are compared by
// `npm run bench`.

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import type { Device, Tuning } from '../../src/index.ts';
import { CommandError, Stopped, UsageError } from '../errors.ts';
import { checkFolder, checkOutputs, writeWhole } from '../files.ts';
import { heedInterrupt } from '../interrupt.ts';
import { type ModelFile, openModel, readModel } from '../model.ts';
import type { GlobalOptions } from '../options.ts';
import { inProject, moduleInProject } from '../project.ts';
import { report } from '../session.ts';
import { Progress } from '../terminal.ts';
import { loadTuning } from '../tuning.ts';

interface BenchOptions extends GlobalOptions {
  readonly quick?: boolean;
  readonly only?: string;
  readonly json?: boolean;
  readonly output?: string;
}

/** Networks that are measured where none is named; a quick run takes the first. */
const SHIPPED = ['drawings', 'cifar10-twin-standard'];

/** What of the bundle is used here. */
interface BenchModule {
  bench(request: object): Promise<Found>;
  countWorks(request: object): number;
  readonly familyNames: readonly string[];
  markdownOf(found: Found): string;
  fileNameOf(adapter: string, parts: readonly string[], isQuick: boolean): string;
}

interface Found {
  readonly adapter: { readonly name: string };
  readonly stopped?: string;
  readonly works: readonly unknown[];
}

const AFTER = `
Each op runs with all its kernels, naive first, and in all forms that the passes can make of it; what programs take is bold.
A tuning kept by \`facet tune\` is used as by other commands. --output writes the table (.md) and the numbers (.json) to files
named after the adapter, and after the models, --only and --quick where they are given.

  facet bench --output bench/results
  facet bench net.onnx --only networks           a network of yours forward, its gradient, a visualization
  facet bench --only "pooling|softmax" --quick`;

export function addBench(program: Command): void {
  program
    .command('bench [models...]')
    .description('times ops and networks against their naive kernels and the limits of the device')
    .option('--quick', 'fewer rounds, fewer works, one network')
    .option('--only <text>', 'only works whose family or name contains the text, or one of TEXT|TEXT')
    .option('--output <folder>', 'also write the table and the numbers there')
    .option('--json', 'print one JSON object on standard output and nothing else there')
    .addHelpText('after', AFTER)
    .action((models: string[], _, command) => runBench(models, command.optsWithGlobals()));
}

async function runBench(named: readonly string[], options: BenchOptions): Promise<void> {
  const { quick = false, only, output } = options;
  const models = await openModels(named.length > 0 ? named : quick ? SHIPPED.slice(0, 1) : SHIPPED);
  if (output !== undefined) checkFolder(output);
  const bundle = await openBundle();
  const request = { models, isQuick: quick, only };
  if (bundle.countWorks(request) === 0) {
    throw new UsageError(
      `no work is called like --only "${only}". Leave it out, or give a part of a name; the families are ${bundle.familyNames.join(', ')}.`,
    );
  }
  const parts = [...named.map((name) => path.basename(name, '.onnx')), ...(only === undefined ? [] : [only])];
  const filesFor = (adapter: string): readonly string[] => {
    if (output === undefined) return [];
    const file = path.join(output, bundle.fileNameOf(adapter, parts.map(withoutSlashes), quick));
    return [file, file.replace(/\.json$/, '.md')];
  };
  const found = await time(bundle, request, options, commandOf(named, options), (adapter) =>
    checkOutputs(...filesFor(adapter)),
  );
  const table = bundle.markdownOf(found);
  const files = found.stopped === undefined ? filesFor(found.adapter.name) : [];
  const contents = [`${JSON.stringify(found, null, 1)}\n`, `${table}\n`];
  for (const [k, file] of files.entries()) writeWhole(file, contents[k]);
  if (found.works.length > 0) {
    report(
      options.json,
      () => ({ ...found, files }),
      () => [table, ...files.map((file) => `wrote ${file}`)].join('\n\n'),
    );
  }
  if (found.stopped === undefined) return;
  throw new Stopped(`stopped before the end, with ${found.stopped} finished. No file is written.`);
}

/** All of them before anything else: a name that is none should not be found out after minutes. */
async function openModels(names: readonly string[]): Promise<ModelFile[]> {
  const files: ModelFile[] = [];
  for (const name of names) {
    const file = await readModel(name);
    await openModel(name, {}, file);
    files.push(file);
  }
  return files;
}

async function openBundle(): Promise<BenchModule> {
  if (!existsSync(inProject('bench/main.ts')))
    throw new CommandError(
      'the folder "bench" of the project is absent. Get the whole project, or leave the benchmark.',
    );
  const { buildBench } = await import(moduleInProject('build.mjs'));
  await buildBench();
  return import(moduleInProject('dist/bench.mjs'));
}

async function time(
  bundle: BenchModule,
  request: object,
  { adapter, memory, quick, only }: BenchOptions,
  command: string,
  check: (adapter: string) => void,
): Promise<Found> {
  const signal = heedInterrupt();
  let bar: Progress | undefined;
  try {
    return await bundle.bench({
      ...request,
      isQuick: quick,
      only,
      adapter,
      memoryMiB: memory,
      command,
      signal,
      onOpen(device: Device): Tuning | undefined {
        check(device.adapter.name);
        return loadTuning(device);
      },
      onProgress(done: number, total: number, work: string) {
        bar ??= new Progress('bench', total);
        bar.update(done, work);
      },
    });
  } catch (error) {
    throw inOwnWords(error);
  } finally {
    bar?.stop();
  }
}

/** Errors that the bundle's own engine explains; their classes are others than those of this one. */
const EXPLAINED = new Set([
  'DeviceError',
  'DeviceLostError',
  'OutOfMemoryError',
  'ModelError',
  'UnknownPartError',
  'OpError',
]);

function inOwnWords(error: unknown): unknown {
  if (!(error instanceof Error) || !EXPLAINED.has(error.name)) return error;
  const same = new CommandError(error.message, { cause: error });
  same.stack = error.stack;
  return same;
}

const withoutSlashes = (text: string): string => text.replaceAll(/[/\\]/g, '-');

/** What to type to have the same again; where results go and how they are printed is no part of it. */
function commandOf(names: readonly string[], { adapter, memory, quick, only }: BenchOptions): string {
  const quoted = (text: string): string => (/^[\w,.=/-]+$/.test(text) ? text : JSON.stringify(text));
  return [
    'facet bench',
    ...names.map((name) => quoted(path.isAbsolute(name) ? path.basename(name) : name)),
    ...(quick ? ['--quick'] : []),
    ...(only === undefined ? [] : [`--only ${quoted(only)}`]),
    ...(adapter === 'auto' ? [] : [`--adapter ${adapter}`]),
    ...(memory === undefined ? [] : [`--memory ${memory}`]),
  ].join(' ');
}
