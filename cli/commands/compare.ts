// compare.ts: `facet compare MODEL --input F`: attribution methods measured on one picture, as a table: how faithful, how dear.

import type { Command } from 'commander';
import sharp from 'sharp';
import {
  type Attribution,
  checkForward,
  findLabel,
  findMethod,
  findMetric,
  largestOf,
  type MetricName,
  metrics,
  methods,
  overlayMap,
  PictureScorer,
  pixelMap,
  randomAttribution,
  Runner,
  toPixels,
  valueKindOf,
} from '../../src/index.ts';
import { CommandError, UsageError } from '../errors.ts';
import { checkOutputs, writeWhole } from '../files.ts';
import { readInputs, type Row } from '../inputs.ts';
import { className, openModel } from '../model.ts';
import { inputOptions, type ModelOptions, modelOptions, names, seedOption } from '../options.ts';
import { pictureName, writePicture } from '../pictures.ts';
import { report, withDevice } from '../session.ts';
import { duration, Progress, table } from '../terminal.ts';

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

interface CompareOptions extends ModelOptions {
  readonly input: string[];
  readonly methods: string[];
  readonly metrics: string[];
  readonly target?: string;
  readonly sort: string;
  readonly output?: string;
  readonly figure?: string;
}

export function addCompare(program: Command): void {
  const command = modelOptions(inputOptions(program.command('compare <model>')))
    .description('how faithful the maps of attribution methods are, and what they cost')
    .option('--methods <names>', `methods, or all-fast: ${CHEAP.join(', ')}`, names, ['all-fast'])
    .option('--metrics <names>', `of ${Object.keys(metrics).join(', ')}; or all`, names, USUAL)
    .option('--target <class>', 'number or label of the class that is explained; by default the likeliest')
    .option('--sort <name>', 'metric whose best stands first, or milliseconds; by default the first metric', '')
    .option('--output <file.csv>', 'the table, as .csv')
    .option('--figure <file>', 'the picture and all maps side by side', pictureName)
    .action((argument, _, command) => compare(argument, command.optsWithGlobals()));
  seedOption(command);
}

interface Line {
  readonly method: string;
  readonly values: Record<string, number>;
  readonly milliseconds: number;
  readonly evaluations: number;
  readonly attribution: Attribution;
}

