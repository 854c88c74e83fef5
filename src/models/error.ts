// error.ts: what is said when a model cannot be used as asked: one sentence that names the thing and the remedy.

/** A user's mistake about a model: its file, a layer, a channel, a label, a picture's size. */
export class ModelError extends Error {
  override name = 'ModelError';

  constructor(sentence: string) {
    super(onOneLine(sentence));
  }
}

/** A layer, a channel, a class or a weight that was asked for and that the network does not have. */
export class UnknownPartError extends ModelError {
  override name = 'UnknownPartError';
}

/** Longest name and longest list of numbers that a sentence shows whole, and longest sentence, in characters. */
const SHOWN_NAME = 100;
const SHOWN_LIST = 80;
const SHOWN_SENTENCE = 400;

/** Its beginning and its end where a text is longer than `most`. */
function shortened(text: string, most: number): string {
  const letters = Array.from(text.slice(0, 4 * SHOWN_SENTENCE) + text.slice(-4 * SHOWN_SENTENCE));
  if (text.length <= most) return text;
  const head = Math.ceil(most * 0.6);
  return `${letters.slice(0, head).join('')}…${letters.slice(head - most).join('')}`;
}

/**
 * Names and lists in a message were written by whoever wrote the file: what is not printable (line breaks, escapes of
 * terminals, marks that turn the writing round) is replaced, what is endless is shortened.
 */
function onOneLine(sentence: string): string {
  const printable = sentence
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, '\u{fffd}')
    .replace(/"[^"]*"/g, (name) =>
      name.length > SHOWN_NAME + 2 ? `"${shortened(name.slice(1, -1), SHOWN_NAME)}"` : name,
    )
    .replace(/\[[^[\]]*\]/g, (list) =>
      list.length > SHOWN_LIST + 2 ? `[${shortened(list.slice(1, -1), SHOWN_LIST)}]` : list,
    );
  return shortened(printable, SHOWN_SENTENCE);
}

/** A node of a file that stands in the way of opening it. */
export interface NodeProblem {
  /** Name of the node, or of what it makes where it has none. */
  readonly node: string;
  readonly op: string;
  /** Of the operator; empty for ONNX's own. */
  readonly domain: string;
  /** What is wrong, as the rest of a sentence about the node: `is no operator that Facet knows`. */
  readonly why: string;
}

/** A whole file whose network holds nodes that cannot be computed. */
export class UnsupportedModelError extends ModelError {
  override name = 'UnsupportedModelError';

  constructor(
    message: string,
    /** Name of the model. */
    readonly model: string,
    readonly problems: readonly NodeProblem[],
    /** Names of the layers that do not depend on those nodes. */
    readonly layers: readonly string[],
  ) {
    super(message);
  }
}

/** How many characters must be inserted, deleted or replaced to turn one text into the other (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[j] + 1, current[j - 1] + 1));
    }
    previous = current;
  }
  return previous[b.length];
}

/** The names most like the one asked for, nearest first; a name that contains it counts as near. */
export function nearest(asked: string, names: Iterable<string>, count = 3): string[] {
  const low = asked.toLowerCase();
  const distance = (name: string): number => {
    const other = name.toLowerCase();
    const contained = low.length > 0 && (other.includes(low) || low.includes(other));
    return contained ? Math.abs(low.length - other.length) / (low.length + other.length) : editDistance(low, other);
  };
  return [...new Set(names)]
    .map((name) => ({ name, distance: distance(name) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ name }) => name);
}

/** `"a", "b", "c"`. */
export const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');
