// model.ts: from the MODEL argument to a network with its labels: a file, a URL, or the name of a shipped network.

import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  checkPreprocess,
  cifar10Labels,
  findPreset,
  findShipped,
  labelFileNames,
  type Model,
  ModelError,
  parseLabels,
  parseModel,
  type Preprocess,
  type ShippedModel,
  shortLabel,
  unknownModel,
} from '../src/index.ts';
import { fitLabels } from '../src/models/labels.ts';
import { CommandError, UsageError } from './errors.ts';
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

const isUrl = (text: string): boolean => /^https?:\/\//i.test(text);

interface ModelFile {
  readonly bytes: Uint8Array;
  readonly name: string;
  /** Where it lies, for a file of the user's. */
  readonly folder?: string;
  readonly shipped?: ShippedModel;
}

/** Reads the model's bytes. */
export async function readModel(argument: string): Promise<ModelFile> {
  if (isUrl(argument)) return { bytes: await fetchBytes(argument), name: nameOf(new URL(argument).pathname) };
  if (existsSync(argument)) {
    if (statSync(argument).isDirectory())
      throw new CommandError(`"${argument}" is a folder. Name the ONNX file in it.`);
    return { bytes: readBytes('the model', argument), name: nameOf(argument), folder: path.dirname(argument) };
  }
  const shipped = findShipped(argument);
  if (!shipped && /[/\\]|\.onnx$/i.test(argument))
    throw new CommandError(`there is no model file "${argument}". Check the path.`);
  if (!shipped) throw unknownModel(argument);
  return { bytes: readBytes('the model', inProject(shipped.file)), name: shipped.id, shipped };
}

const nameOf = (file: string): string => path.basename(decodeURIComponent(file)).replace(/\.onnx$/i, '') || 'model';

async function fetchBytes(url: string): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(url);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    const { cause, message } = error as Error;
    throw new CommandError(
      `the model at ${url} cannot be fetched: ${(cause as Error)?.message || message}. Check the address, or download the file.`,
    );
  }
  throw new CommandError(
    `the model at ${url} cannot be fetched: the server says ${response.status} ${response.statusText}. Check the address.`,
  );
}

/** Opens a model as the options ask. Throws one sentence for all that can be wrong with it. */
export async function openModel(
  argument: string,
  options: PreprocessOptions & { readonly labels?: string },
): Promise<OpenModel> {
  const preset = options.preprocess === undefined ? undefined : presetNamed(options.preprocess);
  const given = options.labels === undefined ? undefined : parseLabels(readText('the label file', options.labels));
  const file = await readModel(argument);
  const { bytes, name } = file;
  let model = parseModel(bytes, { name, preprocess: preset ?? file.shipped?.preprocess });
  const { mean, std, order, range } = options;
  if (mean || std || order || range) {
    const { preprocess: asked } = model;
    const changed: Preprocess = {
      order: order ?? asked.order,
      range: range ? pair(range) : asked.range,
      mean: mean ?? asked.mean,
      std: std ?? asked.std,
      size: asked.size,
      source: 'given',
    };
    model = parseModel(bytes, { name, preprocess: changed });
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
  { folder, shipped }: ModelFile,
  given: readonly string[] | undefined,
): Pick<OpenModel, 'labels' | 'labelSource'> {
  if (given) return { labels: fitLabels(given, model.classes), labelSource: '--labels' };
  if (model.labels.length > 0) return { labels: model.labels, labelSource: 'the file' };
  if (shipped?.labels) return { labels: shipped.labels, labelSource: 'the registry' };
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