async function compare(argument: string, options: CompareOptions): Promise<void> {
  const distinct = (list: string[]) => [...new Set(list)];
  const chosen = distinct(options.methods.flatMap((name) => (name === 'all-fast' ? CHEAP : [name])));
  const measured = distinct(options.metrics.flatMap((name) => (name === 'all' ? Object.keys(metrics) : [name])));
  for (const name of chosen) if (!Object.hasOwn(methods, name)) throw usage(() => findMethod(name));
  for (const name of measured) if (!Object.hasOwn(metrics, name)) throw usage(() => findMetric(name));
  const sort = options.sort || measured[0];
  if (sort !== 'milliseconds' && !measured.includes(sort)) {
    throw new UsageError(`--sort ${sort} is none of the columns: ${[...measured, 'milliseconds'].join(', ')}.`);
  }
  const { model, labels } = await openModel(argument, options);
  const given = options.target === undefined ? undefined : findLabel(labels, options.target, model.classes);
  const rows = await readInputs(options.input, model, options.size);
  if (rows.length > 1) throw new CommandError('methods are compared on one picture. Give one --input with one row.');
  const [row] = rows;
  checkForward(model, [1, ...row.size, model.input.channels], []);
  checkOutputs(options.output, options.figure);

  const { lines, target, adapter } = await withDevice(options, async (device) => {
    const context = { device, model, size: row.size, seed: options.seed };
    let target = given;
    if (target === undefined) {
      const runner = await Runner.create(device, model, [1, ...row.size, model.input.channels]);
      target = largestOf((await runner.run(row.data)).output.data, 1)[0];
      runner.dispose();
    }
    const all = [...chosen, RANDOM];
    const scorer = await PictureScorer.create(context, PICTURES);
    const bar = new Progress('compare', all.length);
    const lines: Line[] = [];
    try {
      for (const [k, method] of all.entries()) {
        bar.update(k, method);
        const attributor = method === RANDOM ? undefined : await findMethod(method).prepare(context);
        try {
          const attribution = attributor
            ? await attributor.attribute({ input: row.data, target })
            : randomAttribution(context, target);
          const explained = { context, input: row.data, target, attribution, kind: valueKindOf(method), attributor };
          const values: Record<string, number> = {};
          for (const name of measured) {
            if (name === 'sensitivity' && !attributor) continue; // the control is not made from the picture
            values[name] = (await findMetric(name).measure(scorer, explained)).value;
          }
          const { millis: milliseconds, evaluations } = attribution;
          lines.push({ method, values, milliseconds, evaluations, attribution });
        } finally {
          attributor?.dispose();
        }
      }
    } finally {
      bar.stop();
      scorer.dispose();
    }
    return { lines, target, adapter: device.adapter.name };
  });

  const isHigher = sort !== 'milliseconds' && metrics[sort as MetricName].better === 'higher';
  const key = ({ values, milliseconds }: Line) => (sort === 'milliseconds' ? milliseconds : (values[sort] ?? Infinity));
  lines.sort((a, b) => (isHigher ? key(b) - key(a) : key(a) - key(b)));

  const files: string[] = [];
  const head = ['method', ...measured, 'milliseconds', 'evaluations'];
  if (options.output !== undefined) {
    const cells = lines.map(({ method, values, milliseconds, evaluations }) =>
      [method, ...measured.map((name) => values[name] ?? ''), milliseconds, evaluations].join(','),
    );
    files.push(writeWhole(options.output, `${[head.join(','), ...cells].join('\n')}\n`));
  }
  if (options.figure !== undefined) files.push(await drawFigure(options.figure, row, lines));
  const json = () => ({
    model: argument,
    adapter,
    seed: options.seed,
    input: row.source,
    target: { class: target, label: className(labels, target) },
    sort,
    results: lines.map(({ attribution: _, ...line }) => line),
    files,
  });
  const text = () =>
    [
      `${row.source}: ${className(labels, target)} (${target}) on ${adapter}; sorted by ${sort}`,
      table(
        [
          [
            'method',
            ...measured.map((name) => `${name} ${metrics[name as MetricName].better === 'higher' ? '↑' : '↓'}`),
            'time',
            'runs',
          ],
          ...lines.map(({ method, values, milliseconds, evaluations }) => [
            method,
            ...measured.map((name) => (values[name] === undefined ? '–' : values[name].toPrecision(3))),
            duration(milliseconds),
            String(evaluations),
          ]),
        ],
        head.map((_, k) => k).slice(1),
      ),
      ...files.map((file) => `wrote ${file}`),
    ].join('\n');
  report(options.json, json, text);
}

/** The sentence about an unknown name, as a mistake in the arguments. */
function usage(find: () => unknown): unknown {
  try {
    return find();
  } catch (error) {
    return new UsageError((error as Error).message);
  }
}

const SIDE = 224;
const CAPTION = 26;
const GAP = 6;

/** Picture and maps in a grid, each over its name. */
async function drawFigure(file: string, row: Row, lines: readonly Line[]): Promise<string> {
  const [H, W] = row.size;
  const picture = toPixels(row.rgb(), [1, H, W, 3]);
  const maps = lines.map(({ method, attribution }) => ({
    name: method,
    pixels: overlayMap(picture, pixelMap(attribution, row.size), attribution.signed ? 'diverging' : 'sequential'),
  }));
  const tiles = [{ name: 'input', pixels: picture }, ...maps];
  const columns = Math.min(tiles.length, 4);
  const height = Math.round((SIDE * H) / W);
  const [stepX, stepY] = [SIDE + GAP, height + CAPTION + GAP];
  const [width, total] = [columns * stepX + GAP, Math.ceil(tiles.length / columns) * stepY + GAP];
  const places = tiles.map((_, k) => ({
    left: GAP + (k % columns) * stepX,
    top: GAP + Math.floor(k / columns) * stepY,
  }));
  const captions = tiles.map(({ name }, k) => {
    const { left, top } = places[k];
    return `<text x="${left + SIDE / 2}" y="${top + height + 18}" text-anchor="middle">${name}</text>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" font-family="sans-serif" font-size="15">${captions.join('')}</svg>`;
  const layers = await Promise.all(
    tiles.map(async ({ pixels }, k) => ({
      input: await sharp(pixels.data, { raw: { width: W, height: H, channels: 4 } })
        .resize(SIDE, height, { kernel: 'cubic', fit: 'fill' })
        .png()
        .toBuffer(),
      ...places[k],
    })),
  );
  const data = await sharp({ create: { width, height: total, channels: 4, background: 'white' } })
    .composite([...layers, { input: Buffer.from(svg), left: 0, top: 0 }])
    .raw()
    .toBuffer();
  return writePicture(file, { width, height: total, data: new Uint8ClampedArray(data) });
}
