// main.ts: what `facet bench --kernels` runs: this engine against its own kernels, naive first, and the limits of the device. It is a
// bundle of its own, which the command opens; errors go to the command as they are.

import { type AdapterChoice, openNodeDevice } from '../src/engine/gpu/dawn.node.ts';
import {
  type AdapterDescription,
  type Device,
  isCurrent,
  judge,
  measureRoofline,
  type Model,
  parseModel,
  type Roofline,
  type Tuning,
} from '../src/index.ts';
import { loadAllKernels } from '../src/kernels/families.ts';
import { type Ladder, ladderOf, networkLadder } from './ladder.ts';
import { measure, type Timing } from './measure.ts';
import type { BenchReport, WorkReport } from './table.ts';
import { families, networkComputation, NETWORKS, networkTitle, tasksOf } from './works.ts';

export { fileNameOf } from './keep.ts';
export { type BenchReport, markdownOf } from './table.ts';

const FULL: Timing = { rounds: 7, budgetMillis: 1500, leastMillis: 20 };
const QUICK: Timing = { rounds: 3, budgetMillis: 300, leastMillis: 10 };

/** A network, as its file was read. */
type ModelFile = { readonly bytes: Uint8Array } & Parameters<typeof parseModel>[1];

export interface BenchRequest {
  readonly adapter: AdapterChoice;
  readonly memoryMiB?: number;
  readonly isQuick?: boolean;
  /** Only works whose family and name contain the text, or one of TEXT|TEXT. */
  readonly only?: string;
  readonly models: readonly ModelFile[];
  /** What to type to have the same again. */
  readonly command: string;
  readonly signal?: AbortSignal;
  /** Called before anything is timed; what it answers is used. */
  onOpen(device: { readonly adapter: AdapterDescription; readonly key: string }): Tuning | undefined;
  onProgress(done: number, total: number, work: string): void;
}

interface Planned {
  readonly family: string;
  readonly name: string;
  ladder(device: Device): Ladder;
}

/** Works of families, then those of networks, as a request asks for them. */
function worksOf({ isQuick, only, models }: Pick<BenchRequest, 'isQuick' | 'only' | 'models'>): Planned[] {
  const parsed = models.map(({ bytes, ...options }) => parseModel(bytes, options));
  const ofFamilies = families.flatMap(({ name: family, works }) =>
    works
      .filter((work) => !isQuick || work.isQuick)
      .map((work) => ({ family, name: work.name, ladder: (device: Device) => ladderOf(device, work) })),
  );
  const ofNetworks = parsed.flatMap((model: Model) =>
    tasksOf(model).map((task) => {
      const name = networkTitle(model, task);
      const ladder = (device: Device) => networkLadder(device, name, networkComputation(model, task));
      return { family: NETWORKS, name, ladder };
    }),
  );
  const texts = only?.toLowerCase().split('|');
  return [...ofFamilies, ...ofNetworks].filter(
    ({ family, name }) => !texts || texts.some((text) => `${family}: ${name}`.toLowerCase().includes(text.trim())),
  );
}

/** How many works a request asks for, before a device is opened. */
export const countWorks = (request: Pick<BenchRequest, 'isQuick' | 'only' | 'models'>): number =>
  worksOf(request).length;

export const familyNames: readonly string[] = [...families.map(({ name }) => name), NETWORKS];

/** When the signal aborts, what is finished by then; without any of it where nothing is. */
export async function bench(request: BenchRequest): Promise<BenchReport> {
  const { adapter, memoryMiB, isQuick, command, signal, onOpen, onProgress } = request;
  const works = worksOf(request);
  const device = await openNodeDevice(adapter, { memoryMiB });
  const finished: WorkReport[] = [];
  const began = new Date();
  let [tuning, limits]: [Tuning | undefined, Roofline | undefined] = [undefined, undefined];
  try {
    tuning = onOpen(device);
    await device.useTuning(tuning);
    await loadAllKernels(device.traits.kind);
    // What does not fit is refused before anything is timed.
    for (const { ladder } of works) {
      ladder(device);
      await unlessStopped(signal);
    }
    limits = await measureRoofline(device);
    for (const [k, work] of works.entries()) {
      await unlessStopped(signal);
      onProgress(k, works.length, `${work.family}: ${work.name}`);
      const ladder = work.ladder(device);
      const forms = await measure(device, ladder, isQuick ? QUICK : FULL, signal);
      finished.push({ ...work, taken: ladder.taken, flops: ladder.flops, bytes: ladder.bytes, forms });
    }
    // A moment of other work on the machine does not pass for a limit: the better of both counts.
    limits = await measureRoofline(device, true);
    device.check();
  } catch (error) {
    if (!signal || error !== signal.reason) {
      device.check(); // what the GPU itself reported says more than what followed from it
      throw error;
    }
  } finally {
    // Closing waits for pipelines that are being compiled. After an abort the process ends at once, and the device with it.
    if (!signal?.aborted) device.close();
  }
  return {
    adapter: device.adapter,
    date: began.toISOString(),
    seconds: (Date.now() - began.getTime()) / 1000,
    command,
    ...(signal?.aborted
      ? { stopped: `${finished.length} of ${works.length} ${works.length === 1 ? 'work' : 'works'}` }
      : {}),
    tuning: tuningInForce(tuning, device.key),
    limits,
    works: finished.map(({ family, name, ...rest }) => ({ family, name, ...rest, ...ofTheRoof(rest, limits) })),
  };
}

/** Lets Ctrl-C be heard; throws the reason of what has aborted. */
async function unlessStopped(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}

function tuningInForce(tuning: Tuning | undefined, key: string): BenchReport['tuning'] {
  if (tuning?.device !== key) return undefined;
  const ops = Object.values(tuning.ops);
  return { ops: ops.length, outdated: ops.filter((op) => !isCurrent(op)).length };
}

function ofTheRoof(work: Pick<WorkReport, 'taken' | 'forms' | 'flops' | 'bytes'>, limits: Roofline | undefined) {
  const millis = work.forms.find(({ variant }) => variant === work.taken)?.millis;
  if (millis === undefined || !limits) return {};
  const { share, bound } = judge(work, 1000 * millis, limits);
  return { share, bound };
}
