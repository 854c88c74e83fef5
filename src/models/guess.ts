// guess.ts: how a network wants its pictures, as far as its file tells: Facet's own metadata, the words of others, the
// first operators, its size and its number of classes. What was guessed says from where.

import { ModelError } from './error.ts';
import { type ModelInput, SAID } from './onnx/input.ts';
import type { OnnxModel, OnnxNode } from './onnx/proto.ts';
import {
  type ChannelOrder,
  checkPreprocess,
  findPreset,
  type Preprocess,
  presets,
  takesPictures,
} from './preprocess.ts';

/** Metadata key under which Facet writes {order, range, mean, std, size} as JSON. */
export const PREPROCESS_KEY = 'facet.preprocess';

export function guessPreprocess(
  file: OnnxModel,
  input: ModelInput,
  nodes: readonly OnnxNode[],
  classes: number,
): Preprocess {
  if (!takesPictures(input.channels)) return { order: 'raw', range: [0, 1], mean: [0], std: [1], source: 'default' };
  const own = file.metadata.get(PREPROCESS_KEY);
  const text = file.metadata.get('input')?.slice(0, SAID);
  const said = own ? fromOwnMetadata(own) : text ? fromText(text, input.channels) : undefined;
  const found = said ?? fromFamily(file, input, nodes, classes);
  checkPreprocess(found, input.channels);
  return found;
}

/** Pixels that a picture may be high or wide. */
const isSide = (pixels: number): boolean => Number.isInteger(pixels) && pixels >= 1 && pixels <= 2 ** 16;

function fromOwnMetadata(json: string): Preprocess {
  let said: unknown;
  try {
    said = JSON.parse(json);
  } catch {
    throw new ModelError(
      `its metadata ${PREPROCESS_KEY} is no JSON: ${json.slice(0, 80)}. Export it again, or give --preprocess.`,
    );
  }
  if (typeof said === 'string') return { ...findPreset(said), source: 'metadata' };
  const { order = 'RGB', range = [0, 1], mean = [0], std = [1], size } = (said ?? {}) as Partial<Preprocess>;
  const areNumbers = (list: unknown): boolean => Array.isArray(list) && list.every(Number.isFinite);
  const isSize = size === undefined || (areNumbers(size) && size.length === 2 && size.every(isSide));
  if (!['RGB', 'BGR', 'gray'].includes(order) || ![range, mean, std].every(areNumbers) || !isSize) {
    throw new ModelError(`its metadata ${PREPROCESS_KEY} is not understood: ${json.slice(0, 80)}. Give --preprocess.`);
  }
  return { order, range, mean, std, size, source: 'metadata' };
}

const numbers = (list: string): number[] => list.split(',').map(Number);
/** Each character is read one way only: with blanks matched apart, a long row of them would be tried in all ways. */
const LIST = String.raw`\[([-\d.eE,\s]+)\]`;

/**
 * From words: "BGR; 0..255 minus mean [104,117,123]", "x/255 then (x-[.485,…])/[.229,…]", "x/127.5-1",
 * "x in 0..1 then (x-mean)/std with mean […] std […]". Undefined where no range is said.
 */
function fromText(text: string, channels: number): Preprocess | undefined {
  const order: ChannelOrder = channels === 1 ? 'gray' : /\bBGR\b/.test(text) ? 'BGR' : 'RGB';
  const list = (before: string): number[] | undefined => {
    const found = new RegExp(before + LIST).exec(text);
    return found && /\d/.test(found[1]) ? numbers(found[1]) : undefined;
  };
  const mean = list(String.raw`mean\s*=?\s*`) ?? list(String.raw`\(x\s*-\s*`) ?? [0];
  const std = list(String.raw`std\s*=?\s*`) ?? list(String.raw`\)\s*/\s*`) ?? [1];
  if (/x\s*\/\s*127\.5\s*[-−]\s*1/.test(text))
    return { order, range: [-1, 1], mean: [0], std: [1], source: 'metadata' };
  if (/\b0\s*\.\.\s*255\b/.test(text)) return { order, range: [0, 255], mean, std, source: 'metadata' };
  if (/x\s*\/\s*255/.test(text) || /\b0\s*\.\.\s*1\b/.test(text))
    return { order, range: [0, 1], mean, std, source: 'metadata' };
  return undefined;
}

/** Arithmetic with constants as the first thing that happens to the picture: the network normalizes by itself. */
function normalizesItself(file: OnnxModel, input: ModelInput, nodes: readonly OnnxNode[]): boolean {
  const readers = nodes.filter(({ inputs }) => inputs.includes(input.name));
  return readers.some(({ op, inputs }) => {
    const others = inputs.filter((name) => name !== input.name);
    return (
      ['Sub', 'Div', 'Mul', 'Add', 'BatchNormalization'].includes(op) &&
      others.every((name) => file.graph.initializers.has(name))
    );
  });
}

function fromFamily(file: OnnxModel, input: ModelInput, nodes: readonly OnnxNode[], classes: number): Preprocess {
  const family = (name: string): Preprocess => ({ ...presets[name], source: 'family' });
  const { channels, height, width } = input;
  if (channels === 1) return family('gray');
  if (normalizesItself(file, input, nodes)) return family('unit');
  if (height === 32 && width === 32) return family('cifar10');
  // Layers of Caffe's GoogLeNet and of networks converted from it; TensorFlow's slim networks have a background class.
  if (nodes.some(({ outputs }) => outputs.some((name) => name.startsWith('conv1/7x7_s2')))) return family('caffe');
  if (classes === 1001) return family('inception');
  return { ...presets.imagenet, source: 'default' };
}
