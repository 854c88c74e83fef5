// wgsl.test.ts: shader text: every shader's parameters are exact, uniforms are packed by the struct.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { leanWgsl, parameterNames, renamed, shortNames } from '../../scripts/lean-wgsl.mjs';
import { expandShader, packUniforms, shaderText } from '../../src/engine/wgsl.ts';
import { knownShaders, loadKernels, loadedKernels, loadShaders, shaderSource } from '../../src/kernels/families.ts';
import { loadEverything } from '../support/kernels.ts';
import { suite } from '../support/suite.ts';

const test = suite('shader text');

test('what was not loaded is named, with what to do', async () => {
  const lrn = { op: 'lrn', attrs: {} } as const;
  assert.throws(
    () => loadedKernels(lrn, 'gpu'),
    /kernels of lrn are not loaded; await loadKernels of them for 'gpu' first/,
  );
  await loadKernels([lrn], 'gpu');
  assert.type(loadedKernels(lrn, 'gpu'), 'function');
  assert.throws(() => loadedKernels(lrn, 'software'), /kernels of lrn are not loaded/);
  assert.throws(() => shaderSource('lrn_run'), /shader lrn_run: it is not loaded/);
  await loadShaders(['lrn_run']);
  assert.match(shaderSource('lrn_run'), /fn main/);
  await loadShaders(['no_such']).then(
    () => assert.unreachable('a shader of no family'),
    (error) => assert.match(error.message, /shader no_such: no module of kernels lists it/),
  );
});

test('every shader file is of a family, under its own name, or of the engine itself', async () => {
  await loadEverything();
  const files = Object.keys(filesIn('shaders'));
  const own = ['limit_copy', 'limit_multiply_add', 'present'];
  assert.equal([...knownShaders(), ...own].sort(), files.sort());
  for (const name of knownShaders()) assert.is(shaderSource(name), filesIn('shaders')[name], name);
  for (const [name, text] of Object.entries(filesIn('shaders/shared'))) assert.is(shaderSource(name), text, name);
});

/** The texts of the WGSL files in a folder, by name. */
function filesIn(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.wgsl'));
  return Object.fromEntries(
    names.map((name) => [path.basename(name, '.wgsl'), readFileSync(path.join(folder, name), 'utf8')]),
  );
}

