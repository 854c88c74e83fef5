// sanity.ts: `facet sanity MODEL --input F --method M`: does the map change when the network's weights are randomized?

import { type Command, Option } from 'commander';
import {
  checkForward,
  type Context,
  drawAttribution,
  type Method,
  type MethodName,
  methods,
  type SanityMode,
  type SanityRow,
  sanityCheck,
  sanityModes,
  sideBySide,
  toPixels,
} from '../../src/index.ts';
import { blameArguments, Stopped, UsageError } from '../errors.ts';
import { checkOutputs, writeWhole } from '../files.ts';
import { concatRows, readInputs } from '../inputs.ts';
import { whileHeeded } from '../interrupt.ts';
import { methodFlags, readMethodOptions } from '../methodOptions.ts';
import { className, openModel } from '../model.ts';
import { encodeNpy } from '../npy.ts';
import { inputOptions, type ModelOptions, modelOptions, seedOption, whole } from '../options.ts';
import { pictureName, writePicture } from '../pictures.ts';
import { report, withDevice } from '../session.ts';
import { givenClass, likeliestClass } from '../target.ts';
import { Progress } from '../terminal.ts';

interface SanityCommandOptions extends ModelOptions {
  readonly input: string[];
  readonly method: MethodName;
  readonly mode: SanityMode;
  readonly blocks: number;
  readonly target?: string;
  readonly layer?: string;
  readonly output?: string;
  readonly raw?: string;
}

export function addSanity(program: Command): void {
  const command = modelOptions(inputOptions(program.command('sanity <model>')))
    .description(
      'does the map change when the weights of the network are randomized, layer by layer from the output down',
    )
    .addOption(new Option('--method <name>', 'how maps are made').choices(Object.keys(methods)).makeOptionMandatory())
    .addOption(
      new Option('--mode <mode>', 'randomize all layers so far, or those of one step alone')
        .choices(sanityModes)
        .default('cascading'),
    )
    .option(
      '--blocks <n>',
      'at most so many steps, each with an equal share of the layers; 0 for a step a layer',
      whole(0),
      12,
    )
    .option('--target <class>', 'number or label of the class that is explained; by default the likeliest')
    .option('--layer <name>', 'attribute to the activations of this layer')
    .option(
      '--output <file>',
      'the maps over the picture, side by side, that of the unchanged network first',
      pictureName,
    )
    .option('--raw <file>', 'the maps as numbers, .npy: one a step, as `facet attribute --raw` writes them');
  methodFlags(command).action((argument, _, command) => sanity(argument, command.optsWithGlobals()));
  seedOption(command);
}

async function sanity(argument: string, options: SanityCommandOptions): Promise<void> {
  const { mode, blocks, layer, output, raw, seed } = options;
  const method: Method = methods[options.method];
  if (layer !== undefined && !method.takesLayer) {
    throw new UsageError(`--layer means nothing to ${options.method}. Leave it out.`);
  }
  const { model, labels } = await openModel(argument, options);
  const settings = readMethodOptions(options.method, options as never, model);
  const given = givenClass(options.target, labels, model);
  const [row, ...others] = await readInputs(options.input, model, options.size);
  if (others.length > 0) throw new UsageError('the maps of one picture are compared. Give one --input with one row.');
  const { size, data: input } = row;
  const shape = [1, ...size, model.input.channels];
  checkForward(model, shape, layer === undefined ? [] : [layer]);
  checkOutputs(output, raw);

  const rows: SanityRow[] = [];
  const { isStopped, target, adapter } = await withDevice(options, async (device) => {
    const target = given ?? (await likeliestClass(device, model, row));
    const context: Context = { device, model, size, layer, seed };
    const settled = { mode, steps: blocks, method: settings, onRow: (each: SanityRow) => void rows.push(each) };
    let bar: Progress | undefined;
    const progress = (done: number, total: number): void => {
      bar ??= new Progress(options.method, total);
      bar.update(done);
    };
    try {
      const isStopped = await whileHeeded(async (signal) => {
        try {
          await sanityCheck(context, method, { input, target, progress, signal }, settled);
          return false;
        } catch (error) {
          if (error !== signal.reason) blameArguments(error);
          return true;
        }
      });
      return { isStopped, target, adapter: device.adapter.name };
    } finally {
      bar?.stop();
    }
  });
  // The first map alone is compared to none.
  if (isStopped && rows.length < 2) throw new Stopped('stopped before the first comparison. Nothing is written.');

  const files: string[] = [];
  if (output !== undefined) {
    const picture = toPixels(row.rgb(), [1, ...size, 3]);
    const maps = rows.map(({ attribution }) => drawAttribution(picture, attribution));
    files.push(await writePicture(output, sideBySide([picture, ...maps], Math.ceil(size[1] / 32))));
  }
  if (raw !== undefined) {
    const data = concatRows(rows.map(({ attribution }) => ({ data: attribution.values })));
    const [, ...rest] = rows[0].attribution.shape;
    files.push(writeWhole(raw, encodeNpy({ shape: [rows.length, ...rest], data })));
  }
  const label = className(labels, target);
  const json = () => ({
    model: argument,
    adapter,
    seed,
    input: row.source,
    method: options.method,
    options: settings,
    mode,
    target: { class: target, label },
    // A similarity that does not exist (of a constant map) is null.
    rows: rows.map(({ attribution, ...measured }) => measured),
    files,
  });
  const text = () =>
    [
      `${row.source}: ${options.method} of ${label} (${target}), ${mode}, seed ${seed}, on ${adapter}`,
      ...table(rows),
      ...files.map((file) => `wrote ${file}`),
    ].join('\n');
  report(options.json, json, text);
  if (isStopped) {
    throw new Stopped(
      `stopped after step ${rows.length - 1}; what was finished is ${files.length > 0 ? 'written' : 'shown'}.`,
    );
  }
}

const number = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(3)).padStart(12);

function table(rows: readonly SanityRow[]): string[] {
  const heads = ['spearman', '|spearman|', 'ssim', 'hog'].map((head) => head.padStart(12)).join('');
  return [
    `step${heads}  layers randomized`,
    ...rows.map(({ step, spearman, absSpearman, ssim, hog, layers }) =>
      [
        String(step).padStart(4),
        ...[spearman, absSpearman, ssim, hog].map(number),
        `  ${layers.length > 0 ? layers.join(', ') : 'none'}`,
      ].join(''),
    ),
  ];
}
