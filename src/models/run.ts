// run.ts: running a network forward, many times: logits and named layers, in the layout of the model's file.

import { compile, type Program } from '../engine/gpu/program.ts';
import type { Device } from '../engine/gpu/device.ts';
import { computation, Graph, type Tensor, type Value } from '../engine/graph.ts';
import type { Shape } from '../kernels/types.ts';
import type { Model } from './model.ts';
import { type Layout, toFileLayout } from './onnx/layout.ts';

export interface Forward {
  /** Logits [N, classes]; a map [N, classes, H, W] for a network without a last pooling. */
  readonly output: Tensor;
  /** Activations by the names asked for, as in the file: [N,C,H,W], [N, features]. */
  readonly layers: ReadonlyMap<string, Tensor>;
}

interface Wanted {
  readonly value: Value;
  readonly layout: Layout;
}

const OUTPUT = 'output';
/** Keeps names of layers apart from the program's own. */
const ofLayer = (name: string): string => `layer ${name}`;

interface Traced {
  readonly x: Value;
  /** The output and the layers, by their names in the program. */
  readonly wanted: ReadonlyMap<string, Wanted>;
}

function trace(model: Model, inputShape: Shape, layers: readonly string[]): Traced {
  const x = new Graph().input('x', inputShape);
  const network = model.trace(x);
  const rank = network.output.shape.length;
  const wanted = new Map<string, Wanted>([
    [OUTPUT, { value: network.output, layout: rank === 4 && !model.input.channelsLast ? 'nhwc' : 'plain' }],
  ]);
  for (const name of layers) wanted.set(ofLayer(name), { value: network.layer(name), layout: network.layoutOf(name) });
  return { x, wanted };
}

/** Throws what is wrong with an input shape [N,H,W,C] or the name of a layer; needs no GPU. */
export function checkForward(model: Model, inputShape: Shape, layers: readonly string[] = []): void {
  trace(model, inputShape, layers);
}

/** One network made ready for one input shape. */
export class Runner {
  private constructor(
    private readonly program: Program,
    private readonly wanted: ReadonlyMap<string, Wanted>,
    private readonly layers: readonly string[],
  ) {}

  /** `inputShape` is [N,H,W,C]; `layers` are read back besides the output. Throws a `ModelError` for an unknown one. */
  static async create(
    device: Device,
    model: Model,
    inputShape: Shape,
    layers: readonly string[] = [],
  ): Promise<Runner> {
    const { wanted } = trace(model, inputShape, layers);
    const outputs = Object.fromEntries([...wanted].map(([name, { value }]) => [name, value]));
    const program = await compile(device, computation(outputs), { label: `run ${model.name}` });
    return new Runner(program, wanted, layers);
  }

  /** Runs an input [N,H,W,C], already preprocessed. */
  async run(input: Float32Array): Promise<Forward> {
    this.program.write('x', input);
    this.program.run();
    const read = async (name: string): Promise<Tensor> => {
      const { value, layout } = this.wanted.get(name) as Wanted;
      return toFileLayout(await this.program.read(name), layout, value.shape);
    };
    // All are copied before anything is waited for: another call would overwrite them.
    const [output, ...layers] = await Promise.all([OUTPUT, ...this.layers.map(ofLayer)].map(read));
    return { output, layers: new Map(this.layers.map((name, k) => [name, layers[k]])) };
  }

  dispose(): void {
    this.program.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Probabilities of one row of logits. */
export function softmaxOf(logits: ArrayLike<number>): Float64Array {
  const numbers = Float64Array.from(logits);
  const largest = numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = numbers.map((value) => Math.exp(value - largest));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

/** Indices of the largest numbers, largest first; of equal ones the lower index first. */
export function largestOf(numbers: ArrayLike<number>, count: number): number[] {
  return Array.from(numbers, (_, index) => index)
    .sort((a, b) => numbers[b] - numbers[a] || a - b)
    .slice(0, count);
}
