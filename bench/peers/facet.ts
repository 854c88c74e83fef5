// facet.ts: this engine in the benchmark, as it is used.

import {
  compile,
  type CompileOptions,
  type Computation,
  computation,
  type Device,
  findMethod,
  Graph,
  gradient,
  objectives,
  openDevice,
  ops,
  type Program,
  type Value,
  Visualization,
} from '../../src/index.ts';
import { crossEntropy, writeOneHot } from '../../src/training/losses.ts';
import { PictureGames } from '../../src/viz/attribution/pictureGame.ts';
import * as data from '../data.ts';
import type { ConvSpec, Work } from '../peerWorks.ts';
import type { Network, Networks, Peer, Prepared } from './peer.ts';

/** What a work wants of a program. */
export type Runnable = Pick<Program, 'write' | 'run' | 'read' | 'dispose'>;

export type Of<K extends Work['kind']> = Extract<Work, { kind: K }>;

const convAttrs = ({ stride, pad, groups }: ConvSpec) => ({
  strides: [stride, stride] as const,
  pads: [pad, pad, pad, pad] as const,
  groups,
});

const one = (size: number, at: number): Float32Array => {
  const data = new Float32Array(size);
  data[at] = 1;
  return data;
};

export class Facet implements Peer {
  readonly version = 'this checkout';

  constructor(readonly device: Device) {}

  static async open(): Promise<Facet> {
    return new Facet(await openDevice());
  }

  async prepare(work: Work, networks: Networks): Promise<Prepared> {
    switch (work.kind) {
      case 'matmul': {
        const { a, b } = data.matmulData(work.size);
        const graph = new Graph();
        const shape = [work.size, work.size];
        return this.program({ y: ops.matmul(graph.input('a', shape), graph.input('b', shape)) }, { a, b });
      }
      case 'conv':
      case 'convInput':
        return this.convolution(work);
      case 'irfft2': {
        const { size, channels } = work;
        const { real, imaginary } = data.spectrumData(size, channels);
        const c = Float32Array.from({ length: 2 * real.length }, (_, i) => (i % 2 ? imaginary : real)[i >> 1]);
        const x = new Graph().input('c', [1, size, size / 2 + 1, channels, 2]);
        return this.program({ y: ops.irfft2(x, size) }, { c });
      }
      case 'dispatches': {
        const { count, size } = work;
        let value: Value = new Graph().input('x', [size]);
        for (let i = 0; i < count; i++) value = ops.relu(value);
        return this.program({ y: value }, { x: data.uniform(9, size) }, { optimize: false });
      }
      default:
        return this.onNetwork(work, await networks(work.network));
    }
  }

  private convolution({ kind, conv }: Of<'conv' | 'convInput'>): Promise<Prepared> {
    const { x, w, dy } = data.convData({ kind, conv });
    const { size, channels, filters, taps, groups } = conv;
    const graph = new Graph();
    const filter = graph.constant({ shape: [taps, taps, channels / groups, filters], data: w });
    if (kind === 'conv') {
      return this.program(
        { y: ops.conv2d(graph.input('x', [1, size, size, channels]), filter, convAttrs(conv)) },
        { x },
      );
    }
    const side = Math.sqrt(dy.length / filters);
    const slope = graph.input('dy', [1, side, side, filters]);
    return this.program({ y: ops.conv2dInput(slope, filter, { ...convAttrs(conv), inputSize: [size, size] }) }, { dy });
  }

  private onNetwork(
    work: Exclude<Work, Of<'matmul' | 'conv' | 'convInput' | 'irfft2' | 'dispatches'>>,
    network: Network,
  ): Promise<Prepared> {
    switch (work.kind) {
      case 'forward': {
        const x = new Graph().input('x', network.shape);
        return this.program({ y: network.model.trace(x).output }, { x: network.picture });
      }
      case 'gradient': {
        const { x, score } = this.score(network);
        return this.program({ y: gradient(score, [x])[0] }, { x: network.picture });
      }
      case 'gradCam':
        return this.gradCam(network);
      case 'visualization':
        return this.visualization(network);
      case 'fourierVisualization':
        return this.fourier(network);
      case 'integratedGradients':
        return this.integrated(network, work.points);
      case 'masks':
        return this.masks(network, work);
      case 'training':
        return this.training(network, work.batch);
    }
  }

  /** The logit of the target. */
  private score({ model, shape, target }: Network) {
    const x = new Graph().input('x', shape);
    const trace = model.trace(x);
    const wanted = x.graph.constant({ shape: [1, model.classes], data: one(model.classes, target) });
    return { x, trace, score: ops.sum(ops.mul(trace.output, wanted)) };
  }

