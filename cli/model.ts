// model.ts: from the MODEL argument to a network with its labels: a file, a URL, or the name of a shipped network.

import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  checkPreprocess,
  cifar10Labels,
  type ExternalReader,
  findPreset,
  findShipped,
  isWebAddress,
  labelFileNames,
  type Model,
  ModelError,
  parseLabels,
  parseModel,
  type Preprocess,
  type ShippedModel,
  shortLabel,
  unknownModel,
  type WebModel,
} from '../src/index.ts';
import { fitLabels } from '../src/models/labels.ts';
import { fetchModel, fileNameOf, knownModels } from './download.ts';
import { CommandError, UsageError } from './errors.ts';
import { besideModel } from './external.ts';
import { readBytes, readText } from './files.ts';
import type { ModelOptions } from './options.ts';
import { inProject } from './project.ts';

export interface OpenModel {
  readonly model: Model;
  /** Names of the classes, or an empty list. */
  readonly labels: readonly string[];
  /** Where the labels come from, for the curious. */
  readonly labelSource: string;
}

type PreprocessOptions = Pick<ModelOptions, 'preprocess' | 'mean' | 'std' | 'order' | 'range'>;

export interface ModelFile {
  readonly bytes: Uint8Array;
  readonly name: string;
  /** Where it lies, for a file of the user's. */
  readonly folder?: string;
  /** Reads the files beside it that hold its numbers. */
  readonly external?: ExternalReader;
  /** What the registry knows of it. */
  readonly known?: ShippedModel | WebModel;
}

/** Reads the model's bytes. */
export async function readModel(argument: string): Promise<ModelFile> {
  if (isWebAddress(argument)) {
    const name = nameOf(fileNameOf(argument));
    return { bytes: await fetchModel(name, [argument]), name };
  }
  if (existsSync(argument)) {
    const stat = statSync(argument);
    if (stat.isDirectory()) throw new CommandError(`"${argument}" is a folder. Name the ONNX file in it.`);
    if (!stat.isFile()) throw new CommandError(`"${argument}" is a device or a pipe. Name the ONNX file itself.`);
    return {
      bytes: readBytes('the model', argument),
      name: nameOf(argument),
      folder: path.dirname(argument),
      external: besideModel(argument),
    };
  }
  const shipped = findShipped(argument);
  if (shipped) return { bytes: readBytes('the model', inProject(shipped.file)), name: shipped.id, known: shipped };
  const registered = knownModels();
  const found = registered.find(({ id }) => id === argument);
  if (found) return { bytes: await fetchModel(found.id, found.urls, found), name: found.id, known: found };
  if (/[/\\]|\.onnx$/i.test(argument)) throw new CommandError(`there is no model file "${argument}". Check the path.`);
  throw unknownModel(argument, registered);
}

const nameOf = (file: string): string => path.basename(file).replace(/\.onnx$/i, '') || 'model';

/** Opens a model as the options ask, from `read` where it was read already. Throws one sentence for all that can be wrong. */
export async function openModel(
  argument: string,
  options: PreprocessOptions & { readonly labels?: string },
  read?: ModelFile,
): Promise<OpenModel> {
  const preset = options.preprocess === undefined ? undefined : presetNamed(options.preprocess);
  const given = options.labels === undefined ? undefined : parseLabels(readText('the label file', options.labels));
  const file = read ?? (await readModel(argument));
  const { bytes, name, external } = file;
  let model = parseModel(bytes, { name, external, preprocess: preset ?? file.known?.preprocess });
  const { mean, std, order, range } = options;
  if (mean || std || order || range) {
    const { preprocess: asked } = model;
    model = model.withPreprocess({
      order: order ?? asked.order,
      range: range ? pair(range) : asked.range,
      mean: mean ?? asked.mean,
      std: std ?? asked.std,
      size: asked.size,
      source: 'given',
    });
  }
  if (model.preprocess.source === 'given') checkPreprocess(model.preprocess, model.input.channels);
  return { model, ...labelsFor(model, file, given) };
}

function presetNamed(name: string): Preprocess {
  try {
    return findPreset(name);
  } catch (error) {
    throw new UsageError((error as ModelError).message);
  }
}

function pair(range: readonly number[]): [number, number] {
  if (range.length !== 2) throw new UsageError(`--range takes two numbers, low,high, not ${range.length}.`);
  return [range[0], range[1]];
}

function labelsFor(
  model: Model,
  { folder, known }: ModelFile,
  given: readonly string[] | undefined,
): Pick<OpenModel, 'labels' | 'labelSource'> {
  if (given) return { labels: fitLabels(given, model.classes), labelSource: '--labels' };
  if (model.labels.length > 0) return { labels: model.labels, labelSource: 'the file' };
  if (known?.labels) return { labels: fitLabels(known.labels, model.classes), labelSource: 'the registry' };
  for (const file of folder === undefined ? [] : candidates(folder)) {
    if (!existsSync(file)) continue;
    try {
      return { labels: fitLabels(parseLabels(readFileSync(file, 'utf8')), model.classes), labelSource: file };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error; // labels of another network: look on
    }
  }
  if (/cifar-?10(?!\d)/i.test(model.name) && model.classes === cifar10Labels.length) {
    return { labels: cifar10Labels, labelSource: 'its name' };
  }
  return { labels: [], labelSource: 'nowhere' };
}

/** Where label files are looked for: beside the model, in `labels/` beside it, and in `../labels/`. */
const candidates = (folder: string): string[] =>
  [folder, path.join(folder, 'labels'), path.join(folder, '..', 'labels')].flatMap((place) =>
    labelFileNames.map((name) => path.join(place, name)),
  );

/** How lists call a class. */
export const className = (labels: readonly string[], index: number): string =>
  labels.length > 0 ? shortLabel(labels[index]) : `class ${index}`;

/** `RGB, 0..1, mean [0.485,0.456,0.406], std [0.229,0.224,0.225] (from the file's metadata)` */
export function describePreprocess({ order, range, mean, std, name, source }: Preprocess): string {
  if (order === 'raw') return 'none: the channels are no colours, so inputs are arrays (.npy)';
  const sources = {
    metadata: "from the file's metadata",
    registry: 'known for this network',
    family: 'from the kind of network',
    default: 'a guess: the usual one; see --preprocess',
    given: 'as given',
  };
  const parts = [order, `${range[0]}..${range[1]}`, `mean [${mean}]`, `std [${std}]`];
  return `${name ? `${name}: ` : ''}${parts.join(', ')} (${sources[source]})`;
}
