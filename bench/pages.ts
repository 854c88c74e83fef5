// pages.ts: installs the peers, bundles the pages, and weighs the bundles.

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type BuildOptions } from 'esbuild';
import { leanShaders } from '../scripts/lean-wgsl.mjs';
import type { Bundle, EngineName } from './report.ts';

/** Installs the peers in bench/node_modules, once for each state of their lock file. */
export function installPeers(root: string, say: (text: string) => void): void {
  const folder = path.join(root, 'bench');
  const stamp = path.join(folder, 'node_modules/.installed-from');
  const lock = readFileSync(path.join(folder, 'package-lock.json'), 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  say('installing the peers in bench/node_modules (about 220 MB)');
  // Nothing of what they would run on installation is needed in a browser.
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0)
    throw new Error('the peers could not be installed; run `npm ci --ignore-scripts` in bench/ to see why.');
  writeFileSync(stamp, lock);
}

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

/** The page of all engines, and for each engine one that shows its first result. */
export async function buildPages(root: string): Promise<void> {
  const folder = path.join(root, 'dist/bench');
  mkdirSync(folder, { recursive: true });
  await build({ ...common(root), entryPoints: ['bench/page.ts'], outfile: path.join(folder, 'page.js') });
  await build({
    ...common(root),
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
