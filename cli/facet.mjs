#!/usr/bin/env node
// facet.mjs: the `facet` command. It rebuilds dist/cli.mjs when a source is newer, then hands over; no command lives here.

import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const bundle = path.join(root, 'dist/cli.mjs');
const sources = ['src', 'shaders', 'cli', 'build.mjs', 'package.json'].map((name) => path.join(root, name));

function newest(file) {
  if (!existsSync(file)) return 0;
  const stats = statSync(file);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return readdirSync(file).reduce((time, name) => Math.max(time, newest(path.join(file, name))), stats.mtimeMs);
}

try {
  if (!existsSync(bundle) || statSync(bundle).mtimeMs < Math.max(...sources.map(newest))) {
    const { buildCli } = await import('../build.mjs');
    await buildCli();
  }
} catch (error) {
  const missing = error.code === 'ERR_MODULE_NOT_FOUND';
  console.error(missing ? 'facet: the packages are not installed. Run `npm ci` first.' : `facet: ${error.message}`);
  process.exit(1);
}

await import('../dist/cli.mjs');
