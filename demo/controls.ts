// controls.ts: the form: layer, channel, objective and the rest, and what they ask for together.

import { defaultSize, type Model, type TransformPreset, transformPresets } from '../src/index.ts';
import { byId, create, option } from './dom.ts';
import { firstLayer, layerGroups } from './networks.ts';
import { PageError } from './status.ts';
import type { Wish } from './visualizer.ts';

const PRESET_TITLES: Record<TransformPreset, string> = {
  lucid: 'Lucid',
  distill2017: 'Distill 2017',
  none: 'none',
};

/** What a word of an objective may be without quotes; see the objective's grammar. */
const PLAIN_NAME = /^[A-Za-z/_][\w./-]*$/;
const RESERVED = /^(tv|l1|l2|blur|logit|prob|direction|diversity|alignment|layer|deepdream)$/;

const layer = byId('select', 'layer');
const channel = byId('input', 'channel');
const objective = byId('input', 'objective');
const size = byId('input', 'size');
const batch = byId('input', 'batch');
const seed = byId('input', 'seed');
const preset = byId('select', 'preset');
const steps = byId('input', 'steps');

let model: Model | undefined;

/** Calls back when something else is asked for; fields that hold nonsense show it when they are read. */
export function listen(changed: () => void): void {
  preset.replaceChildren(
    ...Object.keys(transformPresets).map((name) => option(name, PRESET_TITLES[name as TransformPreset])),
  );
  layer.addEventListener('change', () => {
    fitChannel();
    compose();
    changed();
  });
  channel.addEventListener('change', () => {
    compose();
    changed();
  });
  objective.addEventListener('change', () => {
    followObjective();
    changed();
  });
  for (const field of [size, batch, seed, preset]) field.addEventListener('change', changed);
  byId('form', 'controls').addEventListener('submit', (event) => event.preventDefault());
}

export const hasNetwork = (): boolean => model !== undefined;

/** Takes the same network again, opened in another way: what was chosen stays. */
export function keep(next: Model): void {
  model = next;
}

/** Fits the form to a network. */
export function show(next: Model): void {
  model = next;
  layer.replaceChildren(
    ...layerGroups(next).map(({ title, layers }) => {
      const options = layers.map(({ name, op, shape }) => option(name, `${name}  (${op}, ${shape[0]})`));
      return create('optgroup', { label: title }, ...options);
    }),
  );
  layer.value = firstLayer(next);
  channel.value = '0';
  const { height, width } = next.input;
  size.disabled = height !== undefined && width !== undefined;
  size.value = String(size.disabled ? Math.max(height ?? 0, width ?? 0) : Math.max(...defaultSize(next)));
  fitChannel();
  compose();
}

function fitChannel(): void {
  const count = channelCount();
  channel.max = String(count - 1);
  if (Number(channel.value) >= count) channel.value = '0';
}

const channelCount = (): number => model?.layers.find(({ name }) => name === layer.value)?.shape[0] ?? 1;

function compose(): void {
  const name = PLAIN_NAME.test(layer.value) && !RESERVED.test(layer.value) ? layer.value : `'${layer.value}'`;
  objective.value = `${name}:${channel.value}`;
}

/** Where the text names a layer and channel alone, the menus show them. */
function followObjective(): void {
  const [, quoted, plain, number] = /^\s*(?:'([^']+)'|([^\s'():*+]+)):(\d+)\s*$/.exec(objective.value) ?? [];
  const name = quoted ?? plain;
  if (!name || ![...layer.options].some(({ value }) => value === name)) return;
  layer.value = name;
  fitChannel();
  if (Number(number) < channelCount()) channel.value = number;
}

function wholeNumber(field: HTMLInputElement, what: string): number {
  const value = field.valueAsNumber;
  if (Number.isInteger(value) && value >= Number(field.min) && value <= Number(field.max)) return value;
  throw new PageError(`${what} must be a whole number from ${field.min} to ${field.max}.`);
}

/** What the form asks for. Throws a `PageError` for a field that holds nonsense. */
export function readWish(): Wish {
  if (!model) throw new PageError('There is no network yet: choose one, or open an ONNX file.');
  wholeNumber(channel, 'The channel');
  const side = size.disabled ? undefined : wholeNumber(size, 'The size');
  return {
    model,
    objective: objective.value,
    size: side === undefined ? undefined : [side, side],
    batch: wholeNumber(batch, 'The number of pictures'),
    seed: wholeNumber(seed, 'The seed'),
    transforms: preset.value as TransformPreset,
  };
}

export const readSteps = (): number => wholeNumber(steps, 'The number of steps');
