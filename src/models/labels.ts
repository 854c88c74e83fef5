// labels.ts: names of classes: from a model's metadata or a text, and the class that someone means by a name.

import { ModelError, nearest, quoted } from './error.ts';

/** Class names of CIFAR-10, in the order of its labels. */
export const cifar10Labels: readonly string[] = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

/** Names of the label files that callers look for beside a model, and in a folder `labels` beside it or one level up. */
export const labelFileNames: readonly string[] = ['labels.txt', 'synset_words.txt'];

/**
 * One class a line: `tench, Tinca tinca`, with or without a WordNet id before it (`n01440764 tench`). An empty last
 * line does not count; others do, so that lines keep their numbers.
 */
export function parseLabels(text: string): string[] {
  const lines = text
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split(/\r?\n/);
  return lines.map((line) => line.replace(/^n\d{8}\s+/, '').trim());
}

/** Labels that a file carries: `facet.labels`, `labels` or `names`, as a JSON list or object, or one a line. */
export function labelsFromMetadata(metadata: ReadonlyMap<string, string>): string[] {
  for (const key of ['facet.labels', 'labels', 'names']) {
    const text = metadata.get(key);
    if (text) return fromText(text);
  }
  return [];
}

function fromText(text: string): string[] {
  const trimmed = text.trim();
  try {
    const parsed: unknown = JSON.parse(trimmed);
    if (Array.isArray(parsed)) return parsed.map(String);
    if (parsed && typeof parsed === 'object') return Object.values(parsed).map(String);
  } catch {
    // Not JSON: some exporters write a Python dictionary, {0: 'cat', 1: 'dog'}.
    if (trimmed.startsWith('{')) {
      const entries = trimmed.matchAll(/\d+\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g);
      return [...entries].map(([, single, double]) => single ?? double);
    }
  }
  return trimmed.includes('\n') ? parseLabels(trimmed) : trimmed.split(',').map((label) => label.trim());
}

/**
 * Labels for a network of so many classes. Networks with one class more than there are labels have a background class
 * before the others (TensorFlow's habit).
 */
export function fitLabels(labels: readonly string[], classes: number): readonly string[] {
  if (labels.length === 0 || labels.length === classes) return labels;
  if (labels.length + 1 === classes) return ['background', ...labels];
  throw new ModelError(
    `${labels.length} labels do not fit its ${classes} outputs. Give a file with ${classes} lines, one class each.`,
  );
}

/** `tench, Tinca tinca` -> `tench`: what lists and pictures show. */
export const shortLabel = (label: string): string => label.split(',')[0].trim();

/** Index of the class that a text names: its number, or a name that fits one class only, in upper or lower case. */
export function findLabel(labels: readonly string[], text: string, classes = labels.length): number {
  const asked = text.trim().toLowerCase();
  if (/^[-+]?\d+$/.test(asked)) {
    const index = Number(asked);
    if (index >= 0 && index < classes) return index;
    throw new ModelError(`class ${index} is none of the network's ${classes}. Give one in 0..${classes - 1}.`);
  }
  if (labels.length === 0) {
    throw new ModelError(
      `the class "${text}" cannot be looked up: no labels are known. Give its number, or --labels FILE.`,
    );
  }
  const synonyms = labels.map((label) =>
    label
      .toLowerCase()
      .split(',')
      .map((part) => part.trim()),
  );
  const ways: ((names: readonly string[]) => boolean)[] = [
    ([first]) => first === asked,
    (names) => names.includes(asked),
    ([first]) => first.startsWith(asked),
    (names) => names.some((name) => name.startsWith(asked)),
    (names) => names.some((name) => name.includes(asked)),
  ];
  for (const isMeant of ways) {
    const found = synonyms.flatMap((names, index) => (asked && isMeant(names) ? [index] : []));
    if (found.length === 1) return found[0];
    if (found.length > 1) {
      const some = found.slice(0, 6).map((index) => `${shortLabel(labels[index])} (${index})`);
      const rest = found.length > some.length ? ` and ${found.length - some.length} more` : '';
      throw new ModelError(`"${text}" fits several classes: ${some.join(', ')}${rest}. Give the number of one.`);
    }
  }
  const near = nearest(text, labels.map(shortLabel));
  throw new ModelError(`no class is called "${text}". The nearest names are ${quoted(near)}.`);
}
