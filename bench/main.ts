// main.ts: `facet bench [MODEL.onnx …]`: this engine against its own naive kernels and the device's limits, in one run.
// Prints a table, or with --json the numbers; --output FOLDER writes them to a file named after the adapter,
// and after the models and --quick where they were given.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type AdapterChoice, openNodeDevice } from '../src/engine/gpu/dawn.node.ts';
import { parseModel } from '../src/index.ts';
import { fileNameOf } from './keep.ts';
import { copyPeak, multiplyAddPeak } from './limits.ts';
import { measure, type Timing } from './measure.ts';
import { dispatchWork, networkWorks, opWorks } from './works.ts';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const SHIPPED = ['drawings', 'cifar10-twin-standard'].map((name) => path.join(root, `assets/${name}.onnx`));
const ROUNDS = { quick: 3, full: 7 };

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    adapter: { type: 'string', default: 'auto' },
    output: { type: 'string' },
  },
});
const files = positionals.length > 0 ? positionals : options.quick ? SHIPPED.slice(0, 1) : SHIPPED;
const device = await openNodeDevice(options.adapter as AdapterChoice);
console.error(`${device.adapter.name}: building the programs`);
const works = [
  await multiplyAddPeak(device),
  await copyPeak(device),
  await dispatchWork(device),
  ...(await opWorks(device)),
];
for (const file of files) {
  const model = parseModel(readFileSync(file), { name: path.basename(file, '.onnx') });
  works.push(...(await networkWorks(device, model)));
}
const rounds = options.quick ? ROUNDS.quick : ROUNDS.full;
const timings = await measure(device, works, rounds, (round) => console.error(`round ${round} of ${rounds}`));
const [arithmetic, memory] = timings;

const cells = (timing: Timing, k: number): string[] => {
  const naive = timings.find(({ name }) => name === `${timing.name}, naive`);
  return [
    timing.name,
    timing.millis.toFixed(timing.millis < 10 ? 2 : 0),
    `${timing.low.toFixed(2)}-${timing.high.toFixed(2)}`,
    timing.gflops > 0 ? timing.gflops.toFixed(2) : '',
    timing.gbytes.toFixed(2),
    k > 1 && timing.gflops > 0 ? `${((100 * timing.gflops) / arithmetic.gflops).toFixed(0)} %` : '',
    naive ? `${(naive.millis / timing.millis).toFixed(1)}x` : '',
  ];
};
const head = ['work', 'ms', 'quartiles', 'GFLOP/s', 'GB/s', 'of the multiply-add loop', 'against naive'];
// Where the numbers go and how they are printed is no part of how they came about.
const isPlace = (text: string): boolean => /^(--json|--|--output=.*|--adapter=auto)$/.test(text);
const command = ['facet bench', ...process.argv.slice(2).filter((text) => !isPlace(text))].join(' ');
const summary = {
  adapter: device.adapter,
  date: new Date().toISOString(),
  command,
  limits: { arithmetic, memory },
  timings,
};
if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
else {
  console.log(`\n${device.adapter.name}, ${summary.date.slice(0, 10)}, ${command}\n`);
  for (const row of [head, head.map(() => '---'), ...timings.map(cells)]) console.log(`| ${row.join(' | ')} |`);
  console.log('\nOther engines on the same adapter: `npm run bench` in the project.');
}
if (options.output !== undefined) {
  mkdirSync(options.output, { recursive: true });
  const file = path.join(options.output, fileNameOf(device.adapter.name, positionals, options.quick));
  writeFileSync(file, `${JSON.stringify(summary, null, 1)}\n`);
  console.error(`written to ${file}`);
}
for (const work of works) work.dispose();
device.close();
process.stdout.write('', () => process.exit(0)); // Dawn's threads would keep it alive
