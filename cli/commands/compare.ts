// compare.ts: `facet compare MODEL --input F`: attribution methods measured on one picture, as a table: how faithful, how dear.

import { type Command, Option } from 'commander';
import {
  type Attributor,
  type AttributionRequest,
  checkForward,
  type Context,
  findMethod,
  findMetric,
  type Model,
  metrics,
  methods,
  parseUnit,
  PictureScorer,
  randomAttribution,
  type ScoreKind,
  scoreKinds,
  showUnit,
  valueKindOf,
  unlessAborted,
} from '../../src/index.ts';
import { drawFigure } from '../compareFigure.ts';
import { distinctSpecs, readSpec, type Spec } from '../compareSpecs.ts';
import { type Column, csvOf, type Line, MILLISECONDS, shownAt, sortLines, tableOf } from '../compareTable.ts';
import { blameArguments, Stopped, UsageError } from '../errors.ts';
import { checkOutputs, writeWhole } from '../files.ts';
import { readInputs } from '../inputs.ts';
import { whileHeeded } from '../interrupt.ts';
import { className, openModel } from '../model.ts';
import { csvName, inputOptions, type ModelOptions, modelOptions, names, seedOption } from '../options.ts';
import { pictureName } from '../pictures.ts';
import { report, withDevice } from '../session.ts';
import { givenClass, likeliestClass } from '../target.ts';
import { Progress } from '../terminal.ts';

/** A few runs of the network each. */
const CHEAP = [
  'gradient',
  'input-x-gradient',
  'integrated-gradients',
  'smoothgrad',
  'guided-backprop',
  'deeplift',
  'lrp',
  'grad-cam',
  'layer-cam',
  'occlusion',
];
const USUAL = ['insertion', 'deletion', 'road', 'drop', 'infidelity'];
/** The control: a map that knows nothing. */
const RANDOM = 'random';
/** Pictures that a metric asks for at once, about. */
const PICTURES = 33;
/** What their program may take of the memory: the methods come after it. */
const SCORER_SHARE = 0.5;

interface CompareOptions extends ModelOptions {
  readonly input: string[];
  readonly methods: string[];
  readonly metrics: string[];
  readonly target?: string;
  readonly of?: string;
  readonly score: ScoreKind;
  readonly layer?: string;
  readonly sort?: string;
  readonly output?: string;
  readonly figure?: string;
}

export function addCompare(program: Command): void {
  const command = modelOptions(inputOptions(program.command('compare <model>')))
    .description(
      'how faithful the maps of attribution methods are, and what they cost; a map of random numbers beside them as a control',
    )
    .option(
      '--methods <names>',
      'methods, each with options if need be, named as the flags of `facet attribute` (--method NAME --help lists them): integrated-gradients:steps=20,grad-cam:layer=conv5; ' +
        `or all-fast: ${CHEAP.join(', ')}`,
      names,
      ['all-fast'],
    )
    .option(
      '--metrics <names>',
      `of ${Object.keys(metrics).join(', ')}, each with options if need be: insertion:baseline=mean:steps=16; or all`,
      names,
      USUAL,
    )
    .option('--target <class>', 'number or label of the class that is explained; by default the likeliest')
    .option('--of <unit>', 'explain a unit in place of a class: layer:channel or layer:channel@x,y')
    .addOption(
      new Option('--score <kind>', 'explain the logit of the class or its probability')
        .choices(scoreKinds)
        .default('logit'),
    )
    .option('--layer <name>', 'attribute to the activations of this layer, with every method that can')
    .option(
      '--sort <name>',
      'metric by which the table is sorted, best first, or milliseconds; by default the first metric',
    )
    .option('--output <file.csv>', 'the table, as .csv', csvName)
    .option('--figure <file>', 'the picture and all maps side by side, in the order of the table', pictureName)
    .addHelpText(
      'after',
      () =>
        `\nOptions of metrics:\n${Object.entries(metrics)
          .map(([name, { options }]) => `  ${name}: ${Object.keys(options).join(', ')}`)
          .join(
            '\n',
          )}\nThe time of a method is that of one map; compilation and the first use of its kernels come before.`,
    )
    .action((argument, _, command) => compare(argument, command.optsWithGlobals()));
  seedOption(command);
}

