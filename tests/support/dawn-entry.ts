// dawn-entry.ts: runs one GPU test file in Node, through Dawn, and reports to tests/run.mjs. The tests are those of the
// browser: `navigator.gpu` is Dawn's, and files are read, not fetched. Without a file it only says which adapter there is.

import { existsSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { create } from 'webgpu';
import { type AdapterChoice, openNodeDevice } from '../../src/engine/gpu/dawn.node.ts';
import { adapterReport, reportUncaughtErrors } from './adapter.ts';
import { useSource } from './fetch.ts';
import { type Report, reportToRunner, runInNode, type Send } from './suite.ts';

/** As the runner serves them to pages. */
const folders = { '/shared/': '../shared/', '/assets/': 'assets/', '/fixtures/': 'tests/fixtures/' };

export async function runInDawn(load?: () => Promise<unknown>): Promise<void> {
  // Alone, as in `node dist/tests/gpu/x.test.mjs`, complaints go to the terminal.
  const send: Send = process.send ? reportToRunner : async (report) => console.log(JSON.stringify(report));
  await send(await openAdapter(process.env.FACET_TEST_ADAPTER as AdapterChoice | undefined));
  if (!load) process.exit();
  useSource({ bytes: readPlace, pixels: decode });
  reportUncaughtErrors(send);
  if (process.send) {
    console.error = (...what) => void send({ type: 'broken', what: 'console', message: what.map(String).join(' ') });
  }
  await runInNode(load);
}

async function openAdapter(choice: AdapterChoice = 'auto'): Promise<Report> {
  try {
    // Finds the driver, tells Vulkan's loader of it, and says what to do where there is none.
    (await openNodeDevice(choice)).close();
  } catch (error) {
    return { type: 'broken', what: 'adapter', message: (error as Error).message };
  }
  const gpu = create([]);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu } });
  return adapterReport(gpu);
}

async function readPlace(place: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const prefix = Object.keys(folders).find((prefix) => place.startsWith(prefix)) as keyof typeof folders;
  const file = folders[prefix] + place.slice(prefix.length);
  return existsSync(file) ? new Uint8Array(readFileSync(file)) : undefined;
}

async function decode(file: Uint8Array) {
  const { data, info } = await sharp(file).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: 4 as const, data: new Uint8Array(data) };
}
