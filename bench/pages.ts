// pages.ts: bundles the pages, and weighs the bundles.

import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { leanShaders } from '../scripts/lean-wgsl.mjs';
import type { Bundle, EngineName } from './report.ts';

const common = (root: string): BuildOptions => ({
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  plugins: [leanShaders],
  logLevel: 'error',
  legalComments: 'none',
  // TensorFlow.js asks for Node's modules where it runs in Node.
  external: ['node-fetch', 'util', 'crypto', 'string_decoder'],
});

const FIRST = ['facet', 'tfjs', 'jax', 'ort'].map((engine) => `bench/peers/first/${engine}.ts`);

/** Where no peer takes part, none need be installed: their packages are empty then. */
const withoutPeers: Plugin = {
  name: 'without-peers',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(@tensorflow\/|@jax-js\/|onnxruntime-web)/ }, ({ path }) => ({ path, namespace: 'absent' }));
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** The page of all engines, and for each engine one that shows its first result. */
export async function buildPages(root: string, engines: readonly EngineName[]): Promise<void> {
  const plugins = engines.length > 1 ? [leanShaders] : [leanShaders, withoutPeers];
  const folder = path.join(root, 'dist/bench');
  mkdirSync(folder, { recursive: true });
  await build({ ...common(root), plugins, entryPoints: ['bench/page.ts'], outfile: path.join(folder, 'page.js') });
  await build({
    ...common(root),
    plugins,
    entryPoints: FIRST,
    outdir: folder,
    entryNames: 'first-[name]',
  });
  copyFileSync(path.join(root, 'bench/peers.html'), path.join(folder, 'peers.html'));
  for (const file of FIRST) {
    const name = path.basename(file, '.ts');
    const html = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="first-${name}.js"></script>`;
    writeFileSync(path.join(folder, `first-${name}.html`), html);
  }
}

interface Weighed {
  readonly name: string;
  readonly engine: EngineName;
  /** What the bundle is of. */
  readonly code: string;
}

const WEIGHED: readonly Weighed[] = [
  {
    name: 'Facet: the engine, all ops, kernels and gradients',
    engine: 'facet',
    code: "export * from './src/core.ts';",
  },
  {
    name: 'Facet: what the page of SqueezeNet loads, with the reader of ONNX files',
    engine: 'facet',
    code: "import './bench/peers/first/facet.ts';",
  },
  {
    name: 'Facet: all of it, with visualization, attribution and training',
    engine: 'facet',
    code: "export * from './src/index.ts';",
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

async function weigh(root: string, { name, engine, code }: Weighed): Promise<Bundle> {
  // Peers are found from bench/, the engine from the root.
  const isOwn = engine === 'facet';
  const resolveDir = isOwn ? root : path.join(root, 'bench');
  const { outputFiles } = await build({
    ...common(root),
    stdin: { contents: code, resolveDir, loader: 'ts' },
    write: false,
  });
  return bundleOf(name, engine, Buffer.from((outputFiles ?? [])[0].contents));
}

const bundleOf = (name: string, engine: EngineName, contents: Buffer): Bundle => ({
  name,
  engine,
  bytes: contents.length,
  gzipBytes: gzipSync(contents).length,
});

/** Sizes of the engines as a page would load them. onnxruntime-web comes bundled, and loads WebAssembly. */
export async function weighBundles(root: string, engines: readonly EngineName[]): Promise<Bundle[]> {
  const chosen = WEIGHED.filter(({ engine }) => engines.includes(engine));
  const bundles: Bundle[] = [];
  for (const each of chosen) bundles.push(await weigh(root, each));
  if (!engines.includes('ort')) return bundles;
  const folder = path.join(root, 'bench/node_modules/onnxruntime-web/dist');
  const files = ['ort.webgpu.min.mjs', 'ort-wasm-simd-threaded.asyncify.mjs', 'ort-wasm-simd-threaded.asyncify.wasm'];
  const [script, glue, wasm] = files.map((file) => path.join(folder, file));
  const scripts = Buffer.concat([readFileSync(script), readFileSync(glue)]);
  bundles.push(bundleOf('onnxruntime-web: scripts', 'ort', scripts));
  if (statSync(wasm, { throwIfNoEntry: false })) {
    bundles.push(bundleOf('onnxruntime-web: WebAssembly', 'ort', readFileSync(wasm)));
  }
  return bundles;
}
