// attribute.ts: `facet attribute MODEL --input F --method M --target K`: where in a picture the evidence for a class lies.

import { type Command, Option } from 'commander';
import {
  type Attribution,
  type Attributor,
  checkForward,
  type Device,
  findLabel,
  findMethod,
  largestOf,
  type MethodName,
  type Model,
  methods,
  overlayMap,
  resizeBilinear,
  Runner,
  toPixels,
} from '../../src/index.ts';
import { sumChannels } from '../../src/viz/render/maps.ts';
import { CommandError, UsageError } from '../errors.ts';
import { checkOutputs, withSuffix, writeWhole } from '../files.ts';
import { concatRows, readInputs, type Row } from '../inputs.ts';
import { className, openModel } from '../model.ts';
import { encodeNpy } from '../npy.ts';
import { inputOptions, type ModelOptions, modelOptions, onOff, seedOption } from '../options.ts';
import { pictureName, writePicture } from '../pictures.ts';
import { report, withDevice } from '../session.ts';
import { duration, Progress } from '../terminal.ts';

interface AttributeOptions extends ModelOptions {
  readonly input: string[];
  readonly method: MethodName;
  readonly target?: string;
  readonly layer?: string;
  readonly relu?: boolean;
  readonly abs?: boolean;
  readonly output?: string;
  readonly raw?: string;
}

export function addAttribute(program: Command): void {
  const listed = Object.entries(methods).map(([name, { description }]) => `  ${name.padEnd(12)}${description}`);
  const command = modelOptions(inputOptions(program.command('attribute <model>')))
    .description('where in a picture the evidence for a class lies')
    .addOption(new Option('--method <name>', 'how it is found').choices(Object.keys(methods)).makeOptionMandatory())
    .option('--target <class>', 'number or label of the class that is explained; by default the likeliest')
    .option(
      '--layer <name>',
      'layer whose activations are explained (grad-cam; by default the last one with an extent)',
    )
    .addOption(onOff('--relu', 'keep only what speaks for the class (grad-cam; by default on)'))
    .option('--abs', 'magnitudes in place of signed numbers (gradient)')
    .option(
      '--output <file>',
      'heat map laid over the picture; with several inputs FILE-0.png, FILE-1.png, …',
      pictureName,
    )
    .option('--raw <file>', 'the numbers, .npy: gradient [N,C,H,W]; grad-cam [N,1,h,w] at the size of the layer')
    .addHelpText('after', `\nMethods:\n${listed.join('\n')}`)
    .action((argument, _, command) => attribute(argument, command.optsWithGlobals()));
  seedOption(command);
}

interface Target {
  readonly class: number;
  readonly label: string;
  readonly chosen: 'given' | 'likeliest';
}

