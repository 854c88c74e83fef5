// changingWeights.ts: a network whose weights change between runs, on the device, and return to those of the file.

import { compile, type Program } from '../../engine/gpu/program.ts';
import { computation, Graph, type Update } from '../../engine/graph.ts';
import { add, mul, randomNormal } from '../../engine/ops/index.ts';
import { type Context, inputShape } from './subject.ts';

interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  /** As in the file, in the engine's layout. */
  readonly data: Float32Array;
  /** Tells its random numbers from those of the others. */
  readonly stream: number;
}

/** A layer with its states. */
interface WeightedLayer {
  readonly name: string;
  readonly weights: readonly Weight[];
}

const DRAW = 'draw of the weights';

/** Mean and standard deviation. */
function moments(data: Float32Array): [number, number] {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  return [mean, Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length)];
}

/**
 * Prepare a method for `context`: its programs take the weights over from here, where they are states. What is written to
 * them is seen by all of them, and nothing is compiled anew.
 */
export class ChangingWeights {
  private constructor(
    readonly context: Context,
    private readonly program: Program,
    /** Layers that have weights, from the input to the output. */
    private readonly weighted: readonly WeightedLayer[],
  ) {}

  static async create(context: Context): Promise<ChangingWeights> {
    const { device, model } = context;
    const graph = new Graph();
    const x = graph.input('x', inputShape(context));
    const { parameters } = model.trace(x, { parameters: 'state' });
    // A weight that layers share belongs to the last of them: from the output down, that one is met first.
    const owner = new Map(model.layers.flatMap(({ name, weights }) => weights.map((weight) => [weight, name])));
    const all = [...parameters].map(([name, { value, source }], stream) => {
      if (value.node.kind !== 'state') throw new Error(`the weight "${name}" is no state.`);
      const weight: Weight = { name, shape: value.shape, data: value.node.initial, stream };
      return { layer: owner.get(source), weight };
    });
    const layers = model.layers
      .map(({ name }) => ({ name, weights: all.filter(({ layer }) => layer === name).map(({ weight }) => weight) }))
      .filter(({ weights }) => weights.length > 0);
    const states = Object.fromEntries([...parameters].map(([name, { value }]) => [name, value]));
    const program = await compile(device, computation(states), { label: 'weights' });
    return new ChangingWeights({ ...context, weights: program }, program, layers);
  }

  get layers(): readonly string[] {
    return this.weighted.map(({ name }) => name);
  }

  /**
   * Draws all weights of these layers anew on the device, each tensor from the normal distribution with its mean and its
   * standard deviation in the file. The same seed draws the same numbers, whatever else is drawn.
   */
  async randomize(layers: readonly string[], seed: number): Promise<void> {
    const graph = new Graph();
    const draw = graph.input(DRAW, []);
    const updates = this.weightsOf(layers).map(({ name, shape, data, stream }): Update => {
      const [mean, deviation] = moments(data);
      const value = add(mul(randomNormal(draw, shape, { seed, stream }), deviation), mean);
      return { state: graph.state(name, { shape, data }), value };
    });
    if (updates.length === 0) return;
    const { device } = this.context;
    const program = await compile(device, computation({}, updates), { label: 'redraw', shareStates: this.program });
    try {
      await program.evaluate({ [DRAW]: new Float32Array(1) }, []);
    } finally {
      program.dispose();
    }
  }

  /** Puts the numbers of the file back, to the bit. */
  restore(layers: readonly string[] = this.layers): void {
    for (const { name, data } of this.weightsOf(layers)) this.program.write(name, data);
  }

  /** The weights as they are now, in the engine's layout. */
  read(): Promise<Record<string, Float32Array>> {
    return this.program.readAll(this.weightsOf(this.layers).map(({ name }) => name));
  }

  dispose(): void {
    this.program.dispose();
  }

  private weightsOf(layers: readonly string[]): readonly Weight[] {
    return this.weighted.filter(({ name }) => layers.includes(name)).flatMap(({ weights }) => weights);
  }
}
