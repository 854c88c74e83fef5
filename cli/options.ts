// options.ts: the options that several commands take, and how the text of an option becomes a value.

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { AdapterChoice } from '../src/engine/gpu/dawn.node.ts';

export interface GlobalOptions {
  readonly adapter: AdapterChoice;
  /** In MiB. */
  readonly memory?: number;
  readonly verbose?: boolean;
}

export interface ModelOptions extends GlobalOptions {
  readonly labels?: string;
  readonly preprocess?: string;
  readonly mean?: number[];
  readonly std?: number[];
  readonly order?: 'RGB' | 'BGR' | 'gray';
  readonly range?: number[];
  readonly size?: [number, number];
  readonly json?: boolean;
  readonly seed: number;
}

function numberOf(text: string): number {
  if (text.trim() === '' || !Number.isFinite(Number(text)))
    throw new InvalidArgumentError(`"${text}" is not a number.`);
  return Number(text);
}

/** `104,117,123` */
function numbers(text: string): number[] {
  return text
    .replace(/^\[|\]$/g, '')
    .split(',')
    .map(numberOf);
}

/** The name of a table. */
export function csvName(file: string): string {
  if (!/\.csv$/i.test(file)) throw new InvalidArgumentError('A table is written as .csv.');
  return file;
}

/** A whole number of at least `least` and at most `most`. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text.trim()) || value < least || value > most) {
      const limits = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `in ${least}..${most}`;
      throw new InvalidArgumentError(`Give a whole number ${limits}.`);
    }
    return value;
  };
}

export function positive(text: string): number {
  const value = numberOf(text);
  if (value <= 0) throw new InvalidArgumentError('Give a number above 0.');
  return value;
}

export function percentile(text: string): number {
  const value = numberOf(text);
  if (value <= 0 || value > 100) throw new InvalidArgumentError('Give a percentile above 0, up to 100.');
  return value;
}

/** `64`, `512M` or `2G` -> MiB. */
function mebibytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:(M|G)(?:i?B)?)?$/i.exec(text.trim());
  const value = match ? Number(match[1]) * (match[2]?.toUpperCase() === 'G' ? 1024 : 1) : 0;
  if (value <= 0) throw new InvalidArgumentError('Give an amount of memory above 0 in MiB, or with a unit: 512M, 2G.');
  return value;
}

/** `0,4,48,512` -> ascending, each once. */
export function steps(text: string): number[] {
  const list = text.split(',').map((part) => whole(0)(part.trim()));
  return [...new Set(list)].sort((a, b) => a - b);
}

/** `conv1,inception_4c/output` */
export function names(text: string): string[] {
  const list = text.split(',').map((name) => name.trim());
  if (list.some((name) => name === '')) throw new InvalidArgumentError('Give names, separated by commas.');
  return list;
}

const LARGEST_SIDE = 8192;

/** `224` or `240x320` (height x width) -> [height, width]. */
export function size(text: string): [number, number] {
  const match = /^(\d+)(?:[x×,](\d+))?$/.exec(text.trim());
  const sides = match ? [Number(match[1]), Number(match[2] ?? match[1])] : [];
  if (sides.length !== 2 || sides.some((side) => side < 1 || side > LARGEST_SIDE)) {
    throw new InvalidArgumentError(`Give one side or HEIGHTxWIDTH, in 1..${LARGEST_SIDE} pixels.`);
  }
  return [sides[0], sides[1]];
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

/** An option that is `on` or `off`. */
export const onOff = (flags: string, description: string): Option =>
  new Option(`${flags} <on|off>`, description).argParser((text) => {
    if (text !== 'on' && text !== 'off') throw new InvalidArgumentError('Give on or off.');
    return text === 'on';
  });

export const globalOptions = (program: Command): Command =>
  program
    .addOption(
      new Option(
        '--adapter <name>',
        "auto: a GPU where there is one, else the software adapter; gpu: a real GPU only; software: Chromium's software adapter",
      )
        .choices(['auto', 'gpu', 'software'])
        .default('auto'),
    )
    .option(
      '--memory <MiB>',
      'what all GPU buffers together may take, in MiB, or with a unit: 512M, 2G; by default half of the memory of the machine, ' +
        'on a GPU also at most four times the largest buffer it allows',
      mebibytes,
    )
    .option('--verbose', 'show the stack of an error');

/** What every command with a MODEL takes. */
export const modelOptions = (command: Command): Command =>
  command
    .option('--labels <file>', 'names of the classes, one a line')
    .option(
      '--preprocess <name>',
      'how pictures are prepared, by name: imagenet, caffe, inception, unit, cifar10, mnist, gray',
    )
    .option('--mean <numbers>', 'preprocessing: mean of each channel, in units of the range', numbers)
    .option('--std <numbers>', 'preprocessing: divisor of each channel', numbers)
    .addOption(new Option('--order <order>', 'preprocessing: order of the channels').choices(['RGB', 'BGR', 'gray']))
    .option('--range <low,high>', 'preprocessing: what black and white become before mean and std', numbers)
    .option('--json', 'print one JSON object on standard output and nothing else there');

/** How weights are stored on the device. */
export const weightsOption = (): Option =>
  new Option(
    '--weights <type>',
    'filters and matrices on the GPU: float32, or float16 for half of the memory; sums are float32 either way',
  )
    .choices(['float32', 'float16'])
    .default('float32');

export const seedOption = (command: Command): Command =>
  command.option('--seed <n>', 'fixes all randomness: same seed, same machine, same bytes', whole(0, 2 ** 31 - 1), 0);

/** For commands that look at pictures. */
export const inputOptions = (command: Command): Command =>
  command
    .requiredOption(
      '--input <file>',
      'a picture (.png, .jpg, .webp) or raw network input (.npy [N,C,H,W]); repeatable',
      collect,
    )
    .option('--size <HxW>', 'bring pictures to this size', size);
