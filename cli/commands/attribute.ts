// attribute.ts: `facet attribute MODEL --input F --method M --target K`: where in a picture the evidence for a class lies.

import { type Command, Option } from 'commander';
import {
  type Attribution,
  type Attributor,
  checkForward,
  CLIP_PERCENTILE,
  type ColorName,
  colorNames,
  drawAttribution,
  type Method,
  type MethodName,
  type Model,
  methods,
  parseUnit,
  type ScoreKind,
  scoreKinds,
  showUnit,
  sumAttribution,
  type SumKind,
  sums,
  toPixels,
  type View,
  views,
  unlessAborted,
} from '../../src/index.ts';
import { attributionJson, attributionText, type Found, type Target } from '../attributionReport.ts';
import { blameArguments, CommandError, Stopped, UsageError } from '../errors.ts';
import { checkOutputs, withSuffix, writeWhole } from '../files.ts';
import { concatRows, readInputs, type Row } from '../inputs.ts';
import { whileHeeded } from '../interrupt.ts';
import { methodFlags, methodHelp, readMethodOptions } from '../methodOptions.ts';
import { className, openModel } from '../model.ts';
import { encodeNpy } from '../npy.ts';
import { inputOptions, type ModelOptions, modelOptions, percentile, seedOption } from '../options.ts';
import { pictureName, writePicture } from '../pictures.ts';
import { report, withDevice } from '../session.ts';
import { givenClass, likeliestClass } from '../target.ts';
import { Progress } from '../terminal.ts';

interface AttributeOptions extends ModelOptions {
  readonly input: string[];
  readonly method: MethodName;
  readonly target?: string;
  readonly layer?: string;
  readonly of?: string;
  readonly score: ScoreKind;
  readonly sum?: SumKind;
  readonly output?: string;
  readonly raw?: string;
  readonly view: View;
  readonly clip: number;
  readonly colors?: ColorName;
}

export function addAttribute(program: Command): void {
  const command = modelOptions(inputOptions(program.command('attribute <model>')))
    .description('where in a picture the evidence for a class lies')
    .addOption(new Option('--method <name>', 'how it is found').choices(Object.keys(methods)).makeOptionMandatory())
    .option('--target <class>', 'number or label of the class that is explained; by default the likeliest')
    .option('--of <unit>', 'explain a unit in place of a class: layer:channel or layer:channel@x,y')
    .addOption(
      new Option('--score <kind>', 'explain the logit of the class or its probability')
        .choices(scoreKinds)
        .default('logit'),
    )
    .option(
      '--layer <name>',
      'attribute to the activations of this layer; by default to the input, and for CAM methods to the last layer with a spatial extent',
    )
    .addOption(
      new Option(
        '--sum <kind>',
        'sum the numbers to one a channel, or over the channels to one a place; the picture is not affected',
      ).choices(sums),
    )
    .option('--output <file>', 'the map as a picture; with several inputs FILE-0.png, FILE-1.png, …', pictureName)
    .addOption(
      new Option('--view <kind>', 'the map over the picture, the map alone, or picture, map and overlay side by side')
        .choices(views)
        .default('overlay'),
    )
    .option('--clip <percentile>', 'colours end at this percentile of the magnitudes', percentile, CLIP_PERCENTILE)
    .addOption(
      new Option(
        '--colors <name>',
        'by default red-blue where values have signs, else inferno; colours that are not diverging show magnitudes',
      ).choices(colorNames),
    )
    .option(
      '--raw <file>',
      'the numbers, .npy: [N,C,H,W] over the input, [N,1,h,w] at the size of the layer for CAM methods, [N,features] for features; of a layer, its own shape; with --sum channels [N,C], with --sum space [N,1,h,w]',
    );
  methodFlags(command)
    .addHelpText('after', ({ command }) => (command.getOptionValue('method') === undefined ? `\n${methodHelp()}` : ''))
    .action((argument, _, command) => attribute(argument, command.optsWithGlobals()));
  seedOption(command);
}

