// bench.ts: `facet bench`: which of the two benchmarks is asked for, and what each takes.

import type { Command } from 'commander';
import { benchKernels, type KernelsOptions } from '../benchKernels.ts';
import { benchPeers, type PeersOptions } from '../benchPeers.ts';
import { UsageError } from '../errors.ts';
import { names, positive, whole } from '../options.ts';

type BenchOptions = PeersOptions & KernelsOptions & { readonly kernels?: boolean };

const AFTER = `
The peers are TensorFlow.js (tfjs), jax-js (jax) and onnxruntime-web (ort), with WebGPU in one page of a headless Chromium, on the
same adapter, in turns; a result that is wrong is not timed. They are installed in bench/node_modules the first time (220 MB). --output
keeps the numbers (.json), the table (.md) and a picture of it (.png) in files named after the adapter, after each work; works that
are left out keep the numbers that lie there, marked as of an earlier run.

With --kernels each op runs with all its kernels, naive first, and in all forms that the passes can make of it; what programs take is
bold. A tuning kept by \`facet tune\` is used as by other commands. --output writes the table (.md) and the numbers (.json) to files
named after the adapter, and after the models, --only and --quick where they are given.

  facet bench --output bench/results             everything beside all peers
  facet bench --quick --only "matmul|conv" --peers jax
  facet bench --kernels --output bench/results
  facet bench --kernels net.onnx --only networks   a network of yours forward, its gradient, a visualization
  facet bench --kernels --only "pooling|softmax" --quick`;

/** Options of the comparison with peers alone, by the names commander gives their values. */
const OF_PEERS = ['peers', 'sizes', 'rounds', 'seconds', 'patience', 'first'] as const;

/** `256,512`: sides of matrices, each once. */
function sides(text: string): number[] {
  const list = text.split(',').map((part) => whole(1, 8192)(part.trim()));
  return [...new Set(list)];
}

export function addBench(program: Command): void {
  program
    .command('bench [models...]')
    .description('times this engine beside its peers, or with --kernels its kernels against naive ones')
    .option(
      '--kernels',
      "this engine's own kernels and those of networks [models] in place of peers, and the limits of the device",
    )
    .option('--quick', 'fewer rounds, fewer works, nothing that takes minutes')
    .option(
      '--only <text>',
      'only works whose name (with --kernels also family) contains the text, or one of TEXT|TEXT',
    )
    .option('--peers <names>', 'of tfjs, jax, ort, separated by commas; by default all of them; or none', names)
    .option('--sizes <sizes>', 'of the matrices; by default 256,512,1024,2048', sides)
    .option('--rounds <n>', 'by default 7', whole(1, 1000))
    .option(
      '--seconds <n>',
      'for the rounds of one engine at one work, by default 30: a slow one gets fewer rounds',
      positive,
    )
    .option('--patience <n>', 'seconds after which a call counts as hanging, by default 240', positive)
    .option('--no-first', 'without the time from page load to the first result')
    .option('--output <folder>', 'also write the table and the numbers there')
    .option('--json', 'print one JSON object on standard output and nothing else there')
    .addHelpText('after', AFTER)
    .action((models: string[], _, command: Command) => {
      const options: BenchOptions = command.optsWithGlobals();
      if (!options.kernels) {
        if (models.length === 0) return benchPeers(options);
        throw new UsageError(
          `"${models[0]}": a MODEL goes with --kernels; beside peers the works are always the same.`,
        );
      }
      const given = OF_PEERS.find((name) => command.getOptionValueSource(name) === 'cli');
      if (given === undefined) return benchKernels(models, options);
      const flag = given === 'first' ? '--no-first' : `--${given}`;
      throw new UsageError(
        `${flag} is for the comparison with peers, and --kernels runs without them. Leave one of them out.`,
      );
    });
}
