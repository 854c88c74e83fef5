// run.ts: `facet run MODEL --input F`: what a network says of pictures, and the activations of its layers.

import path from 'node:path';
import type { Command } from 'commander';
import {
  checkForward,
  type CompileOptions,
  type Device,
  largestOf,
  type Model,
  Runner,
  softmaxOf,
  type Tensor,
} from '../../src/index.ts';
import { CommandError, UsageError } from '../errors.ts';
import { checkFolder, writeWhole } from '../files.ts';
import { concatRows, groupBySize, readInputs, type Row } from '../inputs.ts';
import { className, describePreprocess, openModel } from '../model.ts';
import { encodeNpy } from '../npy.ts';
import { inputOptions, type ModelOptions, modelOptions, names, seedOption, weightsOption, whole } from '../options.ts';
import { report, withDevice } from '../session.ts';
import { duration, Progress, table } from '../terminal.ts';

interface RunOptions extends ModelOptions {
  readonly input: string[];
  readonly top: number;
  readonly layers: string[];
  readonly raw?: string;
  readonly weights: CompileOptions['weights'];
}

export function addRun(program: Command): void {
  const command = modelOptions(inputOptions(program.command('run <model>')))
    .description('the top classes of pictures; activations of layers as arrays')
    .option('--top <n>', 'how many classes to list', whole(1), 5)
    .option('--layers <names>', 'layers, separated by commas, that --raw writes besides the output', names, [])
    .option(
      '--raw <dir>',
      'write DIR/output.npy (logits) and DIR/LAYER.npy, float32, [N,C,H,W]; "/" in names becomes "_"',
    )
    .addOption(weightsOption())
    .action((argument, _, command) => run(argument, command.optsWithGlobals()));
  seedOption(command);
}

/** Pixels that go through the network at once, or fewer where memory is short: larger sets are cut into batches. */
const PIXELS_AT_ONCE = 2 ** 20;

async function run(argument: string, options: RunOptions): Promise<void> {
  if (options.layers.length > 0 && options.raw === undefined)
    throw new UsageError('--layers names what --raw writes. Add --raw DIR.');
  const { model, labels } = await openModel(argument, options);
  const rows = await readInputs(options.input, model, options.size);
  const groups = groupBySize(rows);
  for (const [{ size }] of groups) checkForward(model, [1, ...size, model.input.channels], options.layers);
  if (options.raw !== undefined) {
    if (groups.length > 1)
      throw new CommandError('the inputs have different sizes, so they make no one array. Give --size HxW.');
    checkFolder(options.raw);
  }
  const start = performance.now();
  const { results, adapter } = await withDevice(options, async (device) => {
    const progress = new Progress('run', rows.length);
    try {
      const results: { row: Row; tensors: ReadonlyMap<string, Tensor> }[] = [];
      for (const group of groups) {
        for await (const result of forward(device, model, group, options)) {
          results.push(result);
          progress.update(results.length);
        }
      }
      return { results, adapter: device.adapter.name };
    } finally {
      progress.stop();
    }
  });
  const millis = performance.now() - start;

  const inputs = rows.map((row) => {
    const { output } = Object.fromEntries(results.find((result) => result.row === row)!.tensors);
    return { file: row.source, size: row.size, top: topClasses(output, labels, options.top) };
  });
  const files =
    options.raw === undefined
      ? []
      : writeRaw(
          options.raw,
          results.map(({ tensors }) => tensors),
        );
  const json = () => ({
    model: argument,
    adapter,
    seed: options.seed,
    preprocess: model.preprocess,
    weights: options.weights,
    milliseconds: millis,
    inputs,
    ...(inputs.length === 1 ? { top: inputs[0].top } : {}),
    files,
  });
  const text = () =>
    [
      ...inputs.map(({ file, size, top }) => `${file} (${size.join('x')})\n${topTable(top)}`),
      ...files.map((file) => `wrote ${file}`),
      `${rows.length} ${rows.length === 1 ? 'picture' : 'pictures'} in ${duration(millis)} on ${adapter}; preprocess ${describePreprocess(model.preprocess)}`,
    ].join('\n');
  report(options.json, json, text);
}

/** Runs rows of one size in batches; yields them one by one, with the output and the layers, [1, …] each. */
async function* forward(device: Device, model: Model, rows: readonly Row[], { layers, weights }: RunOptions) {
  const [H, W] = rows[0].size;
  const wanted = Math.min(rows.length, Math.max(1, Math.floor(PIXELS_AT_ONCE / (H * W))));
  const runner = await Runner.create(device, model, [wanted, H, W, model.input.channels], layers, { weights });
  const { batch } = runner;
  try {
    for (let first = 0; first < rows.length; first += batch) {
      const part = rows.slice(first, first + batch);
      const { output, layers: activations } = await runner.run(concatRows(part));
      const tensors = [['output', output] as const, ...activations];
      for (const [i, row] of part.entries()) {
        yield { row, tensors: new Map(tensors.map(([name, tensor]) => [name, rowOf(tensor, i)])) };
      }
    }
  } finally {
    runner.dispose();
  }
}

function rowOf({ shape, data }: Tensor, index: number): Tensor {
  const size = data.length / shape[0];
  return { shape: [1, ...shape.slice(1)], data: data.slice(index * size, (index + 1) * size) };
}

interface TopClass {
  readonly class: number;
  readonly label: string;
  readonly probability: number;
  readonly logit: number;
}

/** The likeliest classes; none for a network whose output is no list of classes. */
function topClasses({ shape, data }: Tensor, labels: readonly string[], count: number): TopClass[] {
  if (shape.length !== 2) return [];
  const probabilities = softmaxOf(data);
  return largestOf(data, count).map((index) => ({
    class: index,
    label: className(labels, index),
    probability: probabilities[index],
    logit: data[index],
  }));
}

function topTable(top: readonly TopClass[]): string {
  if (top.length === 0) return '  (its output is no list of classes)';
  const rows = top.map(({ class: index, label, probability, logit }) => [
    `  ${(100 * probability).toFixed(2)} %`,
    logit.toFixed(4),
    String(index),
    label,
  ]);
  return table([['  probability', 'logit', 'class', 'label'], ...rows], [0, 1, 2]);
}

/** Writes each named array, the rows of all inputs in one. */
function writeRaw(folder: string, rows: readonly ReadonlyMap<string, Tensor>[]): string[] {
  return [...rows[0].keys()].map((name) => {
    const parts = rows.map((tensors) => tensors.get(name) as Tensor);
    const array = { shape: [rows.length, ...parts[0].shape.slice(1)], data: concatRows(parts) };
    return writeWhole(path.join(folder, `${name.replaceAll('/', '_')}.npy`), encodeNpy(array));
  });
}