async function attribute(argument: string, options: AttributeOptions): Promise<void> {
  const method = findMethod(options.method);
  for (const name of ['layer', 'relu', 'abs'] as const) {
    if (options[name] !== undefined && !method.options.includes(name)) {
      throw new UsageError(`--${name} means nothing to ${options.method}. Leave it out.`);
    }
  }
  const { model, labels } = await openModel(argument, options);
  const given = options.target === undefined ? undefined : findLabel(labels, options.target, model.classes);
  const rows = await readInputs(options.input, model, options.size);
  const layers = options.layer === undefined ? [] : [options.layer];
  for (const { size } of rows) checkForward(model, [1, ...size, model.input.channels], layers);
  const isOneSize = rows.every(({ size }) => size.join() === rows[0].size.join());
  if (options.raw !== undefined && !isOneSize) {
    throw new CommandError('the inputs have different sizes, so their maps make no one array. Give --size HxW.');
  }
  checkOutputs(options.output, options.raw);

  const { results, adapter } = await withDevice(options, async (device) => {
    const progress = new Progress(options.method, rows.length);
    const bench = new Bench(device, model, options);
    try {
      const results: { row: Row; target: Target; attribution: Attribution }[] = [];
      for (const row of rows) {
        const index = given ?? (await bench.likeliest(row));
        const target: Target = {
          class: index,
          label: className(labels, index),
          chosen: given === undefined ? 'likeliest' : 'given',
        };
        results.push({ row, target, attribution: await bench.attribute(row, index) });
        progress.update(results.length);
      }
      return { results, adapter: device.adapter.name };
    } finally {
      progress.stop();
      bench.dispose();
    }
  });

  const files: string[] = [];
  const { output, raw } = options;
  if (output !== undefined) {
    for (const [k, { row, attribution }] of results.entries()) {
      const file = results.length > 1 ? withSuffix(output, k) : output;
      files.push(await writePicture(file, draw(row, attribution, options)));
    }
  }
  if (raw !== undefined) {
    const data = concatRows(results.map(({ attribution }) => ({ data: attribution.values })));
    const [, ...shape] = results[0].attribution.shape;
    files.push(writeWhole(raw, encodeNpy({ shape: [results.length, ...shape], data })));
  }

  const described = results.map(({ row, target, attribution }) => ({
    input: row.source,
    target,
    ...(attribution.layer === undefined ? {} : { layer: attribution.layer }),
    value: attribution.score,
    ...(attribution.delta === undefined ? {} : { delta: attribution.delta }),
    evaluations: attribution.evaluations,
    milliseconds: attribution.millis,
    shape: attribution.shape,
  }));
  const json = () => ({
    model: argument,
    adapter,
    seed: options.seed,
    method: options.method,
    ...(described.length === 1 ? described[0] : {}),
    results: described,
    files,
  });
  const text = () =>
    [
      ...described.map(({ input, target, layer, value, delta, evaluations, milliseconds }) =>
        [
          `${input}: ${options.method} of ${target.label} (${target.class}, ${target.chosen})`,
          layer === undefined ? '' : ` at ${layer}`,
          `: value ${value.toFixed(4)}`,
          delta === undefined ? '' : `, delta ${delta.toExponential(2)}`,
          `, ${evaluations} ${evaluations === 1 ? 'evaluation' : 'evaluations'}, ${duration(milliseconds)} on ${adapter}`,
        ].join(''),
      ),
      ...files.map((file) => `wrote ${file}`),
    ].join('\n');
  report(options.json, json, text);
}

/** The programs of one attribution run: one for each size of input. */
class Bench {
  private readonly runners = new Map<string, Runner>();
  private readonly attributors = new Map<string, Attributor>();

  constructor(
    private readonly device: Device,
    private readonly model: Model,
    private readonly options: AttributeOptions,
  ) {}

  private shapeOf({ size }: Row): number[] {
    return [1, ...size, this.model.input.channels];
  }

  async likeliest(row: Row): Promise<number> {
    const shape = this.shapeOf(row);
    const runner = this.runners.get(shape.join()) ?? (await Runner.create(this.device, this.model, shape));
    this.runners.set(shape.join(), runner);
    const { output } = await runner.run(row.data);
    return largestOf(output.data, 1)[0];
  }

  async attribute(row: Row, target: number): Promise<Attribution> {
    const { method, layer, relu, abs } = this.options;
    const inputShape = this.shapeOf(row);
    const key = inputShape.join();
    const attributor =
      this.attributors.get(key) ?? (await findMethod(method).prepare(this.device, this.model, inputShape, layer));
    this.attributors.set(key, attributor);
    return attributor.attribute({ input: row.data, inputShape, target, layer, relu, abs });
  }

  dispose(): void {
    for (const program of [...this.runners.values(), ...this.attributors.values()]) program.dispose();
  }
}

/** The map over the picture, at the size of the network's input. */
function draw(row: Row, { values, shape, layer }: Attribution, { abs, relu = true }: AttributeOptions) {
  const [H, W] = row.size;
  const small = sumChannels(values, shape);
  const map = resizeBilinear(small, [shape[2], shape[3]], [H, W]);
  const isSigned = layer === undefined ? !abs : !relu;
  return overlayMap(toPixels(row.rgb(), [1, H, W, 3]), map, isSigned ? 'diverging' : 'sequential');
}
