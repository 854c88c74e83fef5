// ort.ts: onnxruntime-web with its WebGPU provider: the network's own file, single ops as files of one node, inputs and
// outputs in GPU buffers. It has no gradients; of a convolution it has one all the same: ConvTranspose.

import { encodeModel, type ExportNode } from '../../src/models/onnx/export.ts';
import type { Tensor } from '../../src/engine/graph.ts';
import { sizeOf } from '../../src/kernels/shape.ts';
import * as data from '../data.ts';
import peers from '../package.json';
import { outputSize, type Work } from '../peerWorks.ts';
import { toFileFilter, toNchw, toNhwc } from './layout.ts';
import { type Network, type Networks, type Peer, type Prepared, Unsupported } from './peer.ts';

type Of<K extends Work['kind']> = Extract<Work, { kind: K }>;

interface OrtTensor {
  readonly dims: readonly number[];
  getData(): Promise<Float32Array>;
  dispose(): void;
}
interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}
interface Ort {
  readonly env: {
    logLevel: string;
    readonly wasm: { wasmPaths: string };
    readonly webgpu: { readonly device: Promise<GPUDevice> };
  };
  readonly InferenceSession: { create(bytes: Uint8Array, options: object): Promise<OrtSession> };
  readonly Tensor: {
    new (type: string, data: Float32Array, dims: readonly number[]): OrtTensor;
    fromGpuBuffer(buffer: GPUBuffer, options: { dataType: string; dims: readonly number[] }): OrtTensor;
  };
}

/** Its files are served as they come: it starts its WebAssembly, and threads, from where they lie. */
async function loadOrt(base: string): Promise<Ort> {
  const ort = (await import(`${base}ort/ort.webgpu.min.mjs`)) as Ort;
  ort.env.wasm.wasmPaths = `${base}ort/`;
  ort.env.logLevel = 'error';
  return ort;
}

/** A file of nodes one after another, from the inputs to `y`. */
function fileOf(
  nodes: readonly ExportNode[],
  inputs: Readonly<Record<string, readonly number[]>>,
  weights: ReadonlyMap<string, Tensor>,
  output: readonly number[],
): Uint8Array {
  return encodeModel({
    name: 'work',
    nodes,
    weights,
    inputs: Object.entries(inputs).map(([name, shape]) => ({ name, shape })),
    outputs: [{ name: 'y', shape: output }],
    metadata: {},
  });
}

export class OrtWeb implements Peer {
  readonly version = peers.devDependencies['onnxruntime-web'];

  private constructor(private readonly ort: Ort) {}

  static async open(base: string): Promise<OrtWeb> {
    return new OrtWeb(await loadOrt(base));
  }

  async prepare(work: Work, networks: Networks): Promise<Prepared> {
    switch (work.kind) {
      case 'matmul': {
        const { a, b } = data.matmulData(work.size);
        const shape = [work.size, work.size];
        const nodes = [{ op: 'MatMul', inputs: ['a', 'b'], output: 'y' }];
        const file = fileOf(nodes, { a: shape, b: shape }, new Map(), shape);
        return this.session(file, { a: { data: a, shape }, b: { data: b, shape } });
      }
      case 'conv':
      case 'convInput':
        return this.convolution(work);
      case 'dispatches': {
        const { count, size } = work;
        const nodes = Array.from({ length: count }, (_, i) => ({
          op: 'Relu',
          inputs: [i === 0 ? 'x' : `x${i}`],
          output: i === count - 1 ? 'y' : `x${i + 1}`,
        }));
        const x = { data: data.uniform(9, size), shape: [size] };
        return this.session(fileOf(nodes, { x: [size] }, new Map(), [size]), { x }, undefined, 'disabled');
      }
      case 'forward': {
        const { bytes, graph, picture, shape } = await networks(work.network);
        const name = graph.inputs.find((input) => !graph.initializers.has(input.name))?.name ?? '';
        return this.session(bytes, { [name]: toNchw(picture, shape) });
      }
      case 'masks':
        return this.masks(await networks(work.network), work);
      case 'irfft2':
        throw new Unsupported('its DFT runs on the CPU only');
      default:
        throw new Unsupported('no gradients');
    }
  }

