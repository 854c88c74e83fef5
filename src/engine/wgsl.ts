// wgsl.ts: from a shader file to final WGSL text, and from named uniforms to bytes. No GPU object appears here.
//
// A file may hold `#include "name"`, unrolled loops `#for i COUNT` … `#endfor` with `{{i}}` inside, holes `{{NAME}}`,
// holes with whole-number arithmetic `{{i * STRIDE + j - 1}}`, and the conditionals of wgsl-preprocessor with a parameter (or its
// negation) as condition: `#if NAME`, `#elif !NAME`.

import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import { shaderSource } from '../kernels/families.ts';
import type { TextParams } from '../kernels/types.ts';

/** Texts made so far: the steps of a network share a few. */
const texts = new Map<string, string>();

/** Final text of a kernel's shader, which has to be loaded. */
export function shaderText(name: string, params: TextParams = {}): string {
  const key = `${name} ${JSON.stringify(params)}`;
  const text = texts.get(key) ?? expandShader(name, shaderSource(name), params);
  texts.set(key, text);
  return text;
}

/** Final text of a shader file. Throws on a parameter that is missing, of the wrong kind, or never used. */
export function expandShader(name: string, source: string, params: TextParams = {}): string {
  const used = new Set<string>();
  const lookup = (key: string, kind: 'condition' | 'hole' | 'count'): string | number | boolean => {
    if (!Object.hasOwn(params, key)) throw new Error(`shader ${name}: parameter ${key} is not given.`);
    used.add(key);
    const value = params[key];
    if ((kind === 'condition') !== (typeof value === 'boolean')) {
      throw new Error(
        `shader ${name}: parameter ${key} is used as a ${kind} but its value is ${JSON.stringify(value)}.`,
      );
    }
    return value;
  };
  const unrolled = unroll(resolveIncludes(source), (count) =>
    /^\d+$/.test(count) ? Number(count) : Number(lookup(count, 'count')),
  );
  const text = numberBindings(preprocess(unrolled, lookup));
  for (const key of Object.keys(params)) {
    if (!used.has(key)) throw new Error(`shader ${name}: parameter ${key} is given but never used.`);
  }
  return text;
}

/** Bindings follow one another in every shader, so their numbers may be left out. */
function numberBindings(text: string): string {
  let next = 0;
  return text.replace(/(@group\(0\) @binding\([^)]*\) )?var<(?=uniform|storage)/g, (whole, given?: string) => {
    const number = `@group(0) @binding(${next++}) `;
    return given ? whole : number + whole;
  });
}

const resolveIncludes = (text: string): string =>
  text.replace(/^#include "(\w+)"$/gm, (_, file: string) => resolveIncludes(shaderSource(file)).trimEnd());

/** Repeats the lines between `#for i COUNT` and its `#endfor`, innermost loops last. */
function unroll(text: string, countOf: (count: string) => number): string {
  const lines = text.split('\n');
  const expand = (from: number, to: number): string[] => {
    const result: string[] = [];
    for (let at = from; at < to; at++) {
      const loop = /^\s*#for (\w+) (\w+)\s*$/.exec(lines[at]);
      if (!loop) {
        result.push(lines[at]);
        continue;
      }
      const end = matchingEnd(lines, at);
      const body = expand(at + 1, end).join('\n');
      const name = new RegExp(`\\b${loop[1]}\\b`, 'g');
      for (let i = 0; i < countOf(loop[2]); i++) {
        result.push(body.replace(/\{\{[\w +*-]+\}\}/g, (hole) => hole.replace(name, String(i))));
      }
      at = end;
    }
    return result;
  };
  return expand(0, lines.length).join('\n');
}

function matchingEnd(lines: readonly string[], start: number): number {
  let depth = 0;
  for (let at = start; at < lines.length; at++) {
    if (/^\s*#for /.test(lines[at])) depth++;
    if (/^\s*#endfor\s*$/.test(lines[at]) && --depth === 0) return at;
  }
  throw new Error(`a #for has no #endfor: ${lines[start].trim()}`);
}

/** Feeds the text to the preprocessor's template tag, cut where it expects a value. */
function preprocess(
  text: string,
  lookup: (key: string, kind: 'condition' | 'hole') => string | number | boolean,
): string {
  const strings: string[] = [];
  const values: unknown[] = [];
  let from = 0;
  for (const match of text.matchAll(/(#(?:el)?if )(!?)(\w+)|\{\{([\w +*-]+)\}\}/g)) {
    const [whole, directive, not, condition, hole] = match;
    strings.push(text.slice(from, match.index) + (directive ?? ''));
    values.push(hole ? fill(hole, (key) => lookup(key, 'hole')) : lookup(condition, 'condition') !== (not === '!'));
    from = match.index + whole.length;
  }
  strings.push(text.slice(from));
  return wgsl(strings as unknown as TemplateStringsArray, ...values);
}

/** What stands in a hole: a parameter as it is, or products of numbers and parameters, added and subtracted. */
function fill(hole: string, lookup: (key: string) => string | number | boolean): string {
  const amount = (word: string) => (/^\d+$/.test(word) ? Number(word) : lookup(word));
  if (/^\w+$/.test(hole)) return String(amount(hole));
  const product = (term: string) => term.split('*').reduce((value, word) => value * Number(amount(word.trim())), 1);
  const terms = hole.replaceAll('-', '+-').split('+');
  const signed = (term: string) => (term.startsWith('-') ? -product(term.slice(1)) : product(term));
  return String(terms.reduce((sum, term) => sum + signed(term), 0));
}

type Members = readonly (readonly [name: string, type: string])[];

/** Of the texts they were asked for so far. */
const members = new Map<string, Members>();

/** Members of `struct Params` in order. */
function uniformMembers(text: string): Members {
  const known = members.get(text);
  if (known) return known;
  const struct = /struct Params\s*\{([^}]*)\}/.exec(text);
  const found = struct
    ? [...struct[1].replace(/\/\/.*/g, '').matchAll(/(\w+)\s*:\s*(\w+)/g)].map((m) => [m[1], m[2]] as const)
    : [];
  members.set(text, found);
  return found;
}

/** The value, if it lies in [low, end): a DataView would wrap it round without a word. */
function within(name: string, value: number, low: number, end: number): number {
  if (value >= low && value < end) return value;
  throw new Error(`uniform ${name}: ${value} does not fit into 32 bits.`);
}

/** The uniforms as the bytes of the shader's `struct Params`, whose members are all 32 bits wide. */
export function packUniforms(text: string, uniforms: Readonly<Record<string, number>> = {}): ArrayBuffer {
  const expected = uniformMembers(text);
  const bytes = new ArrayBuffer(4 * expected.length);
  const view = new DataView(bytes);
  const given = new Set(Object.keys(uniforms));
  expected.forEach(([name, type], i) => {
    if (!given.delete(name)) throw new Error(`uniform ${name} is not given.`);
    const value = uniforms[name];
    if (type === 'f32') view.setFloat32(4 * i, value, true);
    else if (!Number.isInteger(value)) throw new Error(`uniform ${name}: ${value} is not an integer.`);
    else if (type === 'u32') view.setUint32(4 * i, within(name, value, 0, 2 ** 32), true);
    else if (type === 'i32') view.setInt32(4 * i, within(name, value, -(2 ** 31), 2 ** 31), true);
    else throw new Error(`uniform ${name} has type ${type}; u32, i32 and f32 are known.`);
  });
  for (const name of given) throw new Error(`uniform ${name} is given but not a member of struct Params.`);
  return bytes;
}
