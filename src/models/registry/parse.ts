// parse.ts: a registry of the user's own, as JSON:
//
//   { "networks": [ { "id": "mine", "url": "https://host/mine.onnx", "sha256": "9f86…", "bytes": 123456,
//       "preprocess": "imagenet", "labels": ["cat", "dog"], "description": "…", "licence": "MIT" } ] }
//
// `id` and `url` are needed; `url` may be a list. `preprocess` is the name of a preset or {order, range, mean, std, size}.

import { ModelError } from '../error.ts';
import { parseAddress } from '../http.ts';
import { checkPreprocess, findPreset, type Preprocess } from '../preprocess.ts';
import { findShipped } from './shipped.ts';
import type { WebModel } from './types.ts';

type Fields = Readonly<Record<string, unknown>>;

const FIELDS = 'id url sha256 bytes preprocess labels description licence accuracy input classes source'.split(' ');

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.length > 0 && value.every(isText);

/** Throws a `ModelError` that says which entry is not understood. `name` is how messages call the file. */
export function parseRegistry(text: string, name: string): WebModel[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ModelError(`the registry "${name}" is no JSON: ${(error as Error).message}. Correct it there.`);
  }
  const list = isObject(parsed) ? parsed.networks : undefined;
  if (!Array.isArray(list)) {
    throw new ModelError(`the registry "${name}" must hold {"networks": [{"id": …, "url": …}, …]}. Write it so.`);
  }
  const models = list.map((entry, index) => parseEntry(entry, `the registry "${name}", entry ${index + 1}:`));
  const twice = models.find(({ id }, index) => models.findIndex((other) => other.id === id) < index);
  if (twice) throw new ModelError(`the registry "${name}" names "${twice.id}" twice. Rename one.`);
  return models;
}

function parseEntry(entry: unknown, where: string): WebModel {
  if (!isObject(entry)) throw new ModelError(`${where} it must be an object with "id" and "url". Write it so.`);
  const unknown = Object.keys(entry).find((key) => !FIELDS.includes(key));
  if (unknown) throw new ModelError(`${where} "${unknown}" is no field of it. The fields are ${FIELDS.join(', ')}.`);
  const take = <T>(key: string, is: (value: unknown) => value is T, what: string): T | undefined => {
    const value = entry[key];
    if (value === undefined) return undefined;
    if (!is(value)) throw new ModelError(`${where} "${key}" must be ${what}. Correct it there.`);
    return value;
  };
  const needed = <T>(key: string, value: T | undefined): T => {
    if (value === undefined) throw new ModelError(`${where} "${key}" is missing. Add it.`);
    return value;
  };
  const id = needed('id', take('id', isId, 'a name of letters, digits and ._-'));
  if (findShipped(id)) throw new ModelError(`${where} "${id}" comes with Facet. Choose another name.`);
  const url = needed('url', take('url', isAddresses, 'a web address or a list of them'));
  const urls = typeof url === 'string' ? [url] : url;
  for (const address of urls) parseAddress(address);
  return {
    id,
    urls,
    sha256: take('sha256', isSha256, '64 hexadecimal digits')?.toLowerCase(),
    bytes: take('bytes', isCount, 'a whole number above 0'),
    preprocess: parsePreprocess(take('preprocess', isPreprocess, 'the name of a preset or an object'), where),
    labels: take('labels', isTexts, 'a list of names'),
    description: take('description', isText, 'a text') ?? '',
    licence: take('licence', isText, 'a text') ?? 'unknown',
    accuracy: take('accuracy', isText, 'a text'),
    input: take('input', isInput, '[channels, height, width]'),
    classes: take('classes', isCount, 'a whole number above 0'),
    source: take('source', isText, 'a text'),
  };
}

const isId = (value: unknown): value is string =>
  isText(value) && /^[\w][\w.-]*$/.test(value) && !/\.onnx$/i.test(value);
const isSha256 = (value: unknown): value is string => isText(value) && /^[0-9a-f]{64}$/i.test(value);
const isAddresses = (value: unknown): value is string | string[] => isText(value) || isTexts(value);
const isPreprocess = (value: unknown): value is string | Fields => isText(value) || isObject(value);
const isInput = (value: unknown): value is [number, number, number] =>
  Array.isArray(value) && value.length === 3 && value.every(isCount);

function parsePreprocess(value: string | Fields | undefined, where: string): Preprocess | undefined {
  if (value === undefined) return undefined;
  try {
    if (typeof value === 'string') return { ...findPreset(value), source: 'registry' };
    const { order = 'RGB', range = [0, 1], mean = [0], std = [1], size } = value as Partial<Preprocess>;
    const isOrder = ['RGB', 'BGR', 'gray'].includes(order);
    const numbers = [range, mean, std, size ?? [1, 1]];
    if (!isOrder || !numbers.every((list) => Array.isArray(list) && list.every(Number.isFinite))) {
      throw new ModelError('"preprocess" must be {order, range, mean, std, size}, the last four lists of numbers.');
    }
    const preprocess: Preprocess = { order, range, mean, std, size, source: 'registry' };
    checkPreprocess(preprocess, order === 'gray' ? 1 : 3);
    return preprocess;
  } catch (error) {
    throw error instanceof ModelError ? new ModelError(`${where} ${error.message}`) : error;
  }
}