/** What is asked, once its names are known to exist. */
function readLists({ methods: given, metrics: asked, score, sort, layer }: CompareOptions) {
  // Of a probability there is no LRP.
  const cheap = CHEAP.filter((name) => score === 'logit' || name !== 'lrp');
  const chosen = distinctSpecs(given.flatMap((name) => (name === 'all-fast' ? cheap : [name])));
  const measured = distinctSpecs(asked.flatMap((name) => (name === 'all' ? Object.keys(metrics) : [name])));
  for (const { name } of chosen) if (!Object.hasOwn(methods, name)) throw usage(() => findMethod(name));
  for (const { name } of measured) if (!Object.hasOwn(metrics, name)) throw usage(() => findMetric(name));
  for (const { name, text, texts } of chosen) {
    if (texts.layer === undefined || findMethod(name).takesLayer) continue;
    throw new UsageError(`"${text}": layer means nothing to ${name}. Leave it out.`);
  }
  if (layer !== undefined && !chosen.some(({ name }) => findMethod(name).takesLayer)) {
    throw new UsageError(`--layer means nothing to ${chosen.map(({ name }) => name).join(', ')}. Leave it out.`);
  }
  const columns = [...measured.map(({ text }) => text), MILLISECONDS];
  const by =
    columns.find((column) => column === (sort ?? columns[0])) ?? measured.find(({ name }) => name === sort)?.text;
  if (by === undefined) throw new UsageError(`--sort ${sort} is none of the columns: ${columns.join(', ')}.`);
  return { chosen, measured, sort: by };
}

const DONE = new Error('warmed up');

/**
 * Works until the first sign of progress: then kernels have been used once, which takes a driver longer than later uses.
 * A method of one step does its whole work, a long one a part of it.
 */
async function warmUp(attributor: Attributor, request: AttributionRequest): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(request.signal ? [request.signal] : [])]);
  try {
    await attributor.attribute({ ...request, signal, progress: () => stop.abort(DONE) });
  } catch (error) {
    if (error !== DONE) throw error;
  }
}

/** A method as it was asked for. */
interface Asked {
  /** As the user wrote it. */
  readonly method: string;
  readonly name: string;
  readonly layer?: string;
  readonly options: Readonly<Record<string, unknown>>;
}

function readMethod(spec: Spec, layerOfAll: string | undefined, model: Model): Asked {
  const { layer: own, ...texts } = spec.texts;
  const method = findMethod(spec.name);
  const layer = own ?? (method.takesLayer ? layerOfAll : undefined);
  return { method: spec.text, name: spec.name, layer, options: readSpec({ ...spec, texts }, method.options, model) };
}

function readColumn(spec: Spec, model: Model): Column {
  const metric = findMetric(spec.name);
  return { ...spec, metric, options: readSpec(spec, metric.options, model) };
}

/** What all methods explain: the class, or the unit of the context, in one picture. */
interface Question {
  readonly context: Context;
  readonly scorer: PictureScorer;
  readonly input: Float32Array;
  readonly target?: number;
}

/** Makes the map of one method and measures it. */
async function measure(
  { method, name, layer, options }: Asked,
  columns: readonly Column[],
  { context, scorer, input, target }: Question,
  signal: AbortSignal,
): Promise<Line> {
  const prepared = name === RANDOM ? undefined : findMethod(name).prepare({ ...context, layer }, options);
  const attributor = prepared && (await unlessAborted(prepared, signal, (late) => late.dispose()));
  try {
    const request = { input, target, signal };
    if (attributor) await warmUp(attributor, request);
    const attribution = attributor ? await attributor.attribute(request) : randomAttribution(context, target);
    signal.throwIfAborted(); // methods that estimate end early without a word
    const kind = attribution.layer === undefined ? valueKindOf(name, options) : 'contributions';
    const explained = { context, input, target, attribution, kind, attributor };
    const values: Record<string, number> = {};
    for (const { text, name, metric, options } of columns) {
      if (name === 'sensitivity' && !attributor) continue; // the control is not made from the picture
      values[text] = (await metric.measure(scorer, explained, options, { signal })).value;
    }
    const { millis: milliseconds, evaluations } = attribution;
    return { method, options, layer: attribution.layer, values, milliseconds, evaluations, attribution };
  } finally {
    attributor?.dispose();
  }
}

