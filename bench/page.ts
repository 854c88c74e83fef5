// page.ts: the page's half of `facet bench`: opens the engines, makes works ready, checks and times them. Which of these
// happens when is decided by peers.ts in Node, which also sees when one hangs.

import { type MultiplyAddForm, multiplyAddLimit } from '../src/engine/gpu/roofline.ts';
import { drawReport } from './chart.ts';
import * as data from './data.ts';
import { Facet } from './peers/facet.ts';
import { Float64 } from './peers/float64.ts';
import { Jax } from './peers/jax.ts';
import { OrtWeb } from './peers/ort.ts';
import { type Networks, networksAt, type Peer, type Prepared, Unsupported } from './peers/peer.ts';
import { Tfjs } from './peers/tfjs.ts';
import { type NamedWork, peerPart, type Work } from './peerWorks.ts';
import type { EngineName, PeerReport } from './report.ts';
import { relativeError } from './statistics.ts';

/** Numbers that a result is compared with: all, or those at some places. */
interface Reference {
  readonly numbers: ArrayLike<number>;
  readonly at?: readonly number[];
}

interface Ready {
  /** From the start of making it ready to its first result. */
  readonly firstMillis: number;
  readonly error?: number;
}
/** An engine, or a limit of arithmetic. */
export type Timeable = EngineName | MultiplyAddForm;
type Answer = Ready | { readonly unsupported: string };

const BASE = new URL('./', location.href).href;
const networks: Networks = networksAt(BASE);
const peers = new Map<EngineName, Peer>();
const prepared = new Map<Timeable, Prepared>();
const float64 = Float64.open();
let reference: Reference | undefined;

const openers: Readonly<Record<EngineName, () => Promise<Peer>>> = {
  facet: () => Facet.open(),
  tfjs: () => Tfjs.open(),
  jax: () => Jax.open(),
  ort: () => OrtWeb.open(BASE),
};

/** The version of an engine, which is started. */
async function open(engine: EngineName): Promise<string> {
  const peer = await openers[engine]();
  peers.set(engine, peer);
  return peer.version;
}

/** Makes ready a limit of arithmetic, nothing but multiply-adds, on the device of this engine. Returns its operations. */
async function prepareLimit(form: MultiplyAddForm): Promise<number> {
  const { device } = peers.get('facet') as Facet;
  const { gpu } = device.connection;
  const limit = await multiplyAddLimit(device, form);
  prepared.set(form, {
    run() {
      const encoder = gpu.createCommandEncoder();
      limit.encode(encoder);
      gpu.queue.submit([encoder.finish()]);
    },
    idle: () => device.connection.idle(),
    result: async () => new Float32Array(),
    dispose: () => limit.dispose(),
  });
  return limit.flops;
}

const ROWS = 16;

/** What the result should be, from the float64 references of the ops, if there is a peer to check and it takes no minutes. */
async function makeReference({ work, isOwn }: NamedWork): Promise<void> {
  reference = undefined;
  if (isOwn || work.kind === 'integratedGradients') return; // fifty gradients, which are a work of their own
  if (work.kind === 'matmul') reference = someRows(work.size);
  else if (work.kind === 'masks') {
    const numbers = await resultOf(work);
    reference = { numbers, at: [...numbers.keys()] };
  } else reference = { numbers: await resultOf(work) };
}

async function resultOf(work: Work): Promise<Float32Array> {
  const each = await (await float64).prepare(work, networks);
  return firstResult(each);
}

/** Rows of the product all over it, so that every tile of a kernel is met. */
function someRows(size: number): Reference {
  const { a, b } = data.matmulData(size);
  const numbers = new Float64Array(ROWS * size);
  const at: number[] = [];
  for (let r = 0; r < ROWS; r++) {
    const row = Math.round((r * (size - 1)) / (ROWS - 1));
    for (let k = 0; k < size; k++) {
      const factor = a[row * size + k];
      for (let j = 0; j < size; j++) numbers[r * size + j] += factor * b[k * size + j];
    }
    for (let j = 0; j < size; j++) at.push(row * size + j);
  }
  return { numbers, at };
}

async function firstResult(each: Prepared): Promise<Float32Array> {
  for (let i = 0; i < (each.runs ?? 1); i++) {
    await each.run();
    await each.idle();
  }
  return each.result();
}

/** Makes a work ready on an engine and compares its first result. */
async function prepare(engine: EngineName, named: NamedWork): Promise<Answer> {
  const work = engine === 'facet' ? named.work : peerPart(named);
  const peer = peers.get(engine);
  if (!peer) throw new Error(`${engine} is not open`);
  if ('network' in work) await networks(work.network); // fetched and parsed before the clock starts
  const start = performance.now();
  try {
    const each = await peer.prepare(work, networks);
    prepared.set(engine, each);
    const result = await firstResult(each);
    const firstMillis = performance.now() - start;
    if (!reference) return { firstMillis };
    const { numbers, at } = reference;
    const seen = at ? (at[at.length - 1] < result.length ? at.map((i) => result[i]) : []) : result;
    return { firstMillis, error: relativeError(seen, numbers) };
  } catch (error) {
    if (error instanceof Unsupported) return { unsupported: error.message };
    throw error;
  }
}

/** Milliseconds of one run, of `repeats` that are submitted one after another and waited for together. */
async function time(engine: Timeable, repeats: number): Promise<number> {
  const each = prepared.get(engine) as Prepared;
  const start = performance.now();
  for (let i = 0; i < repeats; i++) {
    const submitted = each.run();
    if (submitted) await submitted;
  }
  await each.idle();
  return (performance.now() - start) / repeats;
}

async function release(engine: Timeable): Promise<void> {
  const each = prepared.get(engine);
  prepared.delete(engine);
  await each?.idle();
  each?.dispose();
}

const bench = {
  open,
  prepareLimit,
  makeReference,
  prepare,
  time,
  release,
  draw: (report: PeerReport) => drawReport(report, document.body),
};
export type Bench = typeof bench;

declare global {
  interface Window {
    bench: Bench;
  }
}
window.bench = bench;
