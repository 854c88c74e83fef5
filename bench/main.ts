// main.ts: `npm run bench [-- MODEL.onnx …]`: this engine against its own naive kernels and the device's limits, in one
// run. Prints a table and writes bench/results/ADAPTER.json.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openNodeDevice } from '../src/engine/gpu/dawn.node.ts';
import { parseModel } from '../src/index.ts';
import { copyPeak, multiplyAddPeak } from './limits.ts';
import { measure, type Timing } from './measure.ts';
import { dispatchWork, networkWorks, opWorks } from './works.ts';

const SHIPPED = ['assets/drawings.onnx', 'assets/cifar10-twin-standard.onnx'];

const files = process.argv.length > 2 ? process.argv.slice(2) : SHIPPED;
const device = await openNodeDevice();
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
const timings = await measure(device, works, (round, rounds) => console.error(`round ${round} of ${rounds}`));
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
console.log(`\n${device.adapter.name}, ${new Date().toISOString().slice(0, 10)}, npm run bench\n`);
for (const row of [head, head.map(() => '---'), ...timings.map(cells)]) console.log(`| ${row.join(' | ')} |`);

const slug = device.adapter.name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
mkdirSync('bench/results', { recursive: true });
const file = `bench/results/${slug}.json`;
const summary = {
  adapter: device.adapter,
  date: new Date().toISOString(),
  command: 'npm run bench',
  limits: { arithmetic, memory },
  timings,
};
writeFileSync(file, `${JSON.stringify(summary, null, 1)}\n`);
console.log(`\nwritten to ${file}`);
for (const work of works) work.dispose();
device.close();
process.exit(0);