test('conditions, holes and includes are resolved', () => {
  const text = shaderText('reduce', { WORKGROUP: 64, MAX: true });
  assert.match(text, /const WORKGROUP = 64u;/);
  assert.match(text, /return max\(a, b\);/);
  assert.not.match(text, /return a \+ b;/);
  assert.not.match(text, /#|\{\{/);
});

test('holes count: loop numbers, parameters and numbers, added, subtracted and multiplied', () => {
  const text = shaderText('depthwise_row', {
    WORKGROUP: 64,
    S: 3,
    SW: 2,
    DW: 1,
    PIXELS: 2,
    COLUMNS: 5,
    EPILOGUE_BINDINGS: '',
    EPILOGUE: '  return acc;',
  });
  assert.match(text, /acc_1 \+= x_4 \* w_2;/);
  assert.not.match(text, /x_5|\{\{/);
});

test('a missing parameter is named', () => {
  assert.throws(() => shaderText('reduce', { WORKGROUP: 64 }), /shader reduce: parameter MAX is not given/);
});

test('an unused parameter is named', () => {
  assert.throws(
    () => shaderText('reduce', { WORKGROUP: 64, MAX: true, TILE: 4 }),
    /parameter TILE is given but never used/,
  );
});

test("a condition must be a boolean, because the string 'false' would hold", () => {
  assert.throws(
    () => shaderText('reduce', { WORKGROUP: 64, MAX: 'false' }),
    /parameter MAX is used as a condition but its value is "false"/,
  );
});

const STRUCT = 'struct Params {\n  count: u32,\n  shift: i32,\n  rate: f32,\n}';

test('uniforms are packed in the order and type of the struct', () => {
  const view = new DataView(packUniforms(STRUCT, { rate: 0.5, count: 7, shift: -3 }));
  assert.is(view.getUint32(0, true), 7);
  assert.is(view.getInt32(4, true), -3);
  assert.is(view.getFloat32(8, true), 0.5);
});

test('uniforms that do not fit the struct are named', () => {
  assert.throws(() => packUniforms(STRUCT, { count: 7, shift: -3 }), /uniform rate is not given/);
  assert.throws(
    () => packUniforms(STRUCT, { count: 7, shift: 0, rate: 1, more: 2 }),
    /uniform more is given but not a member/,
  );
  assert.throws(() => packUniforms(STRUCT, { count: 7.5, shift: 0, rate: 1 }), /uniform count: 7.5 is not an integer/);
  for (const wrong of [{ count: -1 }, { count: 2 ** 32 }, { shift: 2 ** 31 }]) {
    assert.throws(() => packUniforms(STRUCT, { count: 7, shift: 0, rate: 1, ...wrong }), /does not fit into 32 bits/);
  }
});

test('uniforms are found in a lean shader as well', () => {
  for (const [name, text] of Object.entries(filesIn('shaders'))) {
    const members = [...(/struct Params \{([^}]*)\}/.exec(text)?.[1] ?? '').matchAll(/(\w+)\s*:/g)].map((m) => m[1]);
    const values = Object.fromEntries(members.map((member, i) => [member, i]));
    assert.equal(packUniforms(leanWgsl(text), values), packUniforms(text, values), name);
  }
});

test('bindings are numbered in order, so that lean shaders can leave their numbers out', async () => {
  await loadEverything();
  const numbersIn = (text: string): string[] => text.match(/@binding\([^)]*\)/g) ?? [];
  for (const text of Object.values(filesIn('shaders'))) assert.equal(numbersIn(leanWgsl(text)), []);
  const source = filesIn('shaders').concat;
  const text = { INPUTS: 3, ROWS: 1, TYPE: 'f32', WORKGROUP: 64 };
  const numbered = numbersIn(expandShader('concat', leanWgsl(source), text));
  assert.equal(numbered, ['@binding(0)', '@binding(1)', '@binding(2)', '@binding(3)', '@binding(4)']);
  const given = numbersIn(expandShader('concat', source, text));
  assert.equal(given, ['@binding(0)', '@binding(1)', '@binding(2 + 0)', '@binding(2 + 1)', '@binding(2 + 2)']);
  const mixed = '@group(0) @binding(0) var<uniform> a: A;\nvar<storage, read_write> b: B;\nvar<storage> c: C;';
  assert.equal(numbersIn(expandShader('mixed', mixed)), ['@binding(0)', '@binding(1)', '@binding(2)']);
});

/** Words and signs; what a blank between two signs keeps apart stays apart. A hole is as good as the words that fill it. */
const tokensOf = (text: string): string[] =>
  text
    .replace(/\/\/.*|\/\*[\s\S]*?\*\//g, '')
    .replace(/@group\(0\) @binding\([^)]*\) (var<)/g, '$1')
    .replace(/var<storage, read>/g, 'var<storage>')
    .replace(/\{\{([^{}]*)\}\}/g, (_, hole: string) => `_${hole.replace(/\W/g, '')}_`)
    .match(/[\w.@#]+|->|&&|\|\||<<|>>|\+\+|--|[-+*/%&|^=!<>]=|\S/g) ?? [];

test('what fills a hole in a lean shader stays apart from the word before it', () => {
  assert.is(leanWgsl('fn f() -> T {\n  return {{READ}};\n}\n'), 'fn f()->T{return {{READ}};}');
});

test('lean shaders are the same shaders, word for word', () => {
  let [before, after] = [0, 0];
  for (const [name, text] of Object.entries({ ...filesIn('shaders'), ...filesIn('shaders/shared') })) {
    const lean = leanWgsl(text);
    assert.is(tokensOf(lean).join('\n'), tokensOf(text).join('\n'), name);
    const directives = (source: string) => source.split('\n').filter((line) => line.trim().startsWith('#')).length;
    assert.is(directives(lean), directives(text), name);
    before += text.length;
    after += lean.length;
  }
  assert.ok(after < 0.7 * before, `${after} of ${before} characters`);
  assert.is(leanWgsl('fn f() -> u32 {\n  return {{READ}};\n}\n'), 'fn f()->u32{return {{READ}};}');
  assert.is(leanWgsl('a - -b; // c\n#if X\n  d = e;\n#endif\n'), 'a - -b;\n#if X\nd=e;\n#endif');
  assert.is(leanWgsl('a - 1 - (b) - c - {{K}};'), 'a-1-(b)-c - {{K}};');
});

test('short names are the same in all shaders, and leave what others know', () => {
  const files = { ...filesIn('shaders'), ...filesIn('shaders/shared') };
  const texts = Object.values(files).map(leanWgsl);
  const names = shortNames(texts);
  const long = new Map([...names].map(([from, to]) => [to, from]));
  assert.is(long.size, names.size, 'two names became one');
  const restore = (text: string) => text.replace(/[A-Za-z_]\w*/g, (word) => long.get(word) ?? word);
  const parameters = parameterNames(texts);
  const isFixed = (word: string) => !parameters.has(long.get(word) ?? word);
  /** What is no parameter: in the struct of the uniforms, in directives, holes and attributes. */
  const fixedIn = (text: string) =>
    (text.match(/struct Params\{[^}]*\}|^#.*$|\{\{.*?\}\}|@(?:builtin|group|binding)\(.*?\)/gm) ?? [])
      .join(' ')
      .split(/\W+/)
      .filter(isFixed);
  let [before, after] = [0, 0];
  for (const text of texts) {
    const short = renamed(text, names);
    assert.is(restore(short), text);
    assert.equal(fixedIn(short), fixedIn(text));
    before += text.length;
    after += short.length;
  }
  assert.ok(after < 0.88 * before, `${after} of ${before} characters`);
  for (const name of parameters) assert.ok(names.has(name), name);
  const small = ['fn twice(value:u32)->u32{return 2u*value;}', 'let some_{{i}}=twice(max(7u,params.count));'];
  const own = shortNames(small);
  assert.equal([...own.keys()].sort(), ['twice', 'value'], 'names beside holes, of the language and of uniforms stay');
});

test('parameters of shaders with names of their own get short ones, others are left alone', () => {
  const shader = [
    '#include "some_file"',
    'struct Params{row_length:u32,count:u32,start_0:i32,}',
    '#if HALF_A',
    'const TILE={{TILE}}+{{SW}};alias S={{READ}};',
    '#endif',
  ];
  assert.equal([...parameterNames([shader.join('\n')])].sort(), ['HALF_A', 'TILE', 'row_length']);
});