/** Measures one method after the other; Ctrl-C keeps those that are finished. */
async function measureAll(
  all: readonly Asked[],
  columns: readonly Column[],
  question: Question,
): Promise<{ readonly lines: readonly Line[]; readonly isStopped: boolean }> {
  const bar = new Progress('compare', all.length);
  const lines: Line[] = [];
  try {
    const isStopped = await whileHeeded(async (signal) => {
      for (const [k, asked] of all.entries()) {
        bar.update(k, asked.method);
        try {
          lines.push(await measure(asked, columns, question, signal));
        } catch (error) {
          if (error !== signal.reason) blameArguments(error);
          return true;
        }
      }
      return false;
    });
    return { lines, isStopped };
  } finally {
    bar.stop();
  }
}

async function compare(argument: string, options: CompareOptions): Promise<void> {
  if (options.of !== undefined && options.target !== undefined) {
    throw new UsageError('--of explains a unit and --target a class. Give one of them.');
  }
  const { chosen, measured, sort } = readLists(options);
  const { model, labels } = await openModel(argument, options);
  const asked = chosen.map((spec) => readMethod(spec, options.layer, model));
  const columns = measured.map((spec) => readColumn(spec, model));
  const unit = options.of === undefined ? undefined : readUnit(options.of, model);
  const given = givenClass(options.target, labels, model);
  const [row, ...others] = await readInputs(options.input, model, options.size);
  if (others.length > 0) throw new UsageError('methods are compared on one picture. Give one --input with one row.');
  const layers = asked.flatMap(({ layer }) => layer ?? []);
  checkForward(model, [1, ...row.size, model.input.channels], layers);
  checkOutputs(options.output, options.figure);

  const all = [...asked, { method: RANDOM, name: RANDOM, options: {} }];
  const { score, seed } = options;
  const { lines, isStopped, target, adapter } = await withDevice(options, async (device) => {
    const context: Context = { device, model, size: row.size, unit, scoreKind: score, seed };
    const target = unit ? undefined : (given ?? (await likeliestClass(device, model, row)));
    const scorer = await PictureScorer.create(context, PICTURES, SCORER_SHARE);
    try {
      const found = await measureAll(all, columns, { context, scorer, input: row.data, target });
      return { ...found, target, adapter: device.adapter.name };
    } finally {
      scorer.dispose();
    }
  });
  const stopped = `stopped at ${lines.length} of ${all.length} methods`;
  if (lines.length === 0) throw new Stopped(`${stopped}. Nothing is written.`);

  const sorted = sortLines(lines, columns, sort);
  const files: string[] = [];
  if (options.output !== undefined) files.push(writeWhole(options.output, csvOf(sorted, columns)));
  if (options.figure !== undefined) {
    const tiles = sorted.map((line) => ({
      name: line.method,
      value: shownAt(sort, line),
      attribution: line.attribution,
    }));
    files.push(await drawFigure(options.figure, row, tiles));
  }
  const json = () => ({
    model: argument,
    adapter,
    seed,
    input: row.source,
    ...(target === undefined
      ? { unit: options.of }
      : { target: { class: target, label: className(labels, target) }, score }),
    sort,
    results: sorted.map(({ attribution: _, ...line }) => line),
    files,
  });
  const what = target === undefined ? unit && showUnit(unit) : `${className(labels, target)} (${target})`;
  const text = () =>
    [
      `${row.source}: ${what} on ${adapter}; sorted by ${sort}`,
      tableOf(sorted, columns),
      ...files.map((file) => `wrote ${file}`),
    ].join('\n');
  report(options.json, json, text);
  if (isStopped) throw new Stopped(`${stopped}; what was finished is ${files.length > 0 ? 'written' : 'shown'}.`);
}

function readUnit(text: string, model: Model) {
  try {
    return parseUnit(text, model);
  } catch (error) {
    return blameArguments(error);
  }
}

/** The sentence about an unknown name, as a mistake in the arguments. */
function usage(find: () => unknown): unknown {
  try {
    return find();
  } catch (error) {
    return new UsageError((error as Error).message);
  }
}
