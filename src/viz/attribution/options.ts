// options.ts: what an attribution method can be told, as data: one table serves the library's types and defaults, the
// flags of the command line and the controls of the page.

import { ModelError, quoted } from '../../models/error.ts';

/** One option: its default, its meaning, and how its text is read. */
export interface Option<T = unknown> {
  readonly fallback: T;
  /** A phrase for help and menus. */
  readonly description: string;
  /** What stands for the value in help: `n`, `on|off`. */
  readonly placeholder: string;
  /** Throws a `ModelError` that says what is expected. */
  readonly parse: (text: string) => T;
  /** The texts that are allowed, where they are few. */
  readonly choices?: readonly string[];
  /** Texts with a meaning of their own, where others are allowed too. */
  readonly words?: readonly string[];
  /** Also takes an array, on the command line the name of an .npy: one picture or several as the network takes them, or a number a pixel. */
  readonly takesArray?: 'picture' | 'pictures' | 'pixels';
}

export type OptionTable = Readonly<Record<string, Option>>;
export type OptionsOf<T extends OptionTable> = { readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never };

const reject = (text: string, expected: string): never => {
  throw new ModelError(`"${text}" is not ${expected}.`);
};

function numberIn(text: string, least: number, most: number, expected: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return value >= least && value <= most ? value : (reject(text, expected) as number);
}

/** A whole number of at least `least`. */
export const count = (fallback: number, description: string, least = 1, most = 1e9): Option<number> => ({
  fallback,
  description,
  placeholder: 'n',
  parse: (text) => {
    const expected = `a whole number from ${least} to ${most}`;
    const value = numberIn(text, least, most, expected);
    return Number.isInteger(value) ? value : (reject(text, expected) as number);
  },
});

export const real = (
  fallback: number,
  description: string,
  least = Number.NEGATIVE_INFINITY,
  most = Number.POSITIVE_INFINITY,
): Option<number> => ({
  fallback,
  description,
  placeholder: 'number',
  parse: (text) => {
    const value = numberIn(
      text,
      least,
      most,
      Number.isFinite(least) ? `a number from ${least}${Number.isFinite(most) ? ` to ${most}` : ' on'}` : 'a number',
    );
    return Number.isFinite(value) ? value : (reject(text, 'a finite number') as number);
  },
});

/** Lists longer than this are named, not shown, where a value stands in help. */
const MOST_SHOWN = 8;

export const choice = <T extends string>(choices: readonly T[], fallback: T, description: string): Option<T> => ({
  fallback,
  description,
  placeholder: choices.length > MOST_SHOWN ? 'name' : choices.join('|'),
  choices,
  parse: (text) => (choices.includes(text as T) ? (text as T) : (reject(text, `one of ${quoted(choices)}`) as T)),
});

export const flag = (fallback: boolean, description: string): Option<boolean> => ({
  fallback,
  description,
  placeholder: 'on|off',
  choices: ['on', 'off'],
  parse: (text) => (text === 'on' ? true : text === 'off' ? false : (reject(text, '"on" or "off"') as boolean)),
});

/** Two sides in pixels, height x width. */
export const box = (fallback: readonly [number, number], description: string): Option<readonly [number, number]> => ({
  fallback,
  description,
  placeholder: 'n|HxW',
  parse: (text) => {
    const match = /^(\d+)(?:[x×,](\d+))?$/.exec(text.trim());
    const sides = match ? [Number(match[1]), Number(match[2] ?? match[1])] : [];
    return sides.length === 2 && sides.every((side) => side >= 1)
      ? [sides[0], sides[1]]
      : (reject(text, 'one side or HEIGHTxWIDTH in pixels') as [number, number]);
  },
});

/** An option whose absence has a meaning of its own. */
export const optional = <T>({ parse, ...option }: Option<T>): Option<T | undefined> => ({
  ...option,
  fallback: undefined,
  parse,
});

/** The given options and the defaults of the rest. */
export function withDefaults<T extends OptionTable>(table: T, given: Partial<OptionsOf<T>> = {}): OptionsOf<T> {
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return {
    ...Object.fromEntries(Object.entries(table).map(([name, { fallback }]) => [name, fallback])),
    ...known,
  } as OptionsOf<T>;
}
