// pages.ts: bundles the pages.

import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { hashOfShaders, leanShaders } from '../scripts/lean-wgsl.mjs';
import type { EngineName } from './report.ts';

/** What is imported when it is needed, such as the kernels of a family of ops, becomes a file of its own. */
export const bundling = (root: string): BuildOptions => ({
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  plugins: [leanShaders],
  define: { SHADERS_HASH: JSON.stringify(hashOfShaders(root)) },
  splitting: true,
  logLevel: 'error',
  legalComments: 'none',
  // TensorFlow.js asks for Node's modules where it runs in Node.
  external: ['node-fetch', 'util', 'crypto', 'string_decoder'],
});

const FIRST = ['facet', 'tfjs', 'jax', 'ort', 'squeezenet'].map((name) => `bench/peers/first/${name}.ts`);

/** Where no peer takes part, none need be installed: their packages are empty then. */
const withoutPeers: Plugin = {
  name: 'without-peers',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(@tensorflow\/|@jax-js\/|onnxruntime-web)/ }, ({ path }) => ({ path, namespace: 'absent' }));
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** The page of all engines, for each engine one that shows its first result, and one to weigh this engine by. */
export async function buildPages(root: string, engines: readonly EngineName[]): Promise<void> {
  const plugins = engines.length > 1 ? [leanShaders] : [leanShaders, withoutPeers];
  const folder = path.join(root, 'dist/bench');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // By itself each: what pages share would be a file of its own, which none of them would have alone.
  await build({ ...bundling(root), plugins, entryPoints: ['bench/page.ts'], outdir: folder });
  copyFileSync(path.join(root, 'bench/peers.html'), path.join(folder, 'peers.html'));
  for (const file of FIRST) {
    const name = path.basename(file, '.ts');
    await build({ ...bundling(root), plugins, entryPoints: [file], outdir: folder, entryNames: `first-${name}` });
    const html = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="first-${name}.js"></script>`;
    writeFileSync(path.join(folder, `first-${name}.html`), html);
  }
}
