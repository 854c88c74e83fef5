// lean-wgsl.mjs: shaders as small as they get for a bundle: without comments and needless blanks. Names stay.

import { readFile } from 'node:fs/promises';

const COMMENTS = /\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
/** Signs that need no blank beside them; a minus may stand before another one. The braces of a hole are none: a name may fill it. */
const SIGNS = /[ \t]*((?<!\{)\{(?!\{)|(?<!\})\}(?!\})|[()[\],;:=<>+*/&|^!%])[ \t]*/g;

/** The same shader in fewer characters. Directives (`#if`, `#for`, …) keep lines of their own. */
export function leanWgsl(text) {
  const lines = text
    .replace(COMMENTS, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => (line.startsWith('#') ? line : line.replace(SIGNS, '$1')));
  // A line break after these is a blank like any other, unless a directive follows.
  return lines.join('\n').replace(/([;{},(])\n(?!#)/g, '$1');
}

/** For esbuild: .wgsl files as lean text. */
export const leanShaders = {
  name: 'lean-shaders',
  setup(build) {
    build.onLoad({ filter: /\.wgsl$/ }, async ({ path }) => ({
      contents: leanWgsl(await readFile(path, 'utf8')),
      loader: 'text',
    }));
  },
};