/** What the arguments name of a network: the unit or class that is explained, and the layer. */
function resolveNames(
  { of, target, layer, method, output }: AttributeOptions,
  model: Model,
  labels: readonly string[],
) {
  try {
    const layers = layer === undefined ? [] : [model.resolve(layer)];
    // CAM methods say themselves which layers they take.
    const drawn = output !== undefined && methods[method].family !== 'cam' ? layers : [];
    for (const name of drawn) {
      if (name === model.input.name || model.layer(name).shape.length === 3) continue;
      throw new UsageError(
        `the layer "${name}" has no extent in space to be drawn. Leave --output out; --raw has all.`,
      );
    }
    return {
      unit: of === undefined ? undefined : parseUnit(of, model),
      given: givenClass(target, labels, model),
      layers,
    };
  } catch (error) {
    return blameArguments(error);
  }
}

/** Throws where options do not go together, as far as they can be told without the network. */
function checkCombination({ layer, sum, of, target, method: name }: AttributeOptions, method: Method): void {
  if (layer !== undefined && !method.takesLayer) {
    throw new UsageError(`--layer means nothing to ${name}. Leave it out.`);
  }
  if (sum !== undefined && 'grid' in method.options) {
    throw new UsageError(`--sum means nothing to ${name}: its values are one a feature. Leave it out.`);
  }
  if (of !== undefined && target !== undefined) {
    throw new UsageError('--of explains a unit and --target a class. Give one of them.');
  }
}

async function attribute(argument: string, options: AttributeOptions): Promise<void> {
  const method: Method = methods[options.method];
  checkCombination(options, method);
  const { model, labels } = await openModel(argument, options);
  const settings = readMethodOptions(options.method, options as never, model);
  if (settings.channel !== undefined && options.target !== undefined) {
    throw new UsageError('--channel explains a channel and --target a class. Give one of them.');
  }
  const { unit, given, layers } = resolveNames(options, model, labels);
  // A method that begins with a channel explains that one in place of a class.
  const channel = settings.channel === undefined ? undefined : `${layers[0]}:${settings.channel}`;
  const explained = unit ? showUnit(unit) : channel;
  const rows = await readInputs(options.input, model, options.size);
  for (const { size } of rows) checkForward(model, [1, ...size, model.input.channels], layers);
  const isOneSize = rows.every(({ size }) => size.join() === rows[0].size.join());
  if (options.raw !== undefined && !isOneSize) {
    throw new CommandError('the inputs have different sizes, so their maps make no one array. Give --size HxW.');
  }
  checkOutputs(options.output, options.raw);

  const { results, adapter, stopped } = await withDevice(options, async (device) => {
    const { layer, score: scoreKind, seed } = options;
    const attributors = new Attributors((size) =>
      method.prepare({ device, model, size, unit, layer, scoreKind, seed }, settings),
    );
    const targetOf = async (row: Row, signal: AbortSignal): Promise<Target | undefined> => {
      if (explained) return undefined;
      const index = given ?? (await likeliestClass(device, model, row, signal));
      return { class: index, label: className(labels, index), chosen: given === undefined ? 'likeliest' : 'given' };
    };
    try {
      return { ...(await explainAll(rows, attributors, options.method, targetOf)), adapter: device.adapter.name };
    } finally {
      attributors.dispose();
    }
  });
  if (results.length === 0) throw new Stopped(`stopped ${stopped}. Nothing is written.`);

  const { sum } = options;
  const told = results.map(
    (result): Found =>
      sum === undefined ? result : { ...result, attribution: sumAttribution(result.attribution, sum) },
  );
  const files = [
    ...(await writePictures(results, rows.length, options)),
    ...(options.raw === undefined ? [] : [writeNumbers(told, options.raw)]),
  ];
  const described = told.map((result) => attributionJson(result, explained));
  const json = () => ({
    model: argument,
    adapter,
    seed: options.seed,
    method: options.method,
    options: settings,
    ...(described.length === 1 ? described[0] : {}),
    results: described,
    files,
  });
  const text = () =>
    [
      ...described.map((one) => attributionText(one, { method: options.method, adapter })),
      ...files.map((file) => `wrote ${file}`),
    ].join('\n');
  if (stopped !== undefined) throw new Stopped(`stopped ${stopped}: ${text().replaceAll('\n', '; ')}.`);
  report(options.json, json, text);
}

