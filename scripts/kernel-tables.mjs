// kernel-tables.mjs: copies the tables of a run of `facet bench --kernels` into docs/kernels.md, so that no number is copied by hand.
// `node scripts/kernel-tables.mjs [--check] [RESULTS.md] [DOC.md]`: RESULTS is what `facet bench --kernels --output bench/results` wrote. Between
// `<!-- table: NAME -->` and `<!-- end of table -->` comes the section NAME of it; `limits` stands for its lines on the run.
// With --check nothing is written, and what would change is an error.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const args = process.argv.slice(2);
const [
  results = path.join(root, 'bench/results/swiftshader-driver-5-0-0.md'),
  doc = path.join(root, 'docs/kernels.md'),
] = args.filter((text) => text !== '--check');

/** Headings with what follows them; what comes before the first heading of level two is `limits`. */
function sectionsOf(text) {
  const [intro, ...parts] = text.split(/^## /m);
  const sections = new Map();
  // The heading, how the run came about, the limits; the legend comes last, and kernels.md has one of its own.
  const [, run = '', limits = ''] = intro.trim().split(/\n\n/);
  sections.set('limits', `${run}\n\n${limits}`);
  for (const part of parts) {
    const [name, ...lines] = part.split('\n');
    // The tables and their notes; not the line that ends the file.
    const kept = lines.filter((line) => /^(\||- |$)/.test(line));
    sections.set(name.trim(), kept.join('\n').trim());
  }
  return sections;
}

const MARK = /(<!-- table: (.+?) -->\n)[\s\S]*?(<!-- end of table -->)/g;

function fail(message) {
  console.error(`kernel-tables: ${message}`);
  process.exit(1);
}

const before = readFileSync(doc, 'utf8');
// Before there was a run there are no tables.
const sections = existsSync(results) ? sectionsOf(readFileSync(results, 'utf8')) : undefined;
const after = before.replace(MARK, (_, start, name, end) => {
  if (!sections) return `${start}${end}`;
  const text = sections.get(name) ?? fail(`${results} has no section "${name}". Run all of facet bench --kernels.`);
  return `${start}\n${text}\n\n${end}`;
});
if (!args.includes('--check')) {
  if (!sections) fail(`there is no ${results}. Run facet bench --kernels --output bench/results first.`);
  writeFileSync(doc, after);
} else if (after !== before) fail(`${doc} is not what ${results} says. Run node scripts/kernel-tables.mjs.`);
