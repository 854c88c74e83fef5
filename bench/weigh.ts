// weigh.ts: how large the engines are: bundled, and what of this engine a page loads.

import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { BenchBrowser } from './browser.ts';
import { bundling } from './pages.ts';
import type { Bundle, EngineName } from './report.ts';

interface Weighed {
  readonly name: string;
  readonly engine: EngineName;
  /** What the bundle is of. */
  readonly code: string;
  /** Also weigh what is loaded before anything else is asked for, under this name. */
  readonly first?: string;
}

const WEIGHED: readonly Weighed[] = [
  {
    name: 'Facet: the engine, all ops, gradients and kernels for every kind of device',
    engine: 'facet',
    code: "export * from './src/core.ts';",
    first: 'Facet: of that, what is loaded at first',
  },
  {
    name: 'Facet: all of it, with visualization, attribution and training',
    engine: 'facet',
    code: "export * from './src/index.ts';",
    first: 'Facet: of that, what is loaded at first',
  },
  {
    name: 'tfjs: core, gradients, WebGPU backend',
    engine: 'tfjs',
    code:
      "export * from '@tensorflow/tfjs-core'; import '@tensorflow/tfjs-core/dist/register_all_gradients';" +
      "export * from '@tensorflow/tfjs-backend-webgpu';",
  },
  { name: 'jax-js', engine: 'jax', code: "export * from '@jax-js/jax';" },
];

async function weigh(root: string, { name, engine, code, first }: Weighed): Promise<Bundle[]> {
  // Peers are found from bench/, the engine from the root.
  const resolveDir = engine === 'facet' ? root : path.join(root, 'bench');
  const { outputFiles = [], metafile } = await build({
    ...bundling(root),
    stdin: { contents: code, resolveDir, loader: 'ts' },
    outdir: path.join(root, 'dist/weighed'),
    metafile: true,
    write: false,
  });
  const all = bundleOf(
    name,
    engine,
    outputFiles.map(({ contents }) => Buffer.from(contents)),
  );
  if (!first) return [all];
  const outputs = metafile?.outputs ?? {};
  const wanted = new Set<string>();
  const reach = (file: string): void => {
    if (wanted.has(file)) return;
    wanted.add(file);
    for (const { kind, path: imported } of outputs[file].imports) if (kind === 'import-statement') reach(imported);
  };
  for (const [file, { entryPoint }] of Object.entries(outputs)) if (entryPoint === '<stdin>') reach(file);
  const atFirst = outputFiles.filter((file) => wanted.has(path.relative(root, file.path).split(path.sep).join('/')));
  return [
    all,
    bundleOf(
      first,
      engine,
      atFirst.map(({ contents }) => Buffer.from(contents)),
    ),
  ];
}

const bundleOf = (name: string, engine: EngineName, files: readonly Buffer[]): Bundle => ({
  name,
  engine,
  bytes: files.reduce((sum, { length }) => sum + length, 0),
  gzipBytes: files.reduce((sum, file) => sum + gzipSync(file).length, 0),
});

/** Sizes of the engines, bundled. onnxruntime-web comes bundled, and loads WebAssembly. */
export async function weighBundles(root: string, engines: readonly EngineName[]): Promise<Bundle[]> {
  const bundles: Bundle[] = [];
  for (const each of WEIGHED) if (engines.includes(each.engine)) bundles.push(...(await weigh(root, each)));
  if (!engines.includes('ort')) return bundles;
  const folder = path.join(root, 'bench/node_modules/onnxruntime-web/dist');
  const files = ['ort.webgpu.min.mjs', 'ort-wasm-simd-threaded.asyncify.mjs', 'ort-wasm-simd-threaded.asyncify.wasm'];
  const [script, glue, wasm] = files.map((file) => path.join(folder, file));
  bundles.push(bundleOf('onnxruntime-web: scripts', 'ort', [readFileSync(script), readFileSync(glue)]));
  if (statSync(wasm, { throwIfNoEntry: false })) {
    bundles.push(bundleOf('onnxruntime-web: WebAssembly', 'ort', [readFileSync(wasm)]));
  }
  return bundles;
}

/** Every script that a page has loaded by the time its result is there. */
export async function weighPage(
  root: string,
  browser: BenchBrowser,
  page: 'facet' | 'squeezenet',
  patience: number,
): Promise<Bundle> {
  const names = {
    facet: 'Facet: all scripts of a page that runs SqueezeNet from its ONNX file',
    squeezenet: 'Facet: all scripts of a page that runs SqueezeNet and its input gradient by the engine alone',
  };
  let complaint = '';
  await browser.open(`first-${page}.html`, (text) => {
    complaint ||= text;
  });
  await browser.waitFor(patience, 'window.first').catch((error) => {
    throw new Error(`first-${page}.html, which is weighed: ${complaint || (error as Error).message}`);
  });
  const list =
    "performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => name.endsWith('.js'))";
  const scripts = await browser.waitFor<string[]>(patience, list);
  const files = [...new Set(scripts.map((address) => path.posix.basename(new URL(address).pathname)))];
  return bundleOf(
    names[page],
    'facet',
    files.map((file) => readFileSync(path.join(root, 'dist/bench', file))),
  );
}
