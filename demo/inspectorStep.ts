// inspectorStep.ts: one step of a profile: its numbers, its buffers, the final text of its shader, and on click what its op's
// other kernels would take.

import {
  type Device,
  type Graph,
  type LoweredOp,
  type Profile,
  type Step,
  type StepProfile,
  type StepVariants,
  timeVariants,
} from '../src/index.ts';
import { create, nextFrame, short } from './dom.ts';
import { gridOf, percent, time } from './inspectorTable.ts';
import { scaled } from './report.ts';
import { say } from './status.ts';

interface StepContext {
  readonly device: Device;
  readonly graph: Graph;
  readonly node: Step['planned']['node'];
  /** Starts work that times the device, when nothing else does. */
  begin(work: (signal: AbortSignal) => Promise<void>): void;
}

/** What is spent on the variants of one step. */
const BUDGET_MILLIS = 10_000;

const mebibytes = (bytes: number): string =>
  bytes < 2 ** 16 ? `${bytes.toLocaleString('en-US')} bytes` : `${short(bytes / 2 ** 20)} MiB`;

export function showStep(
  place: HTMLElement,
  { steps, stepMicros }: Profile,
  index: number,
  context: StepContext,
): void {
  const step = steps[index];
  const { label, title, kernel } = step;
  const found = create('div', { className: 'variants' });
  const button = create('button', { type: 'button', textContent: 'Time the other variants' });
  button.addEventListener('click', () => context.begin((signal) => timeOthers(step, context, found, signal)));
  place.replaceChildren(
    create('h3', { textContent: label }),
    create('p', { className: 'hint', textContent: `Step ${index}: ${title}` }),
    list(numbersOf(step, steps, stepMicros)),
    create('div', { className: 'row' }, button),
    found,
    section('Buffers', buffers(step)),
    section('Uniforms', numbers(kernel.uniforms)),
    ...(Object.keys(kernel.overrides).length > 0 ? [section('Overrides', numbers(kernel.overrides))] : []),
    section(`shaders/${kernel.file}`, source(kernel.source), true),
  );
}

const numbers = (values: Readonly<Record<string, number>>): HTMLElement =>
  list(Object.entries(values).map(([name, value]) => [name, String(value)]));

function list(rows: readonly (readonly [string, string])[]): HTMLElement {
  if (rows.length === 0) return create('p', { className: 'hint', textContent: 'none' });
  const items = rows.flatMap(([name, textContent]) => [
    create('dt', { textContent: name }),
    create('dd', { textContent, className: 'numbers' }),
  ]);
  return create('dl', { className: 'summary' }, ...items);
}

function section(title: string, content: HTMLElement, open = false): HTMLElement {
  return create(
    'details',
    { className: 'block', open },
    create('summary', {}, create('b', { textContent: title })),
    content,
  );
}

function numbersOf(step: StepProfile, steps: readonly StepProfile[], total: number): [string, string][] {
  const { partOf, variant, micros, low, high, repeats, flops, bytes, gflops, gbytes, share, bound, shape } = step;
  return [
    ['Kernel', `${variant}, ${gridOf(step)} invocations`],
    ['Output', shape.join(' × ') || 'a number'],
    ['Time', `${time(micros)} (${time(low)} to ${time(high)}, ${repeats} at once), ${percent(micros / total)} of all`],
    ['Arithmetic', `${scaled(flops)}FLOP at ${short(gflops)} GFLOP/s`],
    ['Memory', `${mebibytes(bytes)} at ${short(gbytes)} GB/s`],
    ['Roofline', `${percent(share)}, bound by ${bound}`],
    ...(partOf ? [['Part of', wholeText(partOf, steps)] as [string, string]] : []),
  ];
}

/** `conv2d as winograd-4: steps 4, 5, 6, 1.2 ms`. */
function wholeText({ op, variant, steps: parts }: LoweredOp, steps: readonly StepProfile[]): string {
  const micros = parts.reduce((sum, part) => sum + steps[part].micros, 0);
  return `${op} as ${variant}: ${parts.length === 1 ? 'this step' : `steps ${parts.join(', ')}`}, ${time(micros)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[]): HTMLElement {
  const row = (tag: 'th' | 'td', texts: readonly string[]): HTMLElement =>
    create(
      'tr',
      {},
      ...texts.map((textContent, k) => create(tag, { textContent, className: right.includes(k) ? 'number' : '' })),
    );
  const body = create('tbody', {}, ...rows.map((texts) => row('td', texts)));
  return create('div', { className: 'scroll' }, create('table', {}, create('thead', {}, row('th', head)), body));
}

const buffers = ({ buffers }: StepProfile): HTMLElement =>
  table(
    ['Binding', 'Role', 'Place', 'Shape', 'Size'],
    [
      ['0', 'uniforms', '', '', ''],
      ...buffers.map(({ binding, role, place, shape, bytes }) => [
        String(binding),
        role,
        place,
        shape.join(' × '),
        mebibytes(bytes),
      ]),
    ],
    [0, 4],
  );

/** The text, its comments paler, without the gaps that conditions left. */
function source(text: string): HTMLElement {
  const lines = text
    .trim()
    .replace(/\n\s*\n\s*\n/g, '\n\n')
    .split('\n')
    .flatMap((line) => {
      const at = line.indexOf('//');
      if (at < 0) return [`${line}\n`];
      return [line.slice(0, at), create('span', { className: 'comment', textContent: line.slice(at) }), '\n'];
    });
  return create('pre', { className: 'source', tabIndex: 0 }, ...lines);
}

async function timeOthers(
  step: StepProfile,
  { device, graph, node }: StepContext,
  place: HTMLElement,
  signal: AbortSignal,
): Promise<void> {
  say('kernels', `Timing the variants of ${step.op}…`, true);
  place.replaceChildren(create('p', { className: 'hint', textContent: 'Compiling and timing…' }));
  await nextFrame();
  try {
    const found = await timeVariants(device, graph, node, { signal, budgetMillis: BUDGET_MILLIS });
    signal.throwIfAborted();
    place.replaceChildren(...results(step, found));
  } catch (error) {
    place.replaceChildren();
    throw error;
  }
}

const hint = (textContent: string): HTMLElement => create('p', { className: 'hint', textContent });

/** The kernels of the step; of an op that a pass made it of, the variants as wholes. */
function results({ op, variant, partOf }: StepProfile, { own, whole }: StepVariants): HTMLElement[] {
  const ofOwn = own ? [variants(own.timings, variant)] : [hint(`There is one kernel for ${op} here: ${variant}.`)];
  if (!partOf) return ofOwn;
  return [
    hint(`${partOf.op}, of which a pass made ${partOf.variant}, as a whole:`),
    whole ? variants(whole.timings, partOf.variant) : hint('Nothing else was timed.'),
    hint(`${op}, this step alone:`),
    ...ofOwn,
  ];
}

function variants(
  timings: readonly { readonly variant: string; readonly micros?: number; readonly note?: string }[],
  current: string,
): HTMLElement {
  const own = timings.find(({ variant }) => variant === current)?.micros;
  const sorted = [...timings].sort(
    (a, b) => (a.micros ?? Number.POSITIVE_INFINITY) - (b.micros ?? Number.POSITIVE_INFINITY),
  );
  const rows = sorted.map(({ variant, micros, note }) => [
    variant === current ? `${variant} (in use)` : variant,
    micros === undefined ? '' : time(micros),
    micros === undefined || own === undefined ? '' : `${short(micros / own)} ×`,
    note ?? '',
  ]);
  return table(['Variant', 'Time', 'Of the one in use', ''], rows, [1, 2]);
}
