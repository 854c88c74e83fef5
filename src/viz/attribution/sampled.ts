// sampled.ts: weighted sums of a traced map over many inputs that the device makes itself: points of a path, noisy copies.
// The host sends a few numbers a sample and reads one map in the end.

import type { Program } from '../../engine/gpu/program.ts';
import { computation, Graph, type Update, type Value } from '../../engine/graph.ts';
import { add, mul, reshape, stepCounter, sum } from '../../engine/ops/index.ts';
import { sizeOf } from '../../kernels/shape.ts';
import type { Shape } from '../../kernels/types.ts';
import { toFileLayout } from '../../models/onnx/layout.ts';
import { batchFor } from './batch.ts';
import { joined, pipelined, type Watch } from './pipelined.ts';
import { compileFor, type Context, inputShape } from './subject.ts';
import type { TracedMap } from './traced.ts';

export interface SampledSpec {
  readonly label: string;
  /** About how many samples a run will ask for: decides the batch. */
  readonly samples: number;
  /** Numbers that differ from sample to sample; each becomes an input [batch] of its own. */
  readonly knobs: readonly string[];
  /** Also sum the squares. */
  readonly squares?: boolean;
  /** Also sum the squares, cubes and fourth powers: a variance has its error from them. */
  readonly fourPowers?: boolean;
  /** At the signal, return the sums of the samples so far (as many as there are scores). */
  readonly partial?: boolean;
  /** From the picture x: [1,H,W,C], to the maps of `batch` samples. `step` counts replays, for random numbers. */
  trace(x: Value, knobs: Readonly<Record<string, Value>>, step: Value, batch: number): TracedMap;
}

/** Sums over the samples of one run, in the file's layout. */
interface Sampled {
  readonly shape: Shape;
  readonly sum: Float32Array;
  readonly squares?: Float32Array;
  readonly cubes?: Float32Array;
  readonly fourths?: Float32Array;
  /** Score of each sample. */
  readonly scores: Float32Array;
}

/** Names of the states that hold the sums of the powers 1, 2, ... */
const powersOf = ({ squares, fourPowers }: SampledSpec): readonly string[] =>
  ['sum', 'squares', 'cubes', 'fourths'].slice(0, fourPowers ? 4 : squares ? 2 : 1);

function traceSums(context: Context, spec: SampledSpec, batch: number) {
  const graph = new Graph();
  const x = graph.input('x', inputShape(context));
  const { value: step, update } = stepCounter(graph);
  const knobs = Object.fromEntries(spec.knobs.map((name) => [name, graph.input(name, [batch])]));
  const traced = spec.trace(x, knobs, step, batch);
  const { map, scores } = traced;
  const weights = reshape(graph.input('weights', [batch]), [batch, ...map.shape.slice(1).map(() => 1)]);
  const mapShape = [1, ...map.shape.slice(1)];
  const total = (name: string, value: Value): Update => {
    const state = graph.state(name, { shape: mapShape, data: new Float32Array(sizeOf(mapShape)) });
    return { state, value: add(state, sum(mul(value, weights), [0], { keepDims: true })) };
  };
  let power = map;
  const totals = powersOf(spec).map((name, k) => {
    if (k > 0) power = mul(power, map);
    return total(name, power);
  });
  const updates = [...totals, update];
  return { traced, mapShape, sums: computation({ scores }, updates) };
}

export class Sampler {
  private constructor(
    private readonly program: Program,
    private readonly spec: SampledSpec,
    private readonly batch: number,
    private readonly traced: TracedMap,
    private readonly mapShape: Shape,
  ) {}

  static async create(context: Context, spec: SampledSpec): Promise<Sampler> {
    const { label } = spec;
    const batch = batchFor(context, spec.samples, (n) => traceSums(context, spec, n).sums, label);
    const { traced, mapShape, sums } = traceSums(context, spec, batch);
    return new Sampler(await compileFor(context, sums, label), spec, batch, traced, mapShape);
  }

  get layer(): string | undefined {
    return this.traced.layer;
  }

  /**
   * Σ_k weights[k]·map_k. `inputs` are those of the graph, "x" among them; `knobs` give each sample's numbers. Stops at the
   * signal with its reason.
   */
  run(
    inputs: Readonly<Record<string, Float32Array>>,
    knobs: Readonly<Record<string, ArrayLike<number>>>,
    weights: ArrayLike<number>,
    watch: Watch = {},
  ): Promise<Sampled> {
    // The sums live on the device: after a loss they begin anew.
    return this.program.device.retry(() => this.sumUp(inputs, knobs, weights, watch));
  }

  private async sumUp(
    inputs: Readonly<Record<string, Float32Array>>,
    knobs: Readonly<Record<string, ArrayLike<number>>>,
    weights: ArrayLike<number>,
    watch: Watch,
  ): Promise<Sampled> {
    const { program, batch, traced, mapShape, spec } = this;
    const sums = powersOf(spec);
    for (const [name, data] of Object.entries(inputs)) program.write(name, data);
    for (const name of sums) program.write(name, new Float32Array(sizeOf(mapShape)));
    program.write('step', new Float32Array(1));
    // What fills up the last replay repeats the last sample, at weight 0.
    const part = (numbers: ArrayLike<number>, first: number, rest = numbers[numbers.length - 1]): Float32Array =>
      Float32Array.from({ length: batch }, (_, i) => numbers[first + i] ?? rest);
    const replays = Math.ceil(weights.length / batch);
    const scores = await pipelined(
      replays,
      async (k) => {
        const own = Object.fromEntries(spec.knobs.map((name) => [name, part(knobs[name], k * batch)]));
        return (await program.evaluate({ ...own, weights: part(weights, k * batch, 0) }, ['scores'])).scores;
      },
      watch,
    );
    if (scores.length < replays && (!spec.partial || scores.length === 0)) watch.signal?.throwIfAborted();
    const totals = await program.readAll(sums);
    const inFile = (data: Float32Array) => toFileLayout(data, traced.layout, mapShape);
    const { data: sum, shape } = inFile(totals.sum);
    const [squares, cubes, fourths] = sums.slice(1).map((name) => inFile(totals[name]).data);
    return { shape, sum, squares, cubes, fourths, scores: joined(scores, batch, weights.length) };
  }

  dispose(): void {
    this.program.dispose();
  }
}
