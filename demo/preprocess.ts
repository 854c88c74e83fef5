// preprocess.ts: the form that says how pictures are prepared for the network, and lets that be changed.

import { type ChannelOrder, type Model, type Preprocess, presets, takesPictures } from '../src/index.ts';
import { byId, option } from './dom.ts';
import { attempt, clearError, PageError } from './status.ts';

const preset = byId('select', 'pixels-preset');
const order = byId('select', 'pixels-order');
const range = byId('input', 'pixels-range');
const mean = byId('input', 'pixels-mean');
const std = byId('input', 'pixels-std');

/** Entries of the menu besides the presets. */
const AS_OPENED = 'as-opened';
const OWN = 'own';

/** How the network asked for its pictures when it was opened. */
let opened: Preprocess | undefined;

/** Presets by name, each once, that give so many channels. */
const presetsFor = (channels: number): Preprocess[] =>
  [...new Set(Object.values(presets))].filter(({ order }) => (order === 'gray') === (channels === 1));

/** Calls back with what the form asks for, when it is changed; the callback throws what is wrong with it. */
export function listen(changed: (preprocess: Preprocess) => void): void {
  const apply = (read: () => Preprocess): void => {
    clearError();
    void attempt(() => changed(read()));
  };
  preset.addEventListener('change', () =>
    apply(() => {
      if (preset.value === AS_OPENED && opened) return opened;
      if (preset.value === OWN) return readFields();
      return { ...presets[preset.value], size: opened?.size };
    }),
  );
  for (const field of [order, range, mean, std]) field.addEventListener('change', () => apply(readFields));
  byId('form', 'pixels').addEventListener('submit', (event) => event.preventDefault());
}

/** Fits the form to a network that was just opened. */
export function show(model: Model): void {
  const { channels } = model.input;
  opened = model.preprocess;
  byId('details', 'pixels-details').hidden = !takesPictures(channels);
  if (!takesPictures(channels)) return;
  preset.replaceChildren(
    option(AS_OPENED, 'as opened'),
    ...presetsFor(channels).map(({ name = '' }) => option(name)),
    option(OWN, 'own values'),
  );
  order.replaceChildren(...(channels === 1 ? ['gray'] : ['RGB', 'BGR']).map((name) => option(name)));
  reflect(model.preprocess);
}

/** Shows the values that hold now. */
export function reflect(preprocess: Preprocess): void {
  const list = (numbers: readonly number[]): string => numbers.map((n) => Number(n.toPrecision(6))).join(', ');
  preset.value = preprocess === opened ? AS_OPENED : (preprocess.name ?? OWN);
  order.value = preprocess.order;
  range.value = list(preprocess.range);
  mean.value = list(preprocess.mean);
  std.value = list(preprocess.std);
}

function readFields(): Preprocess {
  const [low, high] = numbersOf(range, 'The range');
  return {
    order: order.value as ChannelOrder,
    range: [low, high],
    mean: numbersOf(mean, 'The mean'),
    std: numbersOf(std, 'The standard deviation'),
    size: opened?.size,
    source: 'given',
  };
}

function numbersOf(field: HTMLInputElement, what: string): number[] {
  const words = field.value.split(/[\s,;]+/).filter((word) => word !== '');
  const numbers = words.map(Number);
  if (numbers.length > 0 && numbers.every(Number.isFinite)) return numbers;
  throw new PageError(`${what} must be numbers, separated by commas, not "${field.value}".`);
}
