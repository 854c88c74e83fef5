// run.ts: running a network forward, on any number of pictures: logits and named layers, in the layout of the
// model's file.

import type { Device } from '../engine/gpu/device.ts';
import { largestBatch } from '../engine/gpu/memory.ts';
import { compile, type CompileOptions, type Program } from '../engine/gpu/program.ts';
import { type Computation, computation, Graph, type Tensor, type Value } from '../engine/graph.ts';
import { sizeOf } from '../kernels/shape.ts';
import type { Shape } from '../kernels/types.ts';
import { ModelError } from './error.ts';
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
const nameOf = (layer: string): string => layer.slice('layer '.length);

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

const programOf = ({ wanted }: Traced): Computation =>
  computation(Object.fromEntries([...wanted].map(([name, { value }]) => [name, value])));

/** One network made ready for pictures of one size. */
export class Runner {
  private constructor(
    private readonly program: Program,
    private readonly wanted: ReadonlyMap<string, Wanted>,
    /** Pictures that go through the network at once: as many as were asked for, or fewer where memory is short. */
    readonly batch: number,
    private readonly rowLength: number,
  ) {}

  /**
   * `inputShape` is [N,H,W,C]: for N pictures at once, or as many of them as fit into the device's budget. `layers` are
   * read back besides the output. Throws a `ModelError` for an unknown one, and the signal's reason where it comes.
   */
  static async create(
    device: Device,
    model: Model,
    inputShape: Shape,
    layers: readonly string[] = [],
    options: Pick<CompileOptions, 'signal' | 'weights'> = {},
  ): Promise<Runner> {
    const [count, ...row] = inputShape;
    const label = `run ${model.name}`;
    const traceBatch = (batch: number) => trace(model, [batch, ...row], layers);
    const batch = largestBatch(device, count, (batch) => programOf(traceBatch(batch)), label);
    const traced = traceBatch(batch);
    const program = await compile(device, programOf(traced), { ...options, label });
    return new Runner(program, traced.wanted, batch, sizeOf(row));
  }

  /** Runs an input [N,H,W,C], already preprocessed, of any N: in parts where it is more than `batch`. */
  async run(input: Float32Array): Promise<Forward> {
    const { batch, rowLength } = this;
    const count = input.length / rowLength;
    if (!Number.isInteger(count) || count === 0) {
      throw new ModelError(
        `a run takes pictures of ${rowLength} numbers each; ${input.length} are no whole number of them.`,
      );
    }
    const parts: Record<string, Float32Array>[] = [];
    for (let first = 0; first < count; first += batch) {
      const rows = input.subarray(first * rowLength, (first + batch) * rowLength);
      parts.push(await this.program.evaluate({ x: this.filled(rows) }));
    }
    const join = (name: string): Tensor => {
      const { value, layout } = this.wanted.get(name) as Wanted;
      const [rows, ...shape] = value.shape;
      if (rows !== batch) return toFileLayout(parts[0][name], layout, value.shape); // not of the pictures one by one
      const data = new Float32Array(count * sizeOf(shape));
      parts.forEach((part, k) => {
        const at = k * batch * sizeOf(shape);
        data.set(part[name].subarray(0, data.length - at), at); // what the last batch was filled up with is left out
      });
      return toFileLayout(data, layout, [count, ...shape]);
    };
    const layers = [...this.wanted.keys()].filter((name) => name !== OUTPUT);
    return { output: join(OUTPUT), layers: new Map(layers.map((name) => [nameOf(name), join(name)])) };
  }

  /** A whole batch, the missing pictures being zeros. */
  private filled(rows: Float32Array): Float32Array {
    if (rows.length === this.batch * this.rowLength) return rows;
    const whole = new Float32Array(this.batch * this.rowLength);
    whole.set(rows);
    return whole;
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