/** One picture after the other. `stopped` says where Ctrl-C came, unless everything was done by then. */
async function explainAll(
  rows: readonly Row[],
  attributors: Attributors,
  method: string,
  targetOf: (row: Row, signal: AbortSignal) => Promise<Target | undefined>,
): Promise<{ readonly results: readonly Found[]; readonly stopped?: string }> {
  const results: Found[] = [];
  const stopped = await whileHeeded(async (signal) => {
    for (const [k, row] of rows.entries()) {
      const title = rows.length > 1 ? `${method} ${k + 1}/${rows.length}` : method;
      let target: Target | undefined;
      try {
        target = await targetOf(row, signal);
      } catch (error) {
        if (error !== signal.reason) throw error;
        return `before ${title}`;
      }
      const { attribution, done, total } = await attributors
        .attribute(row, target?.class, title, signal)
        .catch(blameArguments);
      if (attribution) results.push({ row, target, attribution });
      if (!signal.aborted) continue;
      const state = !attribution ? 'and keeps nothing' : done < total ? 'and keeps its estimate so far' : '';
      if (state || k + 1 < rows.length)
        return [`in ${title}`, total > 0 ? `at ${done} of ${total}` : '', state].filter(Boolean).join(' ');
    }
    return undefined;
  });
  return { results, stopped };
}

/** The maps, each in a file of its own; `asked` pictures were given, and fewer are here after Ctrl-C. */
async function writePictures(
  results: readonly Found[],
  asked: number,
  { output, view, clip, colors }: AttributeOptions,
): Promise<string[]> {
  const files: string[] = [];
  if (output === undefined) return files;
  for (const [k, { row, attribution }] of results.entries()) {
    // At the size of the network's input.
    const picture = drawAttribution(toPixels(row.rgb(), [1, ...row.size, 3]), attribution, { view, clip, colors });
    files.push(await writePicture(asked > 1 ? withSuffix(output, k) : output, picture));
  }
  return files;
}

/** All maps as one array. */
function writeNumbers(results: readonly Found[], file: string): string {
  const data = concatRows(results.map(({ attribution }) => ({ data: attribution.values })));
  const [, ...shape] = results[0].attribution.shape;
  return writeWhole(file, encodeNpy({ shape: [results.length, ...shape], data }));
}

/** The programs of one attribution run: one for each size of input. */
class Attributors {
  private readonly bySize = new Map<string, Attributor>();

  constructor(private readonly prepare: (size: readonly [number, number]) => Promise<Attributor>) {}

  /** At the signal there is no attribution, or an estimate: then `done` of `total` steps went into it. */
  async attribute(
    { size, data }: Row,
    target: number | undefined,
    title: string,
    signal: AbortSignal,
  ): Promise<{ attribution?: Attribution; done: number; total: number }> {
    let bar: Progress | undefined;
    let [done, total] = [0, 0];
    try {
      const attributor =
        this.bySize.get(size.join()) ?? (await unlessAborted(this.prepare(size), signal, (late) => late.dispose()));
      this.bySize.set(size.join(), attributor);
      const attribution = await attributor.attribute({
        input: data,
        target,
        signal,
        progress: (...counts) => {
          [done, total] = counts;
          bar ??= new Progress(title, total);
          bar.update(done);
        },
      });
      return { attribution, done, total };
    } catch (error) {
      if (error !== signal.reason) throw error;
      return { done, total };
    } finally {
      bar?.stop();
    }
  }

  dispose(): void {
    for (const attributor of this.bySize.values()) attributor.dispose();
  }
}
