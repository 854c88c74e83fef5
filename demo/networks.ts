// networks.ts: opening networks: those that ship with the page, and files of the user; and what is said of them.

import { findShipped, type LayerBlock, layerBlocks, type Model, parseLabels, parseModel } from '../src/index.ts';
import { PageError } from './status.ts';

export async function openShipped(id: string): Promise<Model> {
  const entry = findShipped(id);
  if (!entry) throw new PageError(`There is no network "${id}" in this page.`);
  const { file, preprocess, labels } = entry;
  const response = await fetch(file);
  if (!response.ok) throw new PageError(`The network "${id}" cannot be loaded: the server answers ${response.status}.`);
  return parseModel(new Uint8Array(await response.arrayBuffer()), { name: id, preprocess, labels });
}

/**
 * `names` is a text file with a class a line; `beside` are files given together with the network's, among which those
 * are that hold its numbers (external data).
 */
export async function openFile(file: File, names?: File, beside: readonly File[] = []): Promise<Model> {
  if (file.size === 0) throw new PageError(`"${file.name}" cannot be opened: the file is empty.`);
  const labels = names && parseLabels(await names.text());
  const name = file.name.replace(/\.onnx$/i, '');
  const bytes = new Uint8Array(await file.arrayBuffer());
  // A page reads files only by waiting for them: what the network turns out to want is read, and it is opened again.
  const read = new Map<string, Uint8Array>();
  for (;;) {
    let wanted: { part: File; location: string; length: number } | undefined;
    const external = (location: string, length: number): Uint8Array | undefined => {
      const part = beside.find((each) => each.name === location.split('/').pop());
      if (part && !read.has(location)) wanted = { part, location, length };
      return read.get(location);
    };
    try {
      return parseModel(bytes, { name, labels, external });
    } catch (error) {
      if (!wanted) throw error;
      const { part, location, length } = wanted;
      read.set(location, new Uint8Array(await part.slice(0, length).arrayBuffer()));
    }
  }
}

const SOURCES = {
  metadata: 'from the file',
  family: 'as this kind of network asks',
  default: 'assumed',
  registry: 'known for this network',
  given: 'as given',
} as const;

const CHANNELS: Readonly<Record<number, string>> = { 1: 'grey', 3: 'colour' };

/** Rows of the summary. */
export function describe(model: Model): [string, string][] {
  const { input, nominalSize, preprocess, parameters, classes, labels, layers } = model;
  const isFixed = input.height !== undefined && input.width !== undefined;
  const size = `${nominalSize[1]} × ${nominalSize[0]}${isFixed ? '' : ' or other'}`;
  const { order, range, mean, std, source } = preprocess;
  const list = (numbers: readonly number[]): string => numbers.map((n) => Number(n.toPrecision(4))).join(', ');
  const isPlain = mean.every((m) => m === 0) && std.every((s) => s === 1);
  const scaled = `${order === 'gray' ? 'grey' : order}, ${range[0]} to ${range[1]}`;
  const normalized = isPlain ? scaled : `${scaled}, mean ${list(mean)}, std ${list(std)}`;
  return [
    ['Input', `${size}, ${CHANNELS[input.channels] ?? `${input.channels} channels, which are no colours`}`],
    ...(order === 'raw' ? [] : [['Pixels', `${normalized} (${SOURCES[source]})`] as [string, string]]),
    [
      'Parameters',
      parameters < 1e4
        ? parameters.toLocaleString('en-US')
        : parameters < 1e6
          ? `${Math.round(parameters / 1e3)} thousand`
          : `${(parameters / 1e6).toFixed(1)} million`,
    ],
    ['Layers', String(layers.length)],
    ['Classes', labels.length > 0 ? String(classes) : `${classes}, unnamed: drop a .txt with a name a line`],
  ];
}

/** Layers whose channels can be looked at, by block; `mapsOnly` leaves out those without maps. */
export const layerGroups = ({ layers }: Model, mapsOnly = false): LayerBlock[] =>
  layerBlocks(layers)
    .map(({ title, layers }) => ({
      title,
      layers: layers.filter(({ shape }) => shape.length === 3 || (shape.length === 1 && !mapsOnly)),
    }))
    .filter(({ layers }) => layers.length > 0);

/** A layer to begin with: an activation function about two thirds of the way through the maps. */
export function firstLayer(model: Model): string {
  const maps = model.layers.filter(({ shape }) => shape.length === 3 && shape[1] * shape[2] > 1);
  const active = maps.filter(({ preRelu }) => preRelu !== undefined);
  const choice = active.length > 0 ? active : maps.length > 0 ? maps : model.layers;
  return choice[Math.floor(FIRST_LAYER_DEPTH * choice.length)]?.name ?? '';
}

const FIRST_LAYER_DEPTH = 0.65;

export const classNames = (model: Model): string[] =>
  Array.from({ length: model.classes }, (_, index) => model.labels[index]?.split(',')[0] ?? `class ${index}`);
