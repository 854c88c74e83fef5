// methodOptions.ts: flags of attribution methods, from the table of each: their help, and their texts as values.

import { type Command, Help, Option as Flag } from 'commander';
import {
  fromFileLayout,
  type Method,
  type MethodName,
  type Model,
  ModelError,
  methods,
  type Option,
  type OptionTable,
} from '../src/index.ts';
import { CommandError, UsageError } from './errors.ts';
import { readBytes } from './files.ts';
import { decodeNpy } from './npy.ts';

const entries = Object.entries(methods) as [MethodName, Method][];

/** `deltaTolerance` -> `delta-tolerance` */
export const flagOf = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** Every option of any method, by its name, with the methods that know it. */
function allOptions(): Map<string, { options: Option[]; names: string[] }> {
  const all = new Map<string, { options: Option[]; names: string[] }>();
  for (const [method, { options }] of entries) {
    for (const [name, option] of Object.entries(options as OptionTable)) {
      const { options: known, names } = all.get(name) ?? { options: [], names: [] };
      all.set(name, { options: [...known, option], names: [...names, method] });
    }
  }
  return all;
}

const distinct = (texts: readonly string[]): string[] => [...new Set(texts)];

const MOST_NAMES = 3;

/** What an option is about, where it means something else to each method. */
const SHARED: Readonly<Record<string, string>> = {
  rule: 'which rule the method works by',
  tolerance: 'how exact the result has to be',
  baseline: 'what absence means',
  samples: 'how much is drawn at random: points, copies, sets or masks',
  segments: 'how many superpixels (SLIC) the picture is cut into',
  keep: 'how much is kept',
};

const ONE_METHOD = '--method NAME --help';

/** Adds a flag for every option of any method; texts are read once the method is known. Help on one method shows its own. */
export function methodFlags(command: Command): Command {
  for (const [name, { options, names }] of allOptions()) {
    const placeholders = distinct(options.map(({ placeholder }) => placeholder));
    const meanings = distinct(options.map(({ description }) => description));
    const of = names.length > MOST_NAMES ? `${names.length} methods` : names.join(', ');
    const placeholder = placeholders.length === 1 ? placeholders[0] : 'value';
    const meaning = meanings.length === 1 ? meanings[0] : (SHARED[name] ?? 'of a meaning of its own to each');
    command.addOption(
      new Flag(`--${flagOf(name)} <${placeholder}>`, `${meaning} (${of})`).helpGroup(
        `Options of methods (${ONE_METHOD} says what they mean to one):`,
      ),
    );
  }
  return command
    .configureHelp({ ...command.configureHelp(), visibleOptions })
    .addHelpText('after', () => aboutMethod(methodOf(command)));
}

/** The method that is named beside `--help`. */
const methodOf = (command: Command): MethodName | undefined =>
  command.getOptionValue('method') as MethodName | undefined;

/** Of the options of methods only those of the named one, as it means them. */
function visibleOptions(command: Command): Flag[] {
  const all = new Help().visibleOptions(command);
  const method = methodOf(command);
  if (method === undefined) return all;
  const known = allOptions();
  const own: OptionTable = methods[method].options;
  return all.flatMap((flag) => {
    const name = flag.attributeName();
    if (!known.has(name)) return [flag];
    return Object.hasOwn(own, name) ? [ownFlag(name, own[name]).helpGroup(`Options of ${method}:`)] : [];
  });
}

function ownFlag(name: string, { placeholder, description, choices, fallback }: Option): Flag {
  const isListed = choices === undefined || placeholder.includes('|');
  const which = isListed ? '' : `: ${choices.join(', ')}`;
  const standard = fallback === undefined ? '' : ` (default: ${showDefault(fallback)})`;
  return new Flag(`--${flagOf(name)} <${placeholder}>`, `${description}${which}${standard}`);
}

/** What the method does, and where it is from. */
function aboutMethod(name: MethodName | undefined): string {
  if (name === undefined) return '';
  const { description, source }: Method = methods[name];
  return `\n${name}: ${description} (${source})`;
}

const FAMILIES = { gradient: 'Gradients', cam: 'Class activation maps', perturbation: 'Perturbation' } as const;

/** The methods by family, each with its options and their defaults. */
export function methodHelp(): string {
  const width = Math.max(...entries.map(([name]) => name.length)) + 2;
  const families = Object.entries(FAMILIES).map(([family, title]) => {
    const rows = entries
      .filter(([, method]) => method.family === family)
      .map(([name, { description, options }]) => {
        const defaults = Object.entries(options as OptionTable).map(([option, { fallback }]) =>
          `--${flagOf(option)} ${showDefault(fallback)}`.trim(),
        );
        const line = `  ${name.padEnd(width)}${description}`;
        return defaults.length > 0 ? `${line}\n${' '.repeat(width + 4)}${defaults.join(' ')}` : line;
      });
    return rows.length > 0 ? `${title}:\n${rows.join('\n')}` : '';
  });
  return families.filter(Boolean).join('\n');
}

function showDefault(value: unknown): string {
  if (value === undefined) return '…';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return Array.isArray(value) ? value.join('x') : String(value);
}

/** The values of the flags that were given. Throws a `UsageError` for one that means nothing to the method. */
export function readMethodOptions(
  method: MethodName,
  given: Readonly<Record<string, unknown>>,
  model: Model,
): Record<string, unknown> {
  const { options }: Method = methods[method];
  const values: Record<string, unknown> = {};
  for (const name of allOptions().keys()) {
    const text = given[name];
    if (typeof text !== 'string') continue;
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (!option) throw new UsageError(`--${flagOf(name)} means nothing to ${method}. Leave it out.`);
    values[name] = readOption(option, text, model, `--${flagOf(name)}`);
  }
  return values;
}

/** The value that a text stands for; `said` is how the user named the option. */
export function readOption(option: Option, text: string, model: Model, said: string): unknown {
  try {
    return option.takesArray && /\.npy$/i.test(text) ? readArray(text, option.takesArray, model) : option.parse(text);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new UsageError(`${said}: ${error.message}`);
  }
}

function readArray(file: string, kind: 'picture' | 'pictures' | 'pixels', { input, name }: Model): Float32Array {
  const { data, shape } = decodeNpy(readBytes('the array', file), file);
  if (kind === 'pixels') return data;
  const four = shape.length === 3 ? [1, ...shape] : shape;
  const channels = input.channelsLast ? four[3] : four[1];
  if (four.length !== 4 || (kind === 'picture' && four[0] !== 1) || channels !== input.channels) {
    throw new CommandError(
      `"${file}" has the shape [${shape}], where one input of "${name}" is wanted: [1,${input.channels},H,W].`,
    );
  }
  return fromFileLayout(data, input.channelsLast ? 'plain' : 'nhwc', four).data;
}
