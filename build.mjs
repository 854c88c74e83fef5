// build.mjs: bundles what runs. `node build.mjs [all|cli|page|core|tests|bench|training]`; other scripts import the functions.
// A target whose source folder does not exist yet is skipped; every other failure throws.

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { hashOfShaders, leanShaders } from './scripts/lean-wgsl.mjs';

export const root = path.dirname(fileURLToPath(import.meta.url));
const at = (...parts) => path.join(root, ...parts);

const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  loader: { '.wgsl': 'text' },
  define: { SHADERS_HASH: JSON.stringify(hashOfShaders(root)) },
  write: false,
  logLevel: 'error',
};

// Packages with native parts, or too large to bundle, stay imports; bundled CommonJS needs a `require`.
const forNode = {
  ...common,
  platform: 'node',
  external: ['webgpu', 'sharp', 'esbuild', 'playwright'],
  banner: {
    js: "import { createRequire as createRequireOfNode } from 'node:module';\nconst require = createRequireOfNode(import.meta.url);",
  },
};

const forBrowser = { ...common, platform: 'browser' };

// What is imported when it is needed, such as the kernels of a family of ops, is fetched then: each in a file of its own.
const inChunks = { ...forBrowser, splitting: true, minify: true, chunkNames: 'chunks/[name]-[hash]' };

// Written under a temporary name, then renamed: whoever reads a bundle meanwhile sees the old one or the new one.
// The file bears the time the build began, so a source edited during the build counts as newer.
async function bundle(options) {
  const began = new Date();
  const { outputFiles } = await build(options);
  for (const { path: file, contents } of outputFiles) {
    mkdirSync(path.dirname(file), { recursive: true });
    const temporary = `${file}.${process.pid}.tmp`;
    writeFileSync(temporary, contents);
    utimesSync(temporary, began, began);
    renameSync(temporary, file);
  }
  return outputFiles.map(({ path: file, contents }) => ({ file: path.relative(root, file), bytes: contents.length }));
}

// The same with chunks beside the entries; those of earlier builds go.
async function bundleInChunks(options) {
  const outputs = await bundle({ ...inChunks, ...options });
  const folder = path.join(options.outdir, 'chunks');
  const written = new Set(outputs.map(({ file }) => path.basename(file)));
  for (const name of readdirSync(at(folder))) if (!written.has(name)) rmSync(at(folder, name));
  return outputs;
}

export async function buildCli() {
  if (!existsSync(at('cli/main.ts'))) return [];
  return bundle({ ...forNode, entryPoints: ['cli/main.ts'], outfile: 'dist/cli.mjs', sourcemap: true });
}

export async function buildPage() {
  if (!existsSync(at('demo/main.ts'))) return [];
  const entryPoints = ['demo/main.ts', 'demo/worker.ts'].filter((file) => existsSync(at(file)));
  const outputs = await bundleInChunks({ entryPoints, outdir: 'dist/page', sourcemap: true });
  for (const name of readdirSync(at('demo')).filter((name) => /\.(html|css|svg)$/.test(name))) {
    cpSync(at('demo', name), at('dist/page', name));
  }
  if (existsSync(at('assets'))) cpSync(at('assets'), at('dist/page/assets'), { recursive: true });
  return outputs;
}

/** The engine alone, for programs that bring networks of their own: as small as it gets. */
export const buildCore = () =>
  bundleInChunks({
    entryPoints: [{ in: 'src/core.ts', out: 'facet-core' }],
    outdir: 'dist/core',
    plugins: [leanShaders],
  });

// bench/main.ts measures this engine in Node. bench/peers.ts drives the page that holds it beside others; that page it bundles
// itself, once the peers are installed.
export async function buildBench() {
  if (!existsSync(at('bench/main.ts'))) return [];
  const entryPoints = [
    { in: 'bench/main.ts', out: 'bench' },
    { in: 'bench/peers.ts', out: 'bench-peers' },
  ];
  return bundle({ ...forNode, entryPoints, outdir: 'dist', outExtension: { '.js': '.mjs' } });
}

export const buildTraining = () =>
  bundle({
    ...forNode,
    entryPoints: ['scripts/train-drawings.ts', 'scripts/add-self-test.ts'],
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
  });

/** The test files of one kind (`node`, `gpu`, `page`) whose path contains one of `filters`, relative to the root. */
export function testFiles(kind, folder = 'tests', filters = ['']) {
  const directory = at(folder, kind);
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => path.posix.join(folder, kind, name.split(path.sep).join('/')))
    .filter((file) => filters.some((text) => file.includes(text)));
}

