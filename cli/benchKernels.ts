// benchKernels.ts: `facet bench --kernels`: this engine against its own kernels, naive first, and the limits of the device.

import path from 'node:path';
import type { Device, Tuning } from '../src/index.ts';
import { commandOf, inOwnWords, openBundle } from './benchBundle.ts';
import { Stopped, UsageError } from './errors.ts';
import { checkFolder, checkOutputs, writeWhole } from './files.ts';
import { heedInterrupt } from './interrupt.ts';
import { type ModelFile, openModel, readModel } from './model.ts';
import type { GlobalOptions } from './options.ts';
import { report } from './session.ts';
import { Progress } from './terminal.ts';
import { loadTuning } from './tuning.ts';

export interface KernelsOptions extends GlobalOptions {
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

export async function benchKernels(named: readonly string[], options: KernelsOptions): Promise<void> {
  const { quick = false, only, output } = options;
  const models = await openModels(named.length > 0 ? named : quick ? SHIPPED.slice(0, 1) : SHIPPED);
  if (output !== undefined) checkFolder(output);
  const bundle = await openBundle<BenchModule>('bench/main.ts', 'dist/bench.mjs');
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
  const found = await time(bundle, request, options, kernelsCommand(named, options), (adapter) =>
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

async function time(
  bundle: BenchModule,
  request: object,
  { adapter, memory, quick, only }: KernelsOptions,
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

const withoutSlashes = (text: string): string => text.replaceAll(/[/\\]/g, '-');

function kernelsCommand(names: readonly string[], { adapter, memory, quick, only }: KernelsOptions): string {
  const models = names.map((name) => (path.isAbsolute(name) ? path.basename(name) : name));
  return commandOf(['--kernels', ...models], {
    quick,
    only,
    adapter: adapter === 'auto' ? undefined : adapter,
    memory,
  });
}
