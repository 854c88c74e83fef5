// page.ts: the page's half of `npm run bench`: opens the engines, makes works ready, checks and times them. Which of these
// happens when is decided by peers.ts in Node, which also sees when one hangs.

import { interpret, type Computation, computation, Graph, ops } from '../src/index.ts';
import { drawReport } from './chart.ts';
import * as data from './data.ts';
import { Facet, type ReferenceKind } from './peers/facet.ts';
import { Jax } from './peers/jax.ts';
import { OrtWeb } from './peers/ort.ts';
import { type Networks, networksAt, type Peer, type Prepared, Unsupported } from './peers/peer.ts';
import { Tfjs } from './peers/tfjs.ts';
import { type NamedWork, outputSize, peerPart, type Work } from './peerWorks.ts';
import type { EngineName, PeerReport } from './report.ts';
import { relativeError } from './statistics.ts';

/** Numbers that a result is compared with: all, or those at some places. */
interface Reference {
  readonly numbers: ArrayLike<number>;
  readonly at?: readonly number[];
}

export interface Ready {
  /** From the start of making it ready to its first result. */
  readonly firstMillis: number;
  readonly error?: number;
}
export type Answer = Ready | { readonly unsupported: string };

const BASE = new URL('./', location.href).href;
const networks: Networks = networksAt(BASE);
const peers = new Map<EngineName, Peer>();
const prepared = new Map<EngineName, Prepared>();
const references = new Map<ReferenceKind, Facet>();
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

async function adapter(): Promise<string> {
  const info = (await navigator.gpu?.requestAdapter())?.info;
  if (!info) throw new Error('this browser offers no WebGPU adapter');
  return info.description || info.device || [info.vendor, info.architecture].filter(Boolean).join(' ');
}

const ROWS = 16;

/** What the result should be: single ops from their definition in float64, all else by this engine without its passes. */
async function makeReference({ work, isOwn }: NamedWork): Promise<void> {
  reference = isOwn ? undefined : byDefinition(work);
  if (reference || isOwn) return;
  const numbers = await byOwnKernels(work);
  reference = work.kind === 'masks' ? { numbers, at: [...numbers.keys()] } : { numbers };
}

function byDefinition(work: Work): Reference | undefined {
  if (work.kind === 'matmul') return someRows(work.size);
  if (work.kind === 'dispatches') return { numbers: data.uniform(9, work.size).map((x) => Math.max(x, 0)) };
  if (work.kind === 'conv' || work.kind === 'convInput') return { numbers: convolved(work) };
  if (work.kind !== 'irfft2') return undefined;
  const { size, channels } = work;
  const { real, imaginary } = data.spectrumData(size, channels);
  const c = Float32Array.from({ length: 2 * real.length }, (_, i) => (i % 2 ? imaginary : real)[i >> 1]);
  const x = new Graph().input('c', [1, size, size / 2 + 1, channels, 2]);
  return { numbers: evaluate(computation({ y: ops.irfft2(x, size) }), { c }) };
}

function convolved(work: Extract<Work, { kind: 'conv' | 'convInput' }>): ArrayLike<number> {
  const { x, w, dy } = data.convData(work);
  const { size, channels, filters, taps, stride, pad, groups } = work.conv;
  const attrs = { strides: [stride, stride], pads: [pad, pad, pad, pad], groups } as const;
  const side = outputSize(work.conv);
  const graph = new Graph();
  const filter = graph.input('w', [taps, taps, channels / groups, filters]);
  const y =
    work.kind === 'conv'
      ? ops.conv2d(graph.input('x', [1, size, size, channels]), filter, attrs)
      : ops.conv2dInput(graph.input('dy', [1, side, side, filters]), filter, { ...attrs, inputSize: [size, size] });
  return evaluate(computation({ y }), { x, w, dy });
}

const evaluate = (what: Computation, feeds: Record<string, Float32Array>): ArrayLike<number> =>
  interpret(what, feeds).outputs.y.data;

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

/** Of many masks a few are enough. */
async function byOwnKernels(whole: Work): Promise<Float32Array> {
  const work = whole.kind === 'masks' ? { ...whole, count: data.CHECKED_MASKS } : whole;
  const kind = 'network' in work && work.network === 'googlenet' ? 'plain' : 'naive';
  const engine = references.get(kind) ?? (await Facet.open(kind));
  references.set(kind, engine);
  const each = await engine.prepare(work, networks);
  const { result } = await firstResult(each);
  each.dispose();
  return result;
}

async function firstResult(each: Prepared) {
  for (let i = 0; i < (each.runs ?? 1); i++) {
    await each.run();
    await each.idle();
  }
  return { result: await each.result() };
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
    const { result } = await firstResult(each);
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
async function time(engine: EngineName, repeats: number): Promise<number> {
  const each = prepared.get(engine) as Prepared;
  const start = performance.now();
  for (let i = 0; i < repeats; i++) {
    const submitted = each.run();
    if (submitted) await submitted;
  }
  await each.idle();
  return (performance.now() - start) / repeats;
}

async function release(engine: EngineName): Promise<void> {
  const each = prepared.get(engine);
  prepared.delete(engine);
  await each?.idle();
  each?.dispose();
}

const bench = {
  open,
  adapter,
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
