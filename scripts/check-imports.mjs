// check-imports.mjs: imports run one way, the pure half names no GPU object, and what runs in a browser names no Node module.
// `node scripts/check-imports.mjs [ROOT]` prints file:line and the rule for each breach.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(process.argv[2] ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '..'));

// Lowest first: a layer imports itself and what stands before it. The last three do not import each other.
const layers = ['shaders', 'kernels', 'engine', 'autodiff', 'models', 'training', 'viz'];
const tops = ['cli', 'demo', 'bench'];
// What is offered to others: everything, and the engine alone.
const doors = ['src/index.ts', 'src/core.ts'];

const isPure = (file) => /^src\/(kernels|engine|autodiff)\//.test(file) && !file.startsWith('src/engine/gpu/');
const isForBrowsers = (file) => file.startsWith('src/') && !file.endsWith('.node.ts');

function layerOf(file) {
  const [first, second, third] = file.split('/');
  if (first !== 'src') return first;
  return third === undefined ? 'src' : second; // a file directly in src/: its door, or shared by all
}

// Modules of kernels are chunks of their own, which families.ts loads; an import elsewhere would put them in the first chunk.
const isOfKernels = (file) => /^src\/kernels\/\w+_(kernels|software|gpu|grouped)\.ts$/.test(file);

/** Why `file` may not import `target` (both relative to the root), or undefined. */
function breach(file, target) {
  const from = layerOf(file);
  const to = layerOf(target);
  if (from === 'tests') return undefined;
  if (isOfKernels(target) && !isOfKernels(file) && file !== 'src/kernels/families.ts')
    return 'kernels are loaded by families.ts';
  if (from === to) return undefined;
  if (to === 'tests') return 'nothing imports tests';
  if (tops.includes(to)) return `${from} may not import ${to}`;
  if (tops.includes(from) || doors.includes(file)) return undefined;
  if (doors.includes(target)) return `${from} may not import the public API`;
  if (to === 'src') return undefined;
  if (from === 'src') return `a file directly in src/ may import no layer, only ${doors.join(' and ')} may (${to})`;
  if (!layers.includes(from)) return `"${from}" is no layer; the layers are ${layers.join(' <- ')}`;
  if (!layers.includes(to)) return `"${to}" is no layer; the layers are ${layers.join(' <- ')}`;
  return layers.indexOf(to) > layers.indexOf(from) ? `${from} may not import ${to}: ${layers.join(' <- ')}` : undefined;
}

// Comments become blanks of the same number of lines; strings stay.
const withoutComments = (text) =>
  text.replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (match) =>
    match.startsWith('/') ? match.replace(/[^\n]/g, ' ') : match,
  );

const importPattern = /(?:\bfrom|\bimport)\s*\(?\s*(['"])([^'"\n]+)\1/g;
const gpuPattern = /\bnavigator\s*\.\s*gpu\b|\bGPU[A-Z]\w*/g;

function* breachesIn(file) {
  const text = withoutComments(readFileSync(path.join(root, file), 'utf8'));
  const lineAt = (index) => text.slice(0, index).split('\n').length;
  for (const { index, 2: specifier } of text.matchAll(importPattern)) {
    const report = (rule) => `${file}:${lineAt(index)}: imports '${specifier}': ${rule}`;
    if (specifier.startsWith('.')) {
      const target = path.posix.join(path.posix.dirname(file), specifier);
      const rule = breach(file, target);
      if (rule) yield report(rule);
    } else if (specifier.startsWith('node:') && isForBrowsers(file)) {
      yield report('src runs in browsers; a Node module belongs in a file named *.node.ts');
    } else if (specifier === 'webgpu' && isPure(file)) {
      yield report('kernels, autodiff and engine (but engine/gpu) run without a GPU');
    }
  }
  if (!isPure(file)) return;
  for (const { index, 0: name } of text.matchAll(gpuPattern)) {
    yield `${file}:${lineAt(index)}: ${name}: kernels, autodiff and engine (but engine/gpu) name no GPU object`;
  }
}

function sourcesIn(folder) {
  const directory = path.join(root, folder);
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true })
    .filter((name) => /\.(ts|mjs|js)$/.test(name) && !name.split(path.sep).includes('node_modules'))
    .map((name) => path.posix.join(folder, name.split(path.sep).join('/')));
}

const files = ['src', ...tops, 'tests'].flatMap(sourcesIn);
const breaches = files.flatMap((file) => [...breachesIn(file)]);
for (const line of breaches) console.error(line);
console.log(`import order: ${files.length} files, ${breaches.length} breaches`);
if (breaches.length > 0) process.exitCode = 1;