  private convolution({ kind, conv }: Of<'conv' | 'convInput'>): Promise<Prepared> {
    const { x, w, dy } = data.convData({ kind, conv });
    const { size, channels, filters, taps, stride, pad, groups } = conv;
    const side = outputSize(conv);
    const weights = new Map([['w', toFileFilter(w, [taps, taps, channels / groups, filters])]]);
    const attributes = {
      kernel_shape: [taps, taps],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      group: groups,
    };
    const isForward = kind === 'conv';
    const [input, output] = [
      [1, channels, size, size],
      [1, filters, side, side],
    ];
    const node: ExportNode = isForward
      ? { op: 'Conv', inputs: ['x', 'w'], output: 'y', attributes }
      : {
          op: 'ConvTranspose',
          inputs: ['x', 'w'],
          output: 'y',
          attributes: { ...attributes, output_padding: Array(2).fill(size - ((side - 1) * stride + taps - 2 * pad)) },
        };
    const [from, to] = isForward ? [input, output] : [output, input];
    const feed = isForward ? toNchw(x, [1, size, size, channels]) : toNchw(dy, [1, side, side, filters]);
    return this.session(fileOf([node], { x: from }, weights, to), { x: feed }, to);
  }

  /** `pictures`: the shape NCHW of the output, where it is pictures. */
  private async session(
    file: Uint8Array,
    inputs: Readonly<Record<string, { data: Float32Array<ArrayBuffer>; shape: readonly number[] }>>,
    pictures?: readonly number[],
    graphOptimizationLevel = 'all',
  ): Promise<Prepared> {
    const session = await this.open(file, graphOptimizationLevel);
    const gpu = await this.ort.env.webgpu.device;
    const buffers: GPUBuffer[] = [];
    const feeds: Record<string, OrtTensor> = {};
    for (const [name, { data, shape }] of Object.entries(inputs)) {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      const buffer = gpu.createBuffer({ size: Math.ceil((4 * sizeOf(shape)) / 16) * 16, usage });
      gpu.queue.writeBuffer(buffer, 0, data);
      buffers.push(buffer);
      feeds[name] = this.ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims: shape });
    }
    let last: OrtTensor | undefined;
    return {
      async run() {
        last?.dispose();
        last = (await session.run(feeds))[session.outputNames[0]];
      },
      idle: () => gpu.queue.onSubmittedWorkDone(),
      async result() {
        const numbers = (await (last as OrtTensor).getData()).slice();
        return pictures ? toNhwc(numbers, pictures).data : numbers;
      },
      dispose() {
        last?.dispose();
        for (const buffer of buffers) buffer.destroy();
        void session.release();
      },
    };
  }

  private open(file: Uint8Array, graphOptimizationLevel = 'all', where = 'gpu-buffer'): Promise<OrtSession> {
    return this.ort.InferenceSession.create(file, {
      executionProviders: ['webgpu'],
      preferredOutputLocation: where,
      graphOptimizationLevel,
    });
  }

  /** Pictures are made on the CPU: the session takes what the network takes. */
  private async masks(
    { bytes, graph, model, shape: [, H, W, C], picture, target }: Network,
    { count, grid }: Of<'masks'>,
  ): Promise<Prepared> {
    const session = await this.open(bytes, 'all', 'cpu');
    const cells = data.cellsOf(H, W, grid);
    const sets = data.coalitions(count, grid);
    const batch = data.MASK_BATCH;
    const name = graph.inputs[0].name;
    const flat = toNchw(picture, [1, H, W, C]).data;
    const scores = new Float32Array(count);
    const { ort } = this;
    return {
      async run() {
        for (let first = 0; first < count; first += batch) {
          const shown = data.pixelMasks(sets, cells, grid * grid, first, batch);
          const pictures = new Float32Array(batch * flat.length);
          for (let n = 0; n < batch; n++) {
            for (let i = 0; i < flat.length; i++)
              pictures[n * flat.length + i] = flat[i] * shown[n * H * W + (i % (H * W))];
          }
          const output = await session.run({ [name]: new ort.Tensor('float32', pictures, [batch, C, H, W]) });
          const logits = await output[session.outputNames[0]].getData();
          for (let n = 0; n < batch; n++) scores[first + n] = logits[n * model.classes + target];
        }
      },
      idle: async () => undefined, // a run ends with reading
      result: async () => scores.slice(),
      dispose: () => void session.release(),
    };
  }
}
