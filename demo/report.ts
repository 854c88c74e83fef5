// report.ts: what is known of a network before it runs: its totals, the memory it takes, its operators, its layers by block.

import {
  type LayerBlock,
  type LayerInfo,
  layerBlocks,
  layerFields,
  memoryReport,
  type Model,
  type ReceptiveField,
  type RunMemory,
} from '../src/index.ts';
import { byId, create } from './dom.ts';

/** 1234567 -> `1.23 M`. */
export function scaled(count: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  return power === 0 ? String(Math.round(count)) : `${(count / 1000 ** power).toPrecision(3)} ${units[power]}`;
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toPrecision(3)} MiB`;

const details = byId('details', 'report');
const body = byId('div', 'report-body');
let model: Model | undefined;
/** The network that the body is about: it is filled when first looked at. */
let filledFor: Model | undefined;

export function listen(): void {
  details.addEventListener('toggle', fill);
  byId('a', 'to-report').addEventListener('click', () => {
    details.open = true; // then the page scrolls there
  });
}

export function show(next: Model): void {
  model = next;
  byId('span', 'report-line').textContent = totals(next.layers);
  fill();
}

function fill(): void {
  if (!details.open || !model || filledFor === model) return;
  filledFor = model;
  const fields = layerFields(model);
  body.replaceChildren(
    summary(model),
    create('p', { className: 'hint', textContent: EXPLANATION }),
    ...layerBlocks(model.layers).map((block) => blockDetails(block, fields)),
  );
}

const EXPLANATION =
  'Shapes are channels × height × width. The receptive field is how many pixels of the picture, down and across, one position of the layer sees. ' +
  'Before the activation: the layer to choose where a unit stays silent.';

const sum = (layers: readonly LayerInfo[], of: 'parameters' | 'flops'): number =>
  layers.reduce((total, layer) => total + layer[of], 0);

/** `14 layers, 164 k parameters, 257 MFLOP` */
function totals(layers: readonly LayerInfo[]): string {
  const [parameters, flops] = [sum(layers, 'parameters'), sum(layers, 'flops')];
  const count = `${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}`;
  const weights = parameters > 0 ? `, ${scaled(parameters)} parameters` : '';
  return `${count}${weights}, ${scaled(flops)}FLOP`.replace(/(\d)FLOP/, '$1 FLOP');
}

function summary(model: Model): HTMLElement {
  const [H, W] = model.nominalSize;
  const { weights, forward, gradient } = memoryReport(model);
  const counts = new Map<string, number>();
  for (const { op } of model.layers) counts.set(op, (counts.get(op) ?? 0) + 1);
  const run = ({ planned, unshared, dispatches }: RunMemory): string =>
    `${mebibytes(planned)} in shared buffers (${mebibytes(unshared)} with one for each value), ${dispatches} dispatches`;
  const rows = [
    ['Picture', `${W} × ${H}, ${model.input.channels} ${model.input.channels === 1 ? 'channel' : 'channels'}`],
    ['Operations', `${scaled(sum(model.layers, 'flops'))}FLOP a picture (a multiply-add counts as two)`],
    ['Parameters', `${model.parameters.toLocaleString('en-US')}, ${mebibytes(weights)}`],
    ['Forward', run(forward)],
    ['With gradient', gradient ? run(gradient) : 'none: an operator has no gradient'],
    ['Operators', [...counts].map(([op, count]) => `${op} ${count}`).join(', ')],
    ['File', `operator set ${model.opset}${model.producer ? `, written by ${model.producer}` : ''}`],
  ];
  const list = create('dl', { className: 'summary' });
  for (const [name, textContent] of rows)
    list.append(create('dt', { textContent: name }), create('dd', { textContent }));
  return list;
}

const COLUMNS = ['Layer', 'Operator', 'Shape', 'Receptive field', 'Parameters', 'FLOP', 'Before the activation'];
/** Numbers, flush right. */
const NUMERIC = [2, 3, 4, 5];

function blockDetails({ title, layers }: LayerBlock, fields: ReadonlyMap<string, ReceptiveField>): HTMLElement {
  const row = (tag: 'th' | 'td', texts: readonly string[]): HTMLElement =>
    create(
      'tr',
      {},
      ...texts.map((textContent, column) =>
        create(tag, { textContent, className: NUMERIC.includes(column) ? 'number' : '' }),
      ),
    );
  const rows = layers.map(({ name, op, shape, parameters, flops, preRelu }) =>
    row('td', [
      name,
      op,
      shape.join(' × '),
      seen(fields.get(name)),
      parameters > 0 ? parameters.toLocaleString('en-US') : '',
      flops > 0 ? scaled(flops) : '',
      preRelu ?? '',
    ]),
  );
  const table = create('table', {}, create('thead', {}, row('th', COLUMNS)), create('tbody', {}, ...rows));
  const note = create('span', { className: 'hint', textContent: totals(layers) });
  return create(
    'details',
    { className: 'block' },
    create('summary', {}, create('b', { textContent: title }), ' ', note),
    create('div', { className: 'scroll' }, table),
  );
}

/** Height × width of the pixels that a position sees. */
function seen(field?: ReceptiveField): string {
  if (!field) return '';
  return field.every(({ stride }) => stride === 0) ? 'all' : field.map(({ size }) => size).join(' × ');
}
