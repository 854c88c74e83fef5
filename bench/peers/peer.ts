// peer.ts: what the benchmark wants of an engine, and the networks it hands to all of them.

import { type Model, parseModel } from '../../src/models/model.ts';
import { decodeModel, type OnnxGraph } from '../../src/models/onnx/proto.ts';
import { noisePicture, targetOf } from '../data.ts';
import type { NetworkName, Work } from '../peerWorks.ts';

/** A work made ready: weights on the device, programs compiled. */
export interface Prepared {
  /** Submits the work once, and does not wait until it is done. */
  run(): void | Promise<void>;
  /** Waits until all that was submitted is done. */
  idle(): Promise<void>;
  /** Runs of a fresh one after which `result` is compared; 1 by default. */
  readonly runs?: number;
  /** Result of the last run; pictures as [N,H,W,C]. */
  result(): Promise<Float32Array>;
  dispose(): void;
}

export interface Peer {
  readonly version: string;
  /** Throws an `Unsupported` for what the engine cannot do, and whatever the engine throws for what it fails at. */
  prepare(work: Work, networks: Networks): Promise<Prepared>;
}

export class Unsupported extends Error {}

export interface Network {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly model: Model;
  readonly graph: OnnxGraph;
  /** Noise, preprocessed, [1,H,W,C]. */
  readonly picture: Float32Array<ArrayBuffer>;
  /** What black and white become in each channel. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly shape: readonly [number, number, number, number];
  readonly target: number;
  /** Layer whose channel is visualized, and the one Grad-CAM looks at, by the names of the file. */
  readonly visualized: string;
  readonly cam: string;
}

export type Networks = (name: NetworkName) => Promise<Network>;

/** Fetches `models/NAME` of the page's server, each once. */
export function networksAt(base: string): Networks {
  const loaded = new Map<NetworkName, Promise<Network>>();
  return (name) => {
    const known = loaded.get(name);
    if (known) return known;
    const network = load(name, `${base}models/${name}`);
    loaded.set(name, network);
    return network;
  };
}

async function load(name: NetworkName, url: string): Promise<Network> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const model = parseModel(bytes, { name });
  const { graph } = decodeModel(bytes, name);
  const [H, W] = model.nominalSize;
  const { channels } = model.input;
  const { range, mean, std } = model.preprocess;
  const ranges = Array.from({ length: channels }, (_, c) => {
    const [m, s] = [mean[c % mean.length], std[c % std.length]];
    return [(range[0] - m) / s, (range[1] - m) / s] as const;
  });
  const [late, last] = lateLayers(graph);
  return {
    bytes,
    model,
    graph,
    picture: noisePicture(8, H * W, ranges),
    ranges,
    shape: [1, H, W, channels],
    target: targetOf(model.classes),
    visualized: late,
    cam: last,
  };
}

/** Where branches meet: two before the end, and at the end; in a network without branches its last activations. */
function lateLayers({ nodes }: OnnxGraph): [late: string, last: string] {
  const meeting = nodes.filter(({ op }) => op === 'Concat').map(({ outputs }) => outputs[0]);
  const active = nodes.filter(({ op }) => op === 'Relu').map(({ outputs }) => outputs[0]);
  const list = meeting.length >= 3 ? meeting : active;
  return [list[Math.max(0, list.length - 3)], list[list.length - 1]];
}
