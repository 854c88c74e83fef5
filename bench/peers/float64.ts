// float64.ts: what the engines are checked against: the same computations on the float64 references of their ops.

import { type Computation, Graph, interpret, ops } from '../../src/index.ts';
import * as data from '../data.ts';
import { Facet, type Of, type Runnable } from './facet.ts';
import type { Network, Prepared } from './peer.ts';

/** A program that runs on the CPU, in float64 and some hundred times as long. */
class Interpreted implements Runnable {
  private readonly feeds: Record<string, ArrayLike<number>> = {};
  private results: Readonly<Record<string, { readonly data: Float64Array }>> = {};

  constructor(private readonly computation: Computation) {}

  write(name: string, numbers: ArrayLike<number>): void {
    this.feeds[name] = numbers;
  }

  run(): void {
    const { outputs, states } = interpret(this.computation, this.feeds);
    this.results = { ...outputs, ...states };
    for (const [name, { data }] of Object.entries(states)) this.feeds[name] = data;
  }

  async read(name: string): Promise<Float32Array<ArrayBuffer>> {
    return Float32Array.from(this.results[name].data);
  }

  dispose(): void {}
}

export class Float64 extends Facet {
  static override async open(): Promise<Float64> {
    return new Float64((await Facet.open()).device);
  }

  protected override async compile(what: Computation): Promise<Runnable> {
    return new Interpreted(what);
  }

  /** Of many masks a few are enough. The pictures are made on the CPU. */
  protected override async masks({ model, shape, picture, target }: Network, { grid }: Of<'masks'>): Promise<Prepared> {
    const [, H, W, C] = shape;
    const count = data.CHECKED_MASKS;
    const shown = data.pixelMasks(data.coalitions(count, grid), data.cellsOf(H, W, grid), grid ** 2, 0, count);
    const pictures = Float32Array.from(
      { length: shown.length * C },
      (_, i) => shown[Math.floor(i / C)] * picture[i % picture.length],
    );
    const x = new Graph().input('x', [count, H, W, C]);
    return this.program({ y: ops.select(model.trace(x).output, 1, target) }, { x: pictures });
  }
}
