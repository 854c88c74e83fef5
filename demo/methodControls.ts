// methodControls.ts: controls for the options of an attribution method, made from its option table. What is left empty keeps
// the method's own default.

import type { Method, Option } from '../src/index.ts';
import { create, option as menuEntry } from './dom.ts';
import { sentenceFor } from './status.ts';

export interface MethodControls {
  readonly elements: readonly HTMLElement[];
  /** The values that differ from the defaults. Shows and throws the sentence of the first text that means nothing. */
  read(): Record<string, unknown>;
}

/** An option that only takes a file has no control here. */
const hasControl = ({ takesArray }: Option): boolean => takesArray !== 'pixels';

/** `kernelWidth` -> `Kernel width` */
function titleOf(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function textOf(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return Array.isArray(value) ? value.join('x') : String(value);
}

export function methodControls({ options }: Method): MethodControls {
  const controls = Object.entries(options)
    .filter(([, option]) => hasControl(option))
    .map(([name, option]) => controlOf(name, option));
  return {
    elements: controls.map(({ element }) => element),
    read: () => Object.fromEntries(controls.map(({ name, read }) => [name, read()]).filter(([, v]) => v !== undefined)),
  };
}

interface Control {
  readonly name: string;
  readonly element: HTMLElement;
  /** Undefined where nothing was chosen. */
  read(): unknown;
}

function controlOf(name: string, option: Option): Control {
  const id = `method-option-${name}`;
  const about = create('p', { id: `${id}-about`, className: 'hint', textContent: option.description });
  const field = fieldOf(id, option);
  field.id = id;
  field.setAttribute('aria-describedby', about.id);
  const isFlag = typeof option.fallback === 'boolean';
  const label = create('label', isFlag ? { className: 'check' } : {});
  label.append(...(isFlag ? [field, ` ${titleOf(name)}`] : [`${titleOf(name)} `, field]));
  const list = option.words && !option.choices ? wordsOf(id, option.words) : [];
  const element = create('div', {}, label, ...list, about);

  const read = (): unknown => {
    if (field instanceof HTMLInputElement && field.type === 'checkbox') {
      return field.checked === option.fallback ? undefined : field.checked;
    }
    const text = field.value.trim();
    return text === '' || text === textOf(option.fallback) ? undefined : option.parse(text);
  };
  /** Says beneath the field what is wrong with it. */
  const check = (): unknown => {
    try {
      const value = read();
      field.removeAttribute('aria-invalid');
      about.textContent = option.description;
      about.className = 'hint';
      return value;
    } catch (error) {
      field.setAttribute('aria-invalid', 'true');
      about.textContent = sentenceFor(error);
      about.className = 'hint bad';
      throw error;
    }
  };
  field.addEventListener('change', () => {
    try {
      check();
    } catch {
      // The sentence stands beneath the field.
    }
  });
  const readOrFocus = (): unknown => {
    try {
      return check();
    } catch (error) {
      field.focus();
      throw error;
    }
  };
  return { name, element, read: readOrFocus };
}

function fieldOf(id: string, { fallback, choices, words }: Option): HTMLInputElement | HTMLSelectElement {
  if (typeof fallback === 'boolean') return create('input', { type: 'checkbox', checked: fallback });
  if (choices) {
    const none = fallback === undefined ? [menuEntry('', 'as the method does')] : [];
    const menu = create('select', {}, ...none, ...choices.map((choice) => menuEntry(choice)));
    menu.value = textOf(fallback);
    return menu;
  }
  const isNumber = typeof fallback === 'number' && !words;
  const field = create('input', {
    type: 'text',
    spellcheck: false,
    inputMode: isNumber ? 'decimal' : 'text',
    placeholder: textOf(fallback) || 'none',
  });
  if (words) field.setAttribute('list', `${id}-words`);
  return field;
}

const wordsOf = (id: string, words: readonly string[]): HTMLElement[] => [
  create('datalist', { id: `${id}-words` }, ...words.map((word) => menuEntry(word))),
];