  private gradCam(network: Network): Promise<Prepared> {
    const { trace, score } = this.score(network);
    const maps = trace.layer(network.cam);
    const [slope] = gradient(score, [maps]);
    const weighed = ops.mul(maps, ops.mean(slope, [1, 2], { keepDims: true }));
    return this.program({ y: ops.relu(ops.sum(weighed, [3])) }, { x: network.picture });
  }

  private async visualization({ model, shape, ranges, visualized }: Network): Promise<Prepared> {
    const graph = new Graph();
    const count = shape.reduce((a, b) => a * b);
    const pixels = graph.state('pixels', { shape, data: data.uniform(10, count, -0.1, 0.1) });
    const channels = (pick: (range: readonly [number, number]) => number) =>
      graph.constant({ shape: [ranges.length], data: Float32Array.from(ranges, pick) });
    const picture = ops.add(
      ops.mul(
        ops.sigmoid(pixels),
        channels(([low, high]) => high - low),
      ),
      channels(([low]) => low),
    );
    const layer = model.trace(picture, { until: visualized }).layer(visualized);
    const value = ops.mean(ops.select(layer, 3, data.channelOf(layer.shape[3])));
    const [slope] = gradient(ops.neg(value), [pixels]);
    const { rate: lr, beta1, beta2, eps } = data.ADAM;
    const updates = ops.adam(pixels, slope, { lr, beta1, beta2, eps });
    return this.prepared(await this.compile(computation({ value }, updates)), 'adam.m.pixels');
  }

  private async fourier({ model, shape, visualized }: Network): Promise<Prepared> {
    const [, H, W] = shape;
    const count = model.layer(visualized).shape[0];
    const objective = objectives.channel(visualized, data.channelOf(count));
    const run = await Visualization.create(this.device, model, objective, { size: [H, W], redirectSteps: 0 });
    return {
      run: () => run.programs[0].run(),
      idle: () => this.device.idle(),
      result: () => run.programs[0].read('value'),
      dispose: () => run.dispose(),
    };
  }

  private async integrated(network: Network, points: number): Promise<Prepared> {
    const { model, shape, picture, target } = network;
    const method = await findMethod('integrated-gradients').prepare(
      { device: this.device, model, size: [shape[1], shape[2]] },
      { steps: points },
    );
    let values = new Float32Array();
    return {
      run: async () => {
        values = Float32Array.from((await method.attribute({ input: picture, target })).values);
      },
      idle: () => this.device.idle(),
      result: async () => values,
      dispose: () => method.dispose(),
    };
  }

  protected async masks(network: Network, { count, grid }: Of<'masks'>): Promise<Prepared> {
    const { model, shape, picture, target } = network;
    const context = { device: this.device, model, size: [shape[1], shape[2]] as const };
    const games = await PictureGames.create(context, { grid, baseline: 0 }, { grid, baseline: 0 }, () => count);
    const sets = data.coalitions(count, grid);
    const players = grid * grid;
    const scores = new Float32Array(count);
    return {
      run: () =>
        games.play({ input: picture, target }, (game) =>
          game.play(
            count,
            (index, row) => row.set(sets.subarray(index * players, (index + 1) * players)),
            (part, first) => {
              scores.set(part, first);
            },
          ),
        ),
      idle: () => this.device.idle(),
      result: async () => scores,
      dispose: () => games.dispose(),
    };
  }

  private async training({ model, shape }: Network, batch: number): Promise<Prepared> {
    const [, H, W, C] = shape;
    const graph = new Graph();
    const x = graph.input('x', [batch, H, W, C]);
    const { output, parameters } = model.trace(x, { parameters: 'state' });
    const weights = [...parameters.values()].map(({ value }) => value);
    const loss = crossEntropy(output, graph.input('labels', [batch, model.classes]));
    const updates = ops.sgd(weights, gradient(loss, weights), { lr: data.TRAINING_RATE });
    const program = await this.compile(computation({ loss }, updates));
    const labels = new Float32Array(batch * model.classes);
    writeOneHot(
      Array.from({ length: batch }, (_, n) => n % model.classes),
      model.classes,
      labels,
    );
    program.write('x', data.uniform(12, batch * H * W * C));
    program.write('labels', labels);
    return { ...this.prepared(program, 'loss'), runs: data.TRAINING_STEPS };
  }

  protected compile(what: Computation, options?: CompileOptions): Promise<Runnable> {
    return compile(this.device, what, options);
  }

  protected async program(
    outputs: Readonly<Record<'y', Value>>,
    inputs: Readonly<Record<string, Float32Array>>,
    options?: CompileOptions,
  ): Promise<Prepared> {
    const program = await this.compile(computation(outputs), options);
    for (const [name, numbers] of Object.entries(inputs)) program.write(name, numbers);
    return this.prepared(program, 'y');
  }

  private prepared(program: Runnable, result: string): Prepared {
    return {
      run: () => program.run(),
      idle: () => this.device.idle(),
      result: () => program.read(result),
      dispose: () => program.dispose(),
    };
  }
}