// Each test file gets a generated entry that imports it and runs what it queued. UVU_DEFER keeps uvu from starting by
// itself; it must be set before uvu loads, so uvu is part of the bundle.
const testEntries = (contentsOf) => ({
  name: 'test-entries',
  setup(build) {
    build.onResolve({ filter: /^entry:/ }, (args) => ({ path: args.path.slice('entry:'.length), namespace: 'entry' }));
    build.onLoad({ filter: /.*/, namespace: 'entry' }, (args) => ({
      contents: contentsOf(args.path),
      resolveDir: root,
    }));
  },
});

const importOf = (file) => `() => import(${JSON.stringify(`./${file}`)})`;

const startsInNode = (file) =>
  `import { runInNode } from './tests/support/suite.ts';\nawait runInNode(${importOf(file)});`;
/** The entry that is no test file only says which adapter there is. */
const startsInDawn = (file) =>
  `import { runInDawn } from './tests/support/dawn-entry.ts';\nawait runInDawn(${file.endsWith('.test.ts') ? importOf(file) : ''});`;

/** `place` says where the files of `gpu` are to run: in a `browser`, or in `node` through Dawn, where those of `page` cannot. */
export async function buildTests(folder = 'tests', filters = [''], place = 'browser') {
  const outdir = `dist/${folder}`;
  const defer = 'globalThis.UVU_DEFER = 1; globalThis.UVU_QUEUE = [[null]];';
  const outputs = [];
  const [nodeFiles, pageFiles, gpuFiles] = ['node', 'page', 'gpu'].map((kind) => testFiles(kind, folder, filters));

  const buildForNode = async (files, contentsOf) => {
    const bundles = await bundle({
      ...forNode,
      entryPoints: files.map((file) => ({
        in: `entry:${file}`,
        out: path.posix.relative(folder, file).replace(/\.ts$/, ''),
      })),
      outdir,
      outExtension: { '.js': '.mjs' },
      sourcemap: 'inline',
      banner: { js: `${forNode.banner.js}\n${defer}` },
      plugins: [testEntries(contentsOf)],
    });
    outputs.push(...bundles);
  };
  if (place === 'node') {
    if (nodeFiles.length > 0) await buildForNode(nodeFiles, startsInNode);
    if (gpuFiles.length > 0) await buildForNode([`${folder}/adapter`, ...gpuFiles], startsInDawn);
    return outputs;
  }
  if (nodeFiles.length + pageFiles.length > 0) await buildForNode([...nodeFiles, ...pageFiles], startsInNode);
  if (gpuFiles.length + pageFiles.length > 0) {
    const bundles = await bundle({
      ...forBrowser,
      entryPoints: [{ in: 'entry:gpu', out: 'gpu' }],
      outdir,
      banner: { js: defer },
      plugins: [
        leanShaders, // every kernel is run in the form that small bundles have
        testEntries(
          () =>
            `import { runInBrowser } from './tests/support/browser-entry.ts';\nawait runInBrowser({\n` +
            `${gpuFiles.map((file) => `  ${JSON.stringify(file)}: ${importOf(file)},`).join('\n')}\n});`,
        ),
      ],
    });
    outputs.push(...bundles);
  }
  return outputs;
}

const targets = {
  cli: buildCli,
  page: buildPage,
  core: buildCore,
  tests: () => buildTests(),
  bench: buildBench,
  training: buildTraining,
};

async function main(name = 'all') {
  if (name !== 'all' && !(name in targets))
    throw new Error(`unknown target "${name}": use all, ${Object.keys(targets).join(', ')}`);
  const chosen = name === 'all' ? [buildCli, buildPage] : [targets[name]];
  for (const target of chosen) {
    const outputs = (await target()).filter(({ file }) => !file.endsWith('.map'));
    const chunks = outputs.filter(({ file }) => path.dirname(file).endsWith('chunks'));
    const say = (what, bytes) => console.log(`${what}  ${(bytes / 1024).toFixed(1)} KiB`);
    for (const { file, bytes } of outputs) if (!chunks.some((chunk) => chunk.file === file)) say(file, bytes);
    if (chunks.length > 0) {
      const sum = chunks.reduce((sum, { bytes }) => sum + bytes, 0);
      say(`${path.dirname(chunks[0].file)}  ${chunks.length} files, together`, sum);
    }
  }
}

if (process.argv[1] && statSync(process.argv[1]).ino === statSync(fileURLToPath(import.meta.url)).ino) {
  try {
    await main(process.argv[2]);
  } catch (error) {
    if (!error.errors) console.error(`build: ${error.message}`); // esbuild has printed its own
    process.exitCode = 1;
  }
}
