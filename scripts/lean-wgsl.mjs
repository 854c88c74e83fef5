// lean-wgsl.mjs: what bundles do with shaders: they become as small as they get, without comments, needless blanks and what goes
// without saying, and with short names, and one short text stands for them all.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const COMMENTS = /\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
/** Signs that need no blank beside them; a minus may stand before another one. The braces of a hole are none: a name may fill it. */
const SIGNS = /[ \t]*((?<!\{)\{(?!\{)|(?<!\})\}(?!\})|[()[\],;:=<>+*/&|^!%])[ \t]*/g;

/** Of a binding: its numbers, which `expandShader` gives in order to those that have none, and what a storage variable is by default. */
const BINDING = /@group\(0\) @binding\([^)]*\) (?=var<)/g;
const READ_ONLY = /var<storage, read>/g;
/** Around a minus before a word or a parenthesis; what fills a hole may begin with another one. */
const MINUS = / - (?=[\w(])/g;

/** The same shader in fewer characters. Directives (`#if`, `#for`, …) keep lines of their own. */
export function leanWgsl(text) {
  const lines = text
    .replace(COMMENTS, '')
    .replace(BINDING, '')
    .replace(READ_ONLY, 'var<storage>')
    .replace(MINUS, '-')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => (line.startsWith('#') ? line : line.replace(SIGNS, '$1')));
  // A line break after these is a blank like any other, unless a directive follows.
  return lines.join('\n').replace(/([;{,(]|(?<!\})\})\n(?!#)/g, '$1');
}

/** Names that TypeScript knows: entry points, and what the texts that it puts into holes refer to. */
const KNOWN_NAMES = ['main', 'cover', 'shade', 'Params', 'acc', 'channel', 'held', 'four_halves'];
/** Where such a text refers to the uniforms as well. */
const BODY = '{{BODY}}';

const wordsOf = (text) => text.match(/[A-Za-z_]\w*/g) ?? [];
const INCLUDE = /^#include .*$/gm;

/** Property names that WebGPU has as well. */
const FOREIGN = ['READ', 'WRITE', 'STORAGE', 'UNIFORM', 'COMPUTE'];

/**
 * Names that TypeScript gives values to: members of `struct Params` and text parameters. Only those that no other property has:
 * of several words joined by `_`, or in capitals. A name that ends in a number may be put together.
 */
export function parameterNames(texts) {
  const all = texts.join('\n').replace(INCLUDE, '');
  const found = [/struct Params\s*\{([^}]*)\}/g, /^#(.*)$/gm, /\{\{([^}]*)\}\}/g].flatMap((pattern) =>
    [...all.matchAll(pattern)].flatMap(([, text]) => wordsOf(text)),
  );
  const isOwn = (name) => /^([a-z]+(_[a-z]+)+|[A-Z]{3,}(_[A-Z]+)*|[A-Z]+(_[A-Z]+)+)$/.test(name);
  return new Set(found.filter((name) => isOwn(name) && !FOREIGN.includes(name)));
}

/**
 * Names of two letters for what lean shaders declare and for their parameters, the same in all of them since they include each
 * other. Other uniforms keep theirs, and so does whatever belongs to a hole, a directive or the language.
 */
export function shortNames(texts) {
  const all = texts.join('\n').replace(INCLUDE, '');
  const parameters = parameterNames(texts);
  const kept = new Set(KNOWN_NAMES);
  const keep = (pattern) => {
    for (const match of all.matchAll(pattern)) for (const word of wordsOf(match.slice(1).join(' '))) kept.add(word);
  };
  keep(/^(#.*)$/gm);
  keep(/(\w*)\{\{([^}]*)\}\}(\w*)/g);
  keep(/struct Params\{([^}]*)\}/g);
  keep(/@(?:builtin|interpolate|group|binding)\(([^)]*)\)/g);
  const functions = new Set([...all.matchAll(/\bfn (\w+)/g)].map(([, name]) => name));
  for (const [, name] of all.matchAll(/\b([A-Za-z_]\w*)\(/g)) if (!functions.has(name)) kept.add(name);
  const declarations = /\b(?:let|var(?:<[^>]*>)?|const|fn|struct|alias)\s*([A-Za-z_]\w*)|\b([A-Za-z_]\w*):/g;
  const names = new Set([...all.matchAll(declarations)].map(([, declared, typed]) => declared ?? typed));
  const uses = new Map();
  for (const word of wordsOf(all)) uses.set(word, (uses.get(word) ?? 0) + 1);
  const gain = (name) => (name.length - 2) * uses.get(name);
  // With a number at its end a name may be that of a turn of a loop elsewhere.
  const long = [...new Set([...names, ...parameters])]
    .filter((name) => parameters.has(name) || (name.length > 2 && !/\d$/.test(name) && !kept.has(name)))
    .sort((a, b) => gain(b) - gain(a));
  // A capital and a small letter: no word of the language is so short and begins so.
  const letters = [...'abcdefghijklmnopqrstuvwxyz'];
  const free = letters.flatMap((first) => letters.map((second) => first.toUpperCase() + second));
  const unused = free.filter((name) => !uses.has(name));
  return new Map(long.slice(0, unused.length).map((name, k) => [name, unused[k]]));
}

/** A lean shader with other names. */
export const renamed = (text, names) =>
  text.replace(/^#include .*$|[A-Za-z_]\w*/gm, (word) =>
    word === 'params' && text.includes(BODY) ? word : (names.get(word) ?? word),
  );

const shadersIn = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.wgsl'))
    .sort()
    .map((name) => readFileSync(path.join(folder, name), 'utf8'));

/** For esbuild: .wgsl files as lean text with short names, which TypeScript then has for their parameters as well. */
export const leanShaders = {
  name: 'lean-shaders',
  setup({ initialOptions, onLoad }) {
    const texts = shadersIn(path.join(initialOptions.absWorkingDir, 'shaders')).map(leanWgsl);
    const names = shortNames(texts);
    const parameters = [...parameterNames(texts)];
    initialOptions.mangleProps = new RegExp(`^(${parameters.join('|')})$`);
    initialOptions.mangleCache = Object.fromEntries(parameters.map((name) => [name, names.get(name)]));
    onLoad({ filter: /\.wgsl$/ }, async ({ path: file }) => ({
      contents: renamed(leanWgsl(await readFile(file, 'utf8')), names),
      loader: 'text',
    }));
  },
};

/** Eight digits that change with any file in shaders/: what was measured with other shaders says nothing. */
export function hashOfShaders(root) {
  const hash = createHash('sha256');
  for (const text of shadersIn(path.join(root, 'shaders'))) hash.update(text);
  return hash.digest('hex').slice(0, 8);
}
