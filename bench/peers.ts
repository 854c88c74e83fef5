// peers.ts: `npm run bench`: this engine beside its peers in one page of a headless Chromium, on the same adapter. Writes
// what was found to bench/results, as numbers, as a table and as a picture of the page; what an earlier run found of works
// that are left out this time stays.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BenchBrowser } from './browser.ts';
import { FIRST_RESULT, measureFirst } from './firstResult.ts';
import { baseOf, isComparable, readReport, withEarlier } from './keep.ts';
import { buildPages, installPeers, weighBundles } from './pages.ts';
import { listWorks, multipleOf, type NamedWork } from './peerWorks.ts';
import { type EngineName, ENGINES, markdownOf, type Outcome, type PeerReport, type Row } from './report.ts';
import { networksAtHand, serveBench } from './server.ts';
import { Session } from './session.ts';

const USAGE = `npm run bench [-- OPTIONS]
  --quick            three rounds; matrices of 256 and 512, no GoogLeNet, nothing that takes minutes
  --only TEXT        only works whose name contains the text, or one of TEXT|TEXT
  --peers A,B        of tfjs, jax, ort; all by default, or none
  --sizes N,M        of the matrices; 256,512,1024,2048 by default
  --rounds N         seven by default
  --seconds N        for the rounds of one engine at one work, 30 by default: a slow one gets fewer rounds
  --patience N       seconds after which a call counts as hanging, 240 by default
  --no-first         without the time from page load to the first result
  --gpu              do not force Chromium's software adapter
  --output FOLDER    bench/results by default; works left out keep the numbers that lie there, marked as of an earlier run
Engines are compared here; \`facet bench\` measures this engine against its own naive kernels and the limits of the device.
`;

const DEFAULT_SIZES = [256, 512, 1024, 2048];

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const say = (text: string): void => void process.stderr.write(`${text}\n`);

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string', default: 'tfjs,jax,ort' },
      sizes: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      patience: { type: 'string', default: '240' },
      'no-first': { type: 'boolean', default: false },
      gpu: { type: 'boolean', default: false },
      output: { type: 'string', default: path.join(root, 'bench/results') },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  const asked = values.peers === 'none' ? [] : values.peers.split(',');
  const unknown = asked.find((name) => !ENGINES.slice(1).includes(name as EngineName));
  if (unknown !== undefined)
    throw new Error(`there is no peer "${unknown}"; known are ${ENGINES.slice(1).join(', ')}.`);
  return {
    ...values,
    engines: ENGINES.filter((engine) => engine === 'facet' || asked.includes(engine)),
    sizes:
      values.sizes?.split(',').map((text) => positive(text)) ?? (quick ? DEFAULT_SIZES.slice(0, 2) : DEFAULT_SIZES),
    timing: {
      rounds: positive(values.rounds ?? (quick ? '3' : '7')),
      seconds: positive(values.seconds ?? (quick ? '10' : '30')),
      patience: positive(values.patience),
    },
  };
}

/** What to type to have the same again. */
function commandOf(args: readonly string[]): string {
  const quoted = args.map((text) => (/^[\w,.=/-]+$/.test(text) ? text : JSON.stringify(text)));
  return ['npm run bench', ...(quoted.length > 0 ? ['--', ...quoted] : [])].join(' ');
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`"${text}" is no number above 0.`);
  return value;
}

/** Engines that do a work only item after item: so many times the time of an item. */
function estimated(row: Row, { work }: NamedWork, rows: readonly Row[]): Row {
  const multiple = multipleOf(work);
  const item = multiple && rows.find(({ name }) => name === multiple.name);
  if (!multiple || !item) return row;
  const outcomes: Partial<Record<EngineName, Outcome>> = { ...row.outcomes };
  for (const engine of ENGINES) {
    const one = item.outcomes[engine];
    if (outcomes[engine]?.status !== 'none' || one?.status !== 'timed') continue;
    const { median, low, high, count } = one.millis;
    const times = (millis: number) => millis * multiple.count;
    outcomes[engine] = {
      status: 'timed',
      millis: { median: times(median), low: times(low), high: times(high), count },
      estimatedFrom: `${multiple.count} times "${multiple.name}"`,
    };
  }
  return { ...row, outcomes };
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) return void process.stdout.write(USAGE);
  const { engines, timing, sizes, quick } = options;
  const only = options.only?.split('|');
  const networks = networksAtHand(root);
  const works = listWorks({ sizes, networks, only, isQuick: quick });
  const takesFirst = !options['no-first'] && (!only || only.some((text) => FIRST_RESULT.includes(text)));
  if (works.length === 0 && !takesFirst)
    throw new Error(`no work is called like --only ${options.only}. Leave it out to see their names.`);
  installPeers(root, say);
  say('bundling');
  await buildPages(root);
  const bundles = await weighBundles(root, engines);
  const absent = networks.includes('squeezenet')
    ? ''
    : 'without ../shared/data/models only the network that comes along is run';
  if (absent) say(absent);

  const server = await serveBench(root);
  const browser = new BenchBrowser(root, server.url, options.gpu);
  const rows: Row[] = [];
  try {
    const first =
      takesFirst && !absent
        ? await measureFirst(browser, engines, { rounds: quick ? 1 : 3, patience: timing.patience }, say)
        : undefined;
    const session = new Session(browser, engines, timing, say);
    await session.open();
    say(session.adapter);
    const all = listWorks({ sizes: DEFAULT_SIZES, networks, isQuick: false });
    const names = [...all.map(({ name }) => name), ...(absent ? [] : [FIRST_RESULT])];
    const own = (): PeerReport => ({
      adapter: session.adapter,
      browser: browser.version,
      date: new Date().toISOString(),
      command: commandOf(process.argv.slice(2)),
      rounds: timing.rounds,
      versions: session.versions,
      rows: first ? [...rows, first] : rows,
      bundles,
    });
    const base = baseOf(own(), options.output);
    const earlier = readReport(base);
    if (earlier && !isComparable(own(), earlier))
      say('the results there are of another browser or other versions, and are replaced');
    const report = (): PeerReport => withEarlier(own(), earlier, names);
    for (const named of works) {
      try {
        rows.push(estimated(await session.measure(named), named, rows));
      } catch (error) {
        say(`  given up: ${(error as Error).message}`);
        await session.open(); // whatever state the page was in
        continue;
      }
      await browser.call(timing.patience, (bench, report) => bench.draw(report), report());
      save(report(), base); // a run that is cut short leaves what it had
    }
    await browser.call(timing.patience, (bench, report) => bench.draw(report), report());
    save(report(), base);
    await browser.screenshot(`${base}.png`);
    process.stdout.write(markdownOf(report()));
    say(`written to ${path.relative(process.cwd(), base)}.json, .md and .png`);
  } finally {
    await browser.close();
    server.close();
  }
}

/** Writes numbers and table to `base`, a path without its ending. */
function save(report: PeerReport, base: string): void {
  mkdirSync(path.dirname(base), { recursive: true });
  writeFileSync(`${base}.json`, `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(`${base}.md`, markdownOf(report));
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
try {
  await main();
} catch (error) {
  say(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
