// train-drawings.ts: trains the small network that comes with the project and writes assets/drawings.onnx.
// `npm run train:drawings`; a run that was stopped (Ctrl+C) continues from its checkpoint in dist/. `-- --software` keeps
// off a GPU, `-- --steps N` trains shorter, to another file than the shipped one.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openNodeDevice } from '../src/engine/gpu/dawn.node.ts';
import { parseModel, withSelfTest } from '../src/models/index.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../src/training/checkpoint.ts';
import { drawingsFile, drawingsTrainer, drawingsTraining, heldOutDrawings } from '../src/training/drawingsNetwork.ts';
import { type Progress, Trainer, train } from '../src/training/train.ts';

/** Held-out drawings behind the number in assets/README.md. */
const FINAL_COUNT = 2000;

const { values } = parseArgs({ options: { software: { type: 'boolean' }, steps: { type: 'string' } } });
const steps = values.steps ? Number(values.steps) : drawingsTraining.steps;
const output = values.steps ? `dist/drawings-${steps}.onnx` : 'assets/drawings.onnx';
const checkpoint = `dist/train-drawings-${steps}.checkpoint`;

/** Written under another name first, so that whoever stops us leaves a whole file. */
function save(file: string, bytes: Uint8Array): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.tmp`, bytes);
  renameSync(`${file}.tmp`, file);
}

const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error(`Stopped. Run again to continue from ${checkpoint}.`)));

const device = await openNodeDevice(values.software ? 'software' : 'auto');
const trainer = await Trainer.create(device, drawingsTrainer());
let from = 0;
if (existsSync(checkpoint)) {
  const saved = decodeCheckpoint(readFileSync(checkpoint));
  trainer.restore(saved.states);
  from = saved.step;
  console.log(`continuing ${checkpoint} after step ${from}`);
}

const began = performance.now();
let losses: number[] = [];
async function report({ step, loss, accuracy }: Progress): Promise<void> {
  losses.push(loss);
  if (accuracy === undefined) return;
  const millis = (performance.now() - began) / (step - from);
  const average = losses.reduce((sum, value) => sum + value, 0) / losses.length;
  console.log(
    `step ${step}/${steps}  loss ${average.toFixed(4)}  held-out ${(100 * accuracy).toFixed(1)} %  ${millis.toFixed(0)} ms/step`,
  );
  losses = [];
  save(checkpoint, encodeCheckpoint({ step, states: await trainer.states() }));
}

console.log(`training on ${device.adapter.name}: ${steps} steps of ${trainer.batch} drawings`);
try {
  await train(trainer, { ...drawingsTraining, steps, from, onProgress: report, signal: stop.signal });
  const accuracy = await trainer.accuracy(heldOutDrawings, FINAL_COUNT);
  const bytes = drawingsFile(await trainer.states());
  const file = withSelfTest(bytes, parseModel(bytes, { name: 'drawings' }));
  save(output, file);
  rmSync(checkpoint, { force: true });
  console.log(`${output}: ${file.length} bytes, ${(100 * accuracy).toFixed(2)} % of ${FINAL_COUNT} held-out drawings`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  trainer.dispose();
  device.close();
}
process.exit();
