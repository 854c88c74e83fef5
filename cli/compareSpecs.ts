// compareSpecs.ts: methods and metrics with options of their own, as `facet compare` takes them:
// `integrated-gradients:steps=20,grad-cam:layer=conv5:relu=off`.

import type { Model, OptionTable } from '../src/index.ts';
import { UsageError } from './errors.ts';
import { flagOf, readOption } from './methodOptions.ts';

/** One of a list, with the texts of its options by their flags. */
export interface Spec {
  /** As the user wrote it: what rows and columns are called. */
  readonly text: string;
  readonly name: string;
  readonly texts: Readonly<Record<string, string>>;
}

/** Before the name of an option; other colons belong to names of layers (`conv/Relu:0`). */
const SEPARATOR = /:(?=[a-z][a-z-]*=)/;

export function parseSpec(text: string): Spec {
  const [name, ...options] = text.split(SEPARATOR);
  const texts = options.map((option) => {
    const at = option.indexOf('=');
    return [option.slice(0, at), option.slice(at + 1)] as const;
  });
  return { text, name, texts: Object.fromEntries(texts) };
}

/** Each once, in the order of the user. */
export const distinctSpecs = (texts: readonly string[]): Spec[] => [...new Set(texts)].map(parseSpec);

/** The values of a spec's options. Throws a `UsageError` for one that the table has not. */
export function readSpec({ text, name, texts }: Spec, table: OptionTable, model: Model): Record<string, unknown> {
  const known = new Map(Object.entries(table).map(([option, entry]) => [flagOf(option), { option, entry }]));
  return Object.fromEntries(
    Object.entries(texts).map(([flag, value]) => {
      const found = known.get(flag);
      if (found) return [found.option, readOption(found.entry, value, model, `"${text}": ${flag}`)];
      const has = known.size > 0 ? `it has ${[...known.keys()].join(', ')}` : 'it has none';
      throw new UsageError(`"${text}": ${name} has no option "${flag}", ${has}.`);
    }),
  );
}
